package audiofile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/internal/testsig"
)

// flacSource is the signal of the files testdata/*.flac, interleaved, 16 kHz. They were made by flac 1.4.2 from what Create
// wrote of it: mono16 -8; stereo24 -5 -b 1152; three16 -0; order32 --lax -l 32 -b 4096 -e; order3 -l 3 -m -b 777 --lax.
func flacSource(channels int) []float32 {
	x := testsig.SpeechLike(3000*channels, 16000, 11)
	if channels == 2 {
		y, z := testsig.SpeechLike(3000, 16000, 11), testsig.WhiteNoise(3000, 0.01, 3)
		for i := range y {
			x[2*i], x[2*i+1] = y[i]+z[i], y[i]-z[i]
		}
	}
	return x
}

func TestFLACFiles(t *testing.T) {
	for _, c := range []struct {
		name     string
		channels int
		depth    int
	}{{"mono16", 1, 16}, {"stereo24", 2, 24}, {"three16", 3, 16}, {"order32", 1, 16}, {"order3", 2, 16}} {
		r, err := Open("testdata/" + c.name + ".flac")
		if err != nil {
			t.Fatal(err)
		}
		want := Info{Format: "FLAC", SampleRate: 16000, Channels: c.channels, BitDepth: c.depth, Frames: 3000}
		if r.Info() != want {
			t.Errorf("%s: info %+v, want %+v", c.name, r.Info(), want)
		}
		x := flacSource(c.channels)
		full := float64(int(1) << (c.depth - 1))
		for i, v := range x {
			x[i] = float32(float64(quantise(v, full)) / full)
		}
		got, err := readBlocks(r, 7*c.channels)
		if err != nil {
			t.Fatal(err)
		}
		testsig.Near(t, c.name, got, x, 0)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// readBlocks reads r to its end, n samples at a time.
func readBlocks(r Reader, n int) ([]float32, error) {
	var all []float32
	block := make([]float32, n)
	for {
		n, err := r.Read(block)
		all = append(all, block[:n]...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// TestFLACDamage cuts and corrupts a file: each damage is an error that names it, and the samples before it come out.
func TestFLACDamage(t *testing.T) {
	whole, err := os.ReadFile("testdata/stereo24.flac")
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-100] ^= 4
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"cut", whole[:len(whole)-10], "cut: truncated: the header promises 3000 samples per channel, the last 696 are missing"},
		{"between", whole[:86+8], "truncated"},
		{"flipped", flipped, "flipped: damaged FLAC data behind sample 2304: "},
		{"header", whole[:20], "truncated"},
	} {
		r, err := NewReader(bytes.NewReader(c.data), c.name)
		if err == nil {
			_, err = readBlocks(r, 256)
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.name+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	r, err := NewReader(bytes.NewReader(append(bytes.Clone(whole), "TAG and other things"...)), "tagged")
	if err != nil {
		t.Fatal(err)
	}
	if x, err := readBlocks(r, 256); err != nil || len(x) != 6000 {
		t.Errorf("with a trailing tag: %d samples, error %v", len(x), err)
	}
}

func BenchmarkFLAC(b *testing.B) {
	dir := testsig.Shared(b, "bench/noisy")
	files, err := filepath.Glob(filepath.Join(dir, "*.flac"))
	if err != nil || len(files) == 0 {
		b.Fatalf("%d FLAC files in %s, error %v", len(files), dir, err)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		x, _, err := ReadMono(files[0])
		if err != nil {
			b.Fatal(err)
		}
		n += len(x)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Msamples/s")
}
