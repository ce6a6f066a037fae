package audiofile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"sotto/internal/testsig"
)

// riff builds a WAV file from chunks, each an id and its body; the sizes are right.
func riff(form string, chunks ...string) []byte {
	var b []byte
	for i := 0; i < len(chunks); i += 2 {
		b = binary.LittleEndian.AppendUint32(append(b, chunks[i]...), uint32(len(chunks[i+1])))
		b = append(b, chunks[i+1]...)
		if len(chunks[i+1])%2 == 1 {
			b = append(b, 0)
		}
	}
	head := binary.LittleEndian.AppendUint32([]byte(form), uint32(len(b)+4))
	return append(append(head, "WAVE"...), b...)
}

// format is the body of a "fmt " chunk; extensible when valid > 0.
func format(tag, channels, rate, depth, valid int) string {
	le := binary.LittleEndian
	var b []byte
	outer := tag
	if valid > 0 {
		outer = tagExtensible
	}
	align := channels * ((depth + 7) / 8)
	b = le.AppendUint16(b, uint16(outer))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*align))
	b = le.AppendUint16(b, uint16(align))
	b = le.AppendUint16(b, uint16(depth))
	if valid > 0 {
		b = le.AppendUint16(b, 22)
		b = le.AppendUint16(b, uint16(valid))
		b = le.AppendUint32(b, 3)
		b = le.AppendUint16(b, uint16(tag))
		b = append(b, guidTail...)
	}
	return string(b)
}

// doubles is a float64 body of the given samples.
func doubles(v ...float64) string {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return string(b)
}

// TestWAVCodings decodes hand-made bytes of every coding.
func TestWAVCodings(t *testing.T) {
	for _, c := range []struct {
		name string
		fmt  string
		data string
		want []float32
	}{
		{"8 bits, unsigned", format(tagPCM, 1, 8000, 8, 0), "\x80\x00\xff\xc0", []float32{0, -1, 127. / 128, 0.5}},
		{"16 bits", format(tagPCM, 1, 8000, 16, 0), "\x00\x00\x00\x80\xff\x7f\x00\x40", []float32{0, -1, 32767. / 32768, 0.5}},
		{"24 bits", format(tagPCM, 1, 8000, 24, 0), "\x00\x00\x80\x01\x00\x00\x00\x00\xc0", []float32{-1, 1. / (1 << 23), -0.5}},
		{"32 bits", format(tagPCM, 1, 8000, 32, 0), "\x00\x00\x00\x80\x00\x00\x00\x20", []float32{-1, 0.25}},
		{"float", format(tagFloat, 1, 8000, 32, 0), "\x00\x00\x00\x3f\x00\x00\xc0\xbf", []float32{0.5, -1.5}},
		{"double", format(tagFloat, 1, 8000, 64, 0), doubles(0.5, -3), []float32{0.5, -3}},
		{"mu-law", format(tagMuLaw, 1, 8000, 8, 0), "\x00\x80\xff\x7f", []float32{-32124. / 32768, 32124. / 32768, 0, 0}},
		{"A-law", format(tagALaw, 1, 8000, 8, 0), "\xd5\x55\xaa\x2a", []float32{8. / 32768, -8. / 32768, 32256. / 32768, -32256. / 32768}},
		{"extensible float", format(tagFloat, 1, 8000, 32, 32), "\x00\x00\x00\x3f", []float32{0.5}},
		{"extensible, 20 bits in 24", format(tagPCM, 1, 8000, 24, 20), "\x00\x00\x40", []float32{0.5}},
		{"12 bits in 16", format(tagPCM, 1, 8000, 12, 0), "\x00\x40", []float32{0.5}},
		{"3 channels", format(tagPCM, 3, 8000, 16, 0), "\x00\x00\x00\x20\x00\x40\x00\x00\x00\xe0\x00\xc0", []float32{0, 0.25, 0.5, 0, -0.25, -0.5}},
	} {
		for _, data := range [][]byte{
			riff("RIFF", "fmt ", c.fmt, "data", c.data),
			riff("RIFF", "LIST", "odd", "fmt ", c.fmt, "fact", "\x00\x00\x00\x00", "data", c.data, "LIST", "behind"),
		} {
			r, err := NewReader(iotest.OneByteReader(bytes.NewReader(data)), c.name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readBlocks(r, r.Info().Channels)
			if err != nil {
				t.Fatal(err)
			}
			testsig.Near(t, c.name, got, c.want, 0)
			if f := r.Info().Frames; f != int64(len(c.want)/r.Info().Channels) {
				t.Errorf("%s: %d frames, want %d", c.name, f, len(c.want))
			}
		}
	}
}

func TestWAVInfo(t *testing.T) {
	r, err := NewReader(bytes.NewReader(riff("RIFF", "fmt ", format(tagFloat, 2, 44100, 64, 64), "data", doubles(1, 2, 3, 4))), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := Info{Format: "WAV", SampleRate: 44100, Channels: 2, BitDepth: 64, Float: true, Frames: 2}
	if r.Info() != want {
		t.Errorf("info %+v, want %+v", r.Info(), want)
	}
}

// TestWAVFromPipes reads headers whose lengths a program that wrote to a pipe never filled in.
func TestWAVFromPipes(t *testing.T) {
	body := "\x00\x40\x00\x20\x00\x10"
	want := []float32{0.5, 0.25, 0.125}
	for _, size := range []uint32{0, 0xffffffff, 0x7ffff000, 0x80000000, 0x7fffffff} {
		for _, riffSize := range []uint32{0, 36, 0xffffffff} {
			data := riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", body)
			binary.LittleEndian.PutUint32(data[4:], riffSize)
			binary.LittleEndian.PutUint32(data[40:], size)
			name := fmt.Sprintf("data size %#x, RIFF size %#x", size, riffSize)
			if size == 0 && riffSize == 0xffffffff {
				continue // Tested below: the RIFF size covers more, so the data are empty.
			}
			r, err := NewReader(io.MultiReader(bytes.NewReader(data)), name)
			if err != nil {
				t.Fatal(err)
			}
			if r.Info().Frames != -1 {
				t.Errorf("%s: %d frames, want -1", name, r.Info().Frames)
			}
			got, err := readBlocks(r, 2)
			if err != nil {
				t.Errorf("%v", err)
			}
			testsig.Near(t, name, got, want, 0)
		}
	}
}

func TestWAVEmptyData(t *testing.T) {
	data := riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", "", "LIST", "not audio")
	r, err := NewReader(bytes.NewReader(data), "empty")
	if err != nil {
		t.Fatal(err)
	}
	if x, err := readBlocks(r, 16); len(x) != 0 || err != nil || r.Info().Frames != 0 {
		t.Errorf("%d samples of %d frames, error %v; want none", len(x), r.Info().Frames, err)
	}
}

func TestRF64(t *testing.T) {
	le := binary.LittleEndian
	ds64 := string(le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 0), 4), 2)) + "\x00\x00\x00\x00"
	data := riff("RF64", "ds64", ds64, "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", "\x00\x40\x00\x20", "LIST", "behind")
	at := bytes.Index(data, []byte("data")) + 4
	le.PutUint32(data[at:], 0xffffffff)
	r, err := NewReader(bytes.NewReader(data), "big.wav")
	if err != nil {
		t.Fatal(err)
	}
	got, err := readBlocks(r, 16)
	if err != nil {
		t.Fatal(err)
	}
	testsig.Near(t, "RF64", got, []float32{0.5, 0.25}, 0)
}

// TestWAVDamage gives every damage a line that begins with the file's name and says what is wrong.
func TestWAVDamage(t *testing.T) {
	good := riff("RIFF", "fmt ", format(tagPCM, 2, 8000, 16, 0), "data", "12345678")
	edit := func(at int, v string) []byte {
		b := bytes.Clone(good)
		copy(b[at:], v)
		return b
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"header", good[:10], "ends inside its WAV header"},
		{"fmt", good[:25], `ends inside its "fmt " chunk`},
		{"nodata", good[:36], "no data chunk"},
		{"short", good[:len(good)-3], "truncated: the header promises 2 samples per channel, the last 1 are missing"},
		{"huge", edit(40, "\x00\xf0\xff\x7e"), "the header promises 532675584 samples per channel, the last 532675582 are missing"},
		{"avi", edit(8, "AVI "), `a RIFF file of type "AVI "`},
		{"rate0", edit(24, "\x00\x00\x00\x00"), "sample rate 0 Hz, expected 1000 to 1048576"},
		{"rate", edit(24, "\xff\xff\xff\x00"), "sample rate 16777215 Hz"},
		{"channels", edit(22, "\x00\x00"), "no channels"},
		{"align", edit(32, "\x07\x00"), "7 bytes per frame for 2 channels of 16 bits, expected 4"},
		{"bits", edit(32, "\x10\x00\x40\x00"), "8 bytes per sample (format 1)"},
		{"bits0", edit(32, "\x00\x00\x00\x00"), "0 bytes per sample (format 1)"},
		{"adpcm", edit(20, "\x02\x00"), "compressed format 0x0002"},
		{"order", riff("RIFF", "data", "1234", "fmt ", format(tagPCM, 1, 8000, 16, 0)), "no format chunk before the samples"},
		{"guid", riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 16)[:30]+strings.Repeat("x", 10), "data", ""), "unknown extensible format"},
		{"tiny", riff("RIFF", "fmt ", "\x01\x00", "data", ""), "a format chunk of 2 bytes"},
	} {
		r, err := NewReader(bytes.NewReader(c.data), c.name+".wav")
		if err == nil {
			_, err = readBlocks(r, 4)
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.name+".wav: ") || !strings.Contains(err.Error(), c.want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.name, err, c.want)
		}
	}
}

// TestTruncatedYieldsItsSamples: what is there comes out before the error.
func TestTruncatedYieldsItsSamples(t *testing.T) {
	data := riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", "\x00\x40\x00\x20")
	r, err := NewReader(bytes.NewReader(data[:len(data)-1]), "x.wav")
	if err != nil {
		t.Fatal(err)
	}
	got, err := readBlocks(r, 64)
	testsig.Near(t, "samples", got, []float32{0.5}, 0)
	if err == nil {
		t.Error("no error for a truncated file")
	}
	if _, again := r.Read(make([]float32, 1)); !errors.Is(again, err) {
		t.Errorf("the next Read says %v, want the same error", again)
	}
}

// TestWAVLikeGoAudio reads what go-audio/wav writes and lets it read what Create writes, for the integer formats in which
// it is right.
func TestWAVLikeGoAudio(t *testing.T) {
	dir := t.TempDir()
	x := testsig.SpeechLike(2*1000, 16000, 3)
	for _, depth := range []int{16, 24, 32} {
		path := filepath.Join(dir, fmt.Sprint(depth, ".wav"))
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		ints := &audio.IntBuffer{Format: &audio.Format{NumChannels: 2, SampleRate: 16000}, SourceBitDepth: depth}
		for _, v := range x {
			ints.Data = append(ints.Data, int(float64(v)*float64(int(1)<<(depth-1))))
		}
		enc := wav.NewEncoder(f, 16000, depth, 2, 1)
		if err := enc.Write(ints); err != nil {
			t.Fatal(err)
		}
		if err := enc.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		a, err := ReadAll(path)
		if err != nil {
			t.Fatal(err)
		}
		for c, got := range a.Channels {
			want := make([]float32, len(got))
			for i := range want {
				want[i] = x[2*i+c]
			}
			testsig.Near(t, fmt.Sprintf("%d bits, channel %d", depth, c), got, want, 1/float64(int(1)<<(depth-1)))
		}
	}
	for enc, depth := range map[Encoding]int{PCM16: 16, PCM24: 24} {
		path := filepath.Join(dir, "ours.wav")
		if err := WriteMono(path, x, 16000, enc); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := wav.NewDecoder(f).FullPCMBuffer()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if len(b.Data) != len(x) || b.SourceBitDepth != depth || b.Format.SampleRate != 16000 {
			t.Fatalf("go-audio sees %d samples of %d bits at %d Hz", len(b.Data), b.SourceBitDepth, b.Format.SampleRate)
		}
		for i, v := range b.Data {
			if v != int(quantise(x[i], float64(int(1)<<(depth-1)))) {
				t.Fatalf("%v: go-audio reads %d at %d, want %v", enc, v, i, x[i])
			}
		}
	}
}
