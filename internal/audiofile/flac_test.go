package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mewkiz/flac"
	"github.com/mewkiz/flac/frame"
	"github.com/mewkiz/flac/meta"

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

// TestFLACCodings makes streams of every subframe kind, order, coding method and channel assignment with mewkiz's encoder
// and holds flacFrame against the samples that went in.
func TestFLACCodings(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	for i := range 400 {
		data, want, depth, desc := randomFLAC(t, rng)
		r, err := NewReader(bytes.NewReader(data), "random.flac")
		if err != nil {
			t.Fatalf("stream %d (%s): %v", i, desc, err)
		}
		got, err := readBlocks(r, 2*331)
		if err != nil {
			t.Fatalf("stream %d (%s): %v", i, desc, err)
		}
		x := make([]float32, len(want))
		for i, v := range want {
			x[i] = float32(v) / float32(int(1)<<(depth-1))
		}
		testsig.Near(t, fmt.Sprintf("stream %d (%s)", i, desc), got, x, 0)
		if t.Failed() {
			return
		}
	}
}

// randomFLAC returns a two-channel stream of a few frames of random form, and its samples, interleaved.
func randomFLAC(t *testing.T, rng *rand.Rand) (data []byte, want []int32, depth int, desc string) {
	t.Helper()
	depth = [...]int{8, 12, 16, 20, 24}[rng.IntN(5)]
	var buf bytes.Buffer
	enc, err := flac.NewEncoder(&buf, &meta.StreamInfo{
		BlockSizeMin: 16, BlockSizeMax: 65535, SampleRate: 16000, NChannels: 2, BitsPerSample: uint8(depth),
	})
	if err != nil {
		t.Fatal(err)
	}
	enc.EnablePredictionAnalysis(false)
	for range 1 + rng.IntN(3) {
		size := [...]int{16, 64, 192, 333 * 4, 1152, 4096}[rng.IntN(6)]
		channels := [...]frame.Channels{frame.ChannelsLR, frame.ChannelsLeftSide, frame.ChannelsSideRight, frame.ChannelsMidSide}
		fr := &frame.Frame{Header: frame.Header{
			HasFixedBlockSize: false, BlockSize: uint16(size), SampleRate: 16000, Channels: channels[rng.IntN(4)],
			BitsPerSample: uint8(depth),
		}}
		sub := randomSubframe(rng, size, depth)
		desc += fmt.Sprintf(" %d bits, %d x kind %d order %d wasted %d method %d channels %d;", depth, size, sub.Pred, sub.Order,
			sub.Wasted, sub.ResidualCodingMethod, fr.Channels)
		for range 2 {
			s := *sub
			s.Samples = randomSamples(rng, &s, depth)
			fr.Subframes = append(fr.Subframes, &s)
		}
		for i := range size {
			want = append(want, fr.Subframes[0].Samples[i], fr.Subframes[1].Samples[i])
		}
		if err := enc.WriteFrame(fr); err != nil {
			t.Fatal(desc, err)
		}
	}
	return buf.Bytes(), want, depth, desc
}

// randomSubframe chooses how a channel is coded.
func randomSubframe(rng *rand.Rand, size, depth int) *frame.Subframe {
	s := &frame.Subframe{NSamples: size, SubHeader: frame.SubHeader{Wasted: uint(rng.IntN(2) * rng.IntN(4))}}
	switch rng.IntN(8) {
	case 0:
		s.Pred = frame.PredConstant
		return s
	case 1:
		s.Pred = frame.PredVerbatim
		return s
	case 2, 3, 4:
		s.Pred, s.Order = frame.PredFixed, rng.IntN(5)
	default:
		s.Pred, s.Order = frame.PredFIR, 1+rng.IntN(min(32, size))
		s.CoeffPrec, s.CoeffShift = 5, 5
		for range s.Order {
			s.Coeffs = append(s.Coeffs, int32(rng.IntN(7)-3))
		}
	}
	s.ResidualCodingMethod = frame.ResidualCodingMethod(rng.IntN(2))
	s.RiceSubframe = &frame.RiceSubframe{PartOrder: rng.IntN(3)}
	if size>>s.RiceSubframe.PartOrder < s.Order {
		s.RiceSubframe.PartOrder = 0
	}
	for range 1 << s.RiceSubframe.PartOrder {
		p := frame.RicePartition{Param: uint(max(0, depth-4-int(s.Wasted))) - uint(rng.IntN(3))}
		top := uint(15)
		if s.ResidualCodingMethod == frame.ResidualCodingMethodRice2 {
			top = 31
		}
		if p.Param = min(p.Param, top-1); rng.IntN(4) == 0 {
			p.Param, p.EscapedBitsPerSample = top, 31
		}
		s.RiceSubframe.Partitions = append(s.RiceSubframe.Partitions, p)
	}
	return s
}

// randomSamples makes samples that the coding can hold: a slow sine with noise, low bits cleared where they are wasted.
func randomSamples(rng *rand.Rand, s *frame.Subframe, depth int) []int32 {
	x := make([]int32, s.NSamples)
	tone := testsig.Sine(len(x), 50+300*rng.Float64(), 16000, 0.4)
	for i := range x {
		v := float64(tone[i]) + 0.02*rng.NormFloat64()
		if s.Pred == frame.PredConstant {
			v = 0.25
		}
		x[i] = quantise(float32(v), float64(int(1)<<(depth-1)))
		x[i] = x[i] >> (s.Wasted + 1) << (s.Wasted + 1) // One more, for the average of two channels.
	}
	return x
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
		{"flipped", flipped, "flipped: damaged FLAC data behind sample 2304: a wrong checksum"},
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

// TestFLACPartitions: a first partition shorter than the predictor is an error, not an index out of range.
func TestFLACPartitions(t *testing.T) {
	f := &flacFrame{b: newBitReader(bytes.NewReader([]byte{0b00_0001_00, 0, 0, 0, 0, 0, 0, 0}))}
	if err := f.residual(make([]int64, 16), 12); err == nil || !strings.Contains(err.Error(), "partitions") {
		t.Errorf("two partitions of 8 samples behind a predictor of order 12: error %v", err)
	}
}

// TestFLACLikeMewkiz compares the two decoders on real recordings.
func TestFLACLikeMewkiz(t *testing.T) {
	dir := testsig.Shared(t, "bench/noisy")
	files, err := filepath.Glob(filepath.Join(dir, "*.flac"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d FLAC files in %s, error %v", len(files), dir, err)
	}
	for _, path := range files[:min(len(files), 5)] {
		got, _, err := ReadMono(path)
		if err != nil {
			t.Fatal(err)
		}
		testsig.Near(t, path, got, mewkiz(t, path), 0)
	}
}

// mewkiz decodes a one-channel file with mewkiz/flac alone.
func mewkiz(tb testing.TB, path string) []float32 {
	tb.Helper()
	f, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := flac.New(bytes.NewReader(f))
	if err != nil {
		tb.Fatal(err)
	}
	var x []float32
	for {
		fr, err := s.ParseNext()
		if errors.Is(err, io.EOF) {
			return x
		}
		if err != nil {
			tb.Fatal(err)
		}
		for _, v := range fr.Subframes[0].Samples {
			x = append(x, float32(v)/float32(int(1)<<(s.Info.BitsPerSample-1)))
		}
	}
}

func BenchmarkFLAC(b *testing.B) {
	dir := testsig.Shared(b, "bench/noisy")
	files, err := filepath.Glob(filepath.Join(dir, "*.flac"))
	if err != nil || len(files) == 0 {
		b.Fatalf("%d FLAC files in %s, error %v", len(files), dir, err)
	}
	b.Run("sotto", func(b *testing.B) {
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
	})
	b.Run("mewkiz", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n += len(mewkiz(b, files[0]))
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Msamples/s")
	})
}
