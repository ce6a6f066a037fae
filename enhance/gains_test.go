package enhance

import (
	"math"
	"testing"
	"time"

	"sotto/stream"
	"sotto/stream/streamtest"
)

func testShaping(t *testing.T, cfg Config, bins int) *shaping {
	t.Helper()
	s, err := newShaping(cfg, 8*time.Millisecond, bins)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestResidualDepth lets one bin hold voice and another noise so many decibels
// below it: the noise is turned down to Residual below the voice, by 3 dB at least.
func TestResidualDepth(t *testing.T) {
	for _, c := range []struct{ residual, ratio, want float64 }{
		{0, 0, 35}, {0, 20, 15}, {0, -15, 50}, {0, 31, 4}, {0, 34, 3}, {0, 60, 3}, {12, 0, 12}, {math.Inf(1), 20, math.Inf(1)},
	} {
		s := testShaping(t, Config{Residual: c.residual}, 2)
		spectrum := []complex64{3i, complex(float32(3*math.Pow(10, -c.ratio/20)), 0)}
		var least float32
		for range 1000 {
			least = s.apply([]float32{1, 0}, spectrum, nil)
		}
		if got := -20 * math.Log10(float64(least)); !(math.Abs(got-c.want) < 1e-3 || got == c.want) {
			t.Errorf("residual %v, noise %v dB below the voice: turned down by %.4f dB, want %v", c.residual, c.ratio, got, c.want)
		}
	}
}

// TestResidualForgets: two seconds after a change of scene, most of the old one
// is forgotten; and sound beyond belief is not remembered.
func TestResidualForgets(t *testing.T) {
	s := testShaping(t, Config{}, 2)
	hops := func(n int, y ...complex64) float32 {
		var least float32
		for range n {
			least = s.apply([]float32{1, 0}, y, nil)
		}
		return least
	}
	quiet := hops(1000, 1, 0.001)
	noisy := hops(250, 1, 1)
	if quiet < 0.7 || noisy > 0.06 {
		t.Errorf("least gain %v without noise and %v after 2 s of it, want 0.7 and below 0.06", quiet, noisy)
	}
	if after := hops(1, complex(float32(math.Inf(1)), 0), 1); math.Abs(float64(after-noisy)) > 0.01 {
		t.Errorf("least gain %v after an infinite sample, %v before", after, noisy)
	}
}

// TestPostFilter: nothing changes at 0 and 1, and everything between falls, most
// of all what is small.
func TestPostFilter(t *testing.T) {
	s := testShaping(t, Config{PostFilter: 0.02}, 1)
	if s.filtered(0) != 0 || math.Abs(float64(s.filtered(1))-1) > 1e-6 {
		t.Errorf("ends move: 0 to %v, 1 to %v", s.filtered(0), s.filtered(1))
	}
	before, share := float32(0), float32(0)
	for g := float32(0.01); g < 1; g += 0.01 {
		f := s.filtered(g)
		if f >= g || f <= before || f/g < share {
			t.Fatalf("gain %v becomes %v (the one before %v, share %v)", g, f, before, share)
		}
		before, share = f, f/g
	}
}

// TestRelease: a gain rises at once and falls to 1/e within the time.
func TestRelease(t *testing.T) {
	s := testShaping(t, Config{Release: 40 * time.Millisecond}, 1)
	g := []float32{0}
	spectrum := []complex64{1}
	for hop, want := range []float64{1, math.Exp(-0.2), math.Exp(-0.4), math.Exp(-0.6), math.Exp(-0.8), math.Exp(-1)} {
		g[0] = 0
		if hop == 0 {
			g[0] = 1
		}
		s.apply(g, spectrum, nil)
		if math.Abs(float64(g[0])-want) > 1e-5 {
			t.Errorf("hop %d: gain %v, want %v", hop, g[0], want)
		}
	}
}

// TestReleaseForgetsWhatIsNotANumber gives one gain that only absurd weights make.
func TestReleaseForgetsWhatIsNotANumber(t *testing.T) {
	s := testShaping(t, Config{Release: 40 * time.Millisecond}, 1)
	s.apply([]float32{float32(math.NaN())}, []complex64{1}, nil)
	g := []float32{0.5}
	if s.apply(g, []complex64{1}, nil); g[0] != 0.5 {
		t.Errorf("after a gain that is not a number 0.5 becomes %v", g[0])
	}
}

func TestShapingRefuses(t *testing.T) {
	for _, cfg := range []Config{
		{Residual: -1},
		{Residual: math.NaN()},
		{PostFilter: -0.1},
		{PostFilter: 2},
		{PostFilter: math.NaN()},
		{Release: -time.Millisecond},
		{Release: time.Minute},
	} {
		if _, err := newShaping(cfg, 8*time.Millisecond, 1); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

// TestShapingKeepsTheContract runs the processor's checks, allocations among them, with all knobs turned.
func TestShapingKeepsTheContract(t *testing.T) {
	m := randomModel(small, 1)
	streamtest.Check(t, func() stream.Processor {
		return newEnhancer(t, m, 48000, Config{Residual: 20, PostFilter: 0.05, Release: 20 * time.Millisecond, MaxAttenuation: 15})
	})
}
