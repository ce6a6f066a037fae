package audiofile

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"

	"sotto/internal/testsig"
)

// sweep is the left channel that testdata/mp3.py encodes, with LAME's own gain of 0.95.
func sweep(n int, rate float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		t := float64(i) / rate
		x[i] = float32(0.95 * 0.4 * math.Sin(2*math.Pi*(200*t+900*t*t/(float64(n)/rate))))
	}
	return x
}

// TestMP3 expects the signal where the encoder got it, sample by sample: delay and padding are gone, mono is mono.
func TestMP3(t *testing.T) {
	for _, c := range []struct {
		name           string
		rate, channels int
		frames         int
	}{{"mono16k", 16000, 1, 4800}, {"mono48k", 48000, 1, 14400}, {"stereo22k", 22050, 2, 6615}, {"stereo44k", 44100, 2, 17640}} {
		r, err := Open("testdata/" + c.name + ".mp3")
		if err != nil {
			t.Fatal(err)
		}
		want := Info{Format: "MP3", SampleRate: c.rate, Channels: c.channels, BitDepth: 16, Frames: int64(c.frames)}
		if r.Info() != want {
			t.Errorf("%s: info %+v, want %+v", c.name, r.Info(), want)
		}
		got, err := readBlocks(r, 100*c.channels)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		left := make([]float32, 0, c.frames)
		for i := 0; i < len(got); i += c.channels {
			left = append(left, got[i])
		}
		// The codec's own error stays below -26 dB of the amplitude away from the ends.
		in := sweep(c.frames, float64(c.rate))
		testsig.Near(t, c.name, left[200:len(left)-400], in[200:len(in)-400], 0.4/20)
		if c.channels == 2 {
			testsig.NearAt(t, c.name+" right", peak(got, 1), 0.95*0.3, 0.01)
		}
	}
}

// peak returns the largest magnitude of one channel of a stereo signal.
func peak(x []float32, channel int) float64 {
	var p float64
	for i := 2*400 + channel; i < len(x)-2*400; i += 2 {
		p = max(p, math.Abs(float64(x[i])))
	}
	return p
}

func TestMP3WithTags(t *testing.T) {
	whole, err := os.ReadFile("testdata/mono48k.mp3")
	if err != nil {
		t.Fatal(err)
	}
	footed := "ID3\x04\x00\x10\x00\x00\x00\x04body3DI\x04\x00\x10\x00\x00\x00\x04"
	id3 := append([]byte(footed+"ID3\x04\x00\x00\x00\x00\x02\x10"), bytes.Repeat([]byte{0xff, 0xfb}, 0x110/2)...)
	data := append(append(append(id3, 0, 0, 0, 0), whole...), "TAG behind"...)
	r, err := NewReader(bytes.NewReader(data), "tagged.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if x, err := readBlocks(r, 99); err != nil || len(x) != 14400 {
		t.Errorf("%d samples, error %v; want 14400", len(x), err)
	}
}

// TestMP3Junk removes the encoder's note and puts junk between frames and behind them.
func TestMP3Junk(t *testing.T) {
	whole, err := os.ReadFile("testdata/mono48k.mp3")
	if err != nil {
		t.Fatal(err)
	}
	h, ok := parseMP3(whole)
	if !ok || h.length != 192 { // 144 * 64000 / 48000.
		t.Fatalf("first frame: %+v, %v", h, ok)
	}
	plain := whole[h.length:]
	data := append(append(bytes.Clone(plain[:5*h.length]), "junk"...), plain[5*h.length:]...)
	data = append(data, "TAG and \xff things"...)
	r, err := NewReader(bytes.NewReader(data), "junk.mp3")
	if err != nil {
		t.Fatal(err)
	}
	want := len(plain) / h.length * 1152
	if x, err := readBlocks(r, 100); err != nil || len(x) != want || r.Info().Frames != -1 {
		t.Errorf("%d samples, error %v, %d frames; want %d", len(x), err, r.Info().Frames, want)
	}
}

func TestMP3Damage(t *testing.T) {
	whole, err := os.ReadFile("testdata/stereo44k.mp3")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := parseMP3(whole)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"cut", whole[:len(whole)/2], "truncated: the header promises 17640 samples per channel"},
		{"untold", whole[h.length : len(whole)/2+7], "truncated: the file ends inside an MP3 frame"},
		{"one", whole[:h.length-5], "without a whole frame"},
		{"noise", append(bytes.Clone(whole[:3*h.length]), bytes.Repeat([]byte("no"), bufferSize)...), "no frame where one should begin"},
		{"old", read(t, "testdata/mono8k.mp3"), "an MPEG-2.5 MP3 file"},
		{"misread", read(t, "testdata/mono22k.mp3"), "which the decoder misreads; convert it to WAV"},
		{"tagonly", []byte("ID3\x04\x00\x00\x00\x00\x00\x02xx and then nothing of use"), "no audio found behind the ID3 tag"},
		{"tagcut", []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7fxx"), "ends inside its ID3 tag"},
	} {
		r, err := NewReader(bytes.NewReader(c.data), c.name+".mp3")
		if err == nil {
			_, err = readBlocks(r, 1024)
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.name+".mp3: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
