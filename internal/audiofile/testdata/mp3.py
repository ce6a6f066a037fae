"""Makes the MP3 files beside it, with LAME 3.100 through ctypes: python3 mp3.py

The left channel sweeps from 200 to 2000 Hz at amplitude 0.4, the right one holds 440 Hz at 0.3; LAME scales both by 0.95.
The last two are cut: no test reads beyond their first frames.
"""
import ctypes, math

L=ctypes.CDLL("libmp3lame.so.0")
L.lame_init.restype=ctypes.c_void_p
def enc(path, rate, ch, kbps, secs, tag=1, keep=None):
    g=ctypes.c_void_p(L.lame_init())
    n=int(rate*secs)
    L.lame_set_num_channels(g,ch); L.lame_set_in_samplerate(g,rate); L.lame_set_out_samplerate(g,rate)
    L.lame_set_brate(g,kbps); L.lame_set_mode(g,3 if ch==1 else 1); L.lame_set_quality(g,2)
    L.lame_set_bWriteVbrTag(g,tag)
    assert L.lame_init_params(g)==0
    def s(i,c):
        t=i/rate
        if c==0: return 0.4*math.sin(2*math.pi*(200*t+900*t*t/secs))
        return 0.3*math.sin(2*math.pi*440*t)
    A=ctypes.c_float*n
    l=A(*[s(i,0) for i in range(n)]); r=A(*[s(i,1) for i in range(n)])
    buf=ctypes.create_string_buffer(n*8+100000)
    k=L.lame_encode_buffer_ieee_float(g,l,r if ch==2 else l,n,buf,len(buf)); assert k>=0
    data=buf.raw[:k]
    k=L.lame_encode_flush(g,buf,len(buf)); data+=buf.raw[:k]
    if tag:
        k=L.lame_get_lametag_frame(g,buf,len(buf)); data=buf.raw[:k]+data[k:]
    open(path,"wb").write(data[:keep])
enc("mono16k.mp3",16000,1,48,0.3)
enc("mono48k.mp3",48000,1,64,0.3)
enc("stereo22k.mp3",22050,2,64,0.3)
enc("stereo44k.mp3",44100,2,96,0.4)
enc("mono22k.mp3",22050,1,32,0.5,keep=330)
enc("mono8k.mp3",8000,1,16,0.3,keep=300)
