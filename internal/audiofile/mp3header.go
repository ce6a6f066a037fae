package audiofile

import (
	"bytes"
	"encoding/binary"
)

// mp3Header is what a layer III frame header says (ISO/IEC 11172-3, section 2.4.1.3, and 13818-3).
type mp3Header struct {
	version  int // mpeg25, mpeg2 or mpeg1.
	rate     int // Hz.
	channels int
	kbits    int // bit rate in kbit/s.
	padding  int // 1 if the frame is a byte longer than the bit rate says, 0 otherwise.
	length   int // bytes of the frame, header included.
	samples  int // per channel in the frame.
}

// MPEG version codes in a frame header.
const (
	mpeg25 = 0
	mpeg2  = 2
	mpeg1  = 3
)

// Bit rates in kbit/s by their code; 0 is the free format, which go-mp3 does not read.
var (
	rates1 = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
	rates2 = [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
)

// parseMP3 reads a frame header and reports whether b begins with a valid one of layer III.
func parseMP3(b []byte) (h mp3Header, ok bool) {
	if len(b) < 4 {
		return h, false
	}
	v := binary.BigEndian.Uint32(b)
	h.version = int(v >> 19 & 3)
	layer, rate := v>>17&3, v>>10&3
	if v>>21 != 0x7ff || h.version == 1 || layer != 1 || rate == 3 || v&3 == 2 {
		return h, false
	}
	h.rate = [3]int{44100, 48000, 32000}[rate]
	h.kbits, h.padding = rates1[v>>12&15], int(v>>9&1)
	h.samples, h.channels = 1152, 2
	if h.version != mpeg1 {
		h.rate, h.kbits, h.samples = h.rate/2, rates2[v>>12&15], 576
	}
	if h.version == mpeg25 {
		h.rate /= 2
	}
	if v>>6&3 == 3 {
		h.channels = 1
	}
	h.length = h.samples/8*h.kbits*1000/h.rate + h.padding
	return h, h.kbits > 0
}

// mp3Tag is the note that encoders hide in a silent first frame (the Xing/Info tag, with LAME's extension).
type mp3Tag struct {
	frames         uint32 // audio frames, without the tag's own; 0 when not stated.
	exact          bool   // delay and padding are stated.
	delay, padding int    // samples that the encoder put before and behind the signal.
}

// tag looks for the note in the first frame. Its place follows from the size of the side information.
func (h mp3Header) tag(frame []byte) (t mp3Tag, ok bool) {
	if len(frame) >= 40 && bytes.Equal(frame[36:40], []byte("VBRI")) {
		return t, true // Fraunhofer's: nothing in it that is needed.
	}
	at := 4 + 17
	switch {
	case h.version == mpeg1 && h.channels == 2:
		at = 4 + 32
	case h.version != mpeg1 && h.channels == 1:
		at = 4 + 9
	}
	if len(frame) < at+8 || !bytes.Equal(frame[at:at+4], []byte("Xing")) && !bytes.Equal(frame[at:at+4], []byte("Info")) {
		return t, false
	}
	flags, rest := frame[at+7], frame[at+8:]
	for bit, size := range [...]int{4, 4, 100, 4} { // frames, bytes, seek table, quality.
		if flags>>bit&1 == 0 {
			continue
		}
		if len(rest) < size {
			return t, true
		}
		if bit == 0 {
			t.frames = binary.BigEndian.Uint32(rest)
		}
		rest = rest[size:]
	}
	// Encoder's name (9 bytes), then 12 bytes of settings, then delay and padding in 12 bits each.
	if len(rest) >= 24 && (bytes.HasPrefix(rest, []byte("LAME")) || bytes.HasPrefix(rest, []byte("Lav"))) {
		t.exact = true
		t.delay = int(rest[21])<<4 | int(rest[22]>>4)
		t.padding = int(rest[22]&15)<<8 | int(rest[23])
	}
	return t, true
}
