package enhance

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sotto/internal/testsig"
	"sotto/stream"
	"sotto/stream/streamtest"
)

// newEnhancer fails the test if it cannot make one.
func newEnhancer(t testing.TB, m *Model, rate int, cfg Config) *Enhancer {
	t.Helper()
	e, err := New(m, rate, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// noisyVoice returns a speech-like signal in white noise.
func noisyVoice(n, rate int, seed uint64) []float32 {
	x := testsig.SpeechLike(n, rate, seed)
	for i, v := range testsig.WhiteNoise(n, 0.01, seed+1) {
		x[i] += v
	}
	return x
}

// clean runs x through p and takes the latency off again.
func clean(p stream.Processor, x []float32) []float32 {
	hop := p.Hop()
	in := slices.Concat(x, make([]float32, p.Latency()+hop))
	in = in[:len(in)/hop*hop]
	for i := 0; i < len(in); i += hop {
		p.Process(in[i:i+hop], in[i:i+hop])
	}
	return in[p.Latency():][:len(x)]
}

func TestContract(t *testing.T) {
	m := randomModel(small, 1)
	low := *m
	low.Grid = LowLatencyGrid()
	for _, rate := range NativeRates() {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			streamtest.Check(t, func() stream.Processor { return newEnhancer(t, m, rate, Config{}) })
		})
	}
	t.Run("low latency", func(t *testing.T) {
		streamtest.Check(t, func() stream.Processor { return newEnhancer(t, &low, 48000, Config{MaxAttenuation: 12}) })
	})
	t.Run("taking turns", func(t *testing.T) {
		streamtest.Check(t, func() stream.Processor { return newEnhancer(t, m, 48000, Config{LowLatency: true}) })
	})
	t.Run("nmf", func(t *testing.T) {
		streamtest.Check(t, func() stream.Processor {
			est, err := NewNMF(m.Speech, m.Noise, 5)
			if err != nil {
				t.Fatal(err)
			}
			e, err := NewWithEstimator(m, est, 8000, Config{})
			if err != nil {
				t.Fatal(err)
			}
			return e
		})
	})
}

func TestBypassIsIdentity(t *testing.T) {
	m := randomModel(small, 2)
	for _, grid := range []Grid{DefaultGrid(), LowLatencyGrid()} {
		m.Grid = grid
		for _, rate := range NativeRates() {
			for _, low := range []bool{false, true} {
				x := noisyVoice(rate/2, rate, 3)
				got := clean(newEnhancer(t, m, rate, Config{Bypass: true, LowLatency: low}), x)
				testsig.Near(t, fmt.Sprintf("bypass at %d Hz", rate), got, x, 1e-6)
			}
		}
	}
}

// TestLowLatencyTakesTurns: half the hop, half the latency, and each of the two
// networks finds in its frames what a network alone finds in them.
func TestLowLatencyTakesTurns(t *testing.T) {
	m := randomModel(small, 4)
	whole, half := newEnhancer(t, m, 16000, Config{}), newEnhancer(t, m, 16000, Config{LowLatency: true})
	if half.Hop() != whole.Hop()/2 || half.Latency() != whole.Latency()/2 {
		t.Fatalf("hop %d and latency %d, want half of %d and %d", half.Hop(), half.Latency(), whole.Hop(), whole.Latency())
	}
	alone := []*Recurrent{NewRecurrent(m), NewRecurrent(m)}
	h := make([]float32, len(half.h))
	rng := rand.New(rand.NewPCG(5, 6))
	for frame := range 50 {
		if frame == 20 {
			half.Reset()
			alone[0].Reset()
			alone[1].Reset()
		}
		y, turn := randomSpectrum(rng, 257, 0.02), frame%2
		half.estimator.Estimate(half.h, y)
		alone[turn].Estimate(h, y)
		if !slices.Equal(half.h, h) || !slices.Equal(half.refiner.refine(), alone[turn].refine()) || !slices.Equal(half.refiner.filter(y), alone[turn].filter(y)) {
			t.Fatalf("frame %d: taking turns changes what is found", frame)
		}
	}
}

// naive is the network and the mask in float64, straight from the
// definition, for one frame of standardised features.
type naive struct {
	m     *Model
	state [][]float64
}

func affine64(w, b []float32, x []float64) []float64 {
	y := make([]float64, len(b))
	for i := range y {
		y[i] = float64(b[i])
		for j, v := range x {
			y[i] += float64(w[i*len(x)+j]) * v
		}
	}
	return y
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func (n *naive) gru(l int, x []float64) []float64 {
	g := &n.m.Network.GRU[l]
	h, d := n.state[l], g.Hidden
	a, b := affine64(g.WeightIH, g.BiasIH, x), affine64(g.WeightHH, g.BiasHH, h)
	out := make([]float64, d)
	for i := range out {
		r, z := sigmoid64(a[i]+b[i]), sigmoid64(a[d+i]+b[d+i])
		c := math.Tanh(a[2*d+i] + r*b[2*d+i])
		out[i] = (1-z)*c + z*h[i]
	}
	n.state[l] = out
	return out
}

func (n *naive) gains(features []float32) []float64 {
	f := make([]float64, len(features))
	for i, v := range features {
		f[i] = float64(v)
	}
	x := affine64(n.m.Network.In.Weight, n.m.Network.In.Bias, f)
	for i, v := range x {
		x[i] = max(v, 0.1*v)
	}
	for l := range n.m.Network.GRU {
		if len(n.state) <= l {
			n.state = append(n.state, make([]float64, len(x)))
		}
		for i, v := range n.gru(l, x) {
			x[i] += v
		}
	}
	h := affine64(n.m.Network.Out.Weight, n.m.Network.Out.Bias, x)
	for i, v := range h {
		h[i] = math.Log1p(math.Exp(v))
	}
	g := make([]float64, n.m.Grid.Bins())
	for k := range g {
		var s, q float64
		for j, v := range h {
			if j < n.m.Speech.Rank {
				s += float64(n.m.Speech.W[k*n.m.Speech.Rank+j]) * v
			} else {
				q += float64(n.m.Noise.W[k*n.m.Noise.Rank+j-n.m.Speech.Rank]) * v
			}
		}
		p := float64(n.m.Exponent)
		s, q = math.Pow(s, p), math.Pow(q, p)
		g[k] = (s + 1e-10) / (s + q + 2e-10)
		if r := n.m.Refine; r != nil {
			logit := float64(r.Bias[k])
			for i, v := range x {
				logit += float64(r.Weight[k*len(x)+i]) * v
			}
			g[k] = sigmoid64(math.Log(g[k]/(1-g[k])) + logit)
		}
	}
	return g
}

// to8Bits rounds all weights to multiples of a 127th of their row's largest, which
// package narrow holds exactly.
func to8Bits(m *Model) {
	matrix := func(w []float32, cols int) {
		for row := range slices.Chunk(w, cols) {
			step := max(slices.Max(row), -slices.Min(row)) / 127
			for j, v := range row {
				row[j] = step * float32(math.RoundToEven(float64(v/step)))
			}
		}
	}
	for _, d := range m.dense() {
		matrix(d.Weight, d.In)
	}
	for _, g := range m.Network.GRU {
		matrix(g.WeightIH, g.In)
		matrix(g.WeightHH, g.Hidden)
	}
	matrix(m.Speech.W, m.Speech.Rank)
	matrix(m.Noise.W, m.Noise.Rank)
}

// TestGainsMatchTheDefinition runs the Enhancer beside a plain float64
// implementation of its network and mask.
func TestGainsMatchTheDefinition(t *testing.T) {
	for _, s := range []shape{small, plain} {
		for _, p := range []float32{1, 1.5, 2} {
			m := randomModel(s, 11)
			m.Exponent = p
			to8Bits(m)
			e := newEnhancer(t, m, 16000, Config{})
			features := NewFeatures(m.Features, m.Grid.Hop)
			slow := naive{m: m}
			rng := rand.New(rand.NewPCG(12, 13))
			for frame := range 60 {
				y := randomSpectrum(rng, 257, 0.02)
				want := slow.gains(features.Compute(nil, y))
				e.estimator.Estimate(e.h, y)
				e.mask.gains(e.gain, e.h, e.refiner.refine())
				for k, g := range e.gain {
					if math.Abs(float64(g)-want[k]) > 5e-4 { // vectors may be rounded to 16 bits
						t.Fatalf("exponent %v, refine %v, frame %d bin %d: gain %v, want %v", p, s.refine, frame, k, g, want[k])
					}
				}
			}
		}
	}
}

func TestAttenuationLimit(t *testing.T) {
	m := randomModel(plain, 4)
	for _, e := range []*Enhancer{newEnhancer(t, m, 24000, Config{MaxAttenuation: 20, Residual: math.Inf(1)}), newEnhancer(t, m, 24000, Config{Residual: math.Inf(1)})} {
		lowest := float32(1)
		x := noisyVoice(24000, 24000, 5)
		for i := 0; i+e.Hop() <= len(x); i += e.Hop() {
			e.Process(x[i:i+e.Hop()], x[i:i+e.Hop()])
			for _, g := range e.gain {
				if g > 1 {
					t.Fatalf("a gain is %v, want at most 1", g)
				}
				lowest = min(lowest, g)
			}
		}
		if limited := e.floor > 0; limited && (lowest < 0.1-1e-6 || lowest > 0.1+1e-6) || !limited && lowest > 0.05 {
			t.Errorf("with a floor of %v the lowest gain is %v", e.floor, lowest)
		}
	}
}

// TestKnobsDoNotClick turns both knobs while a sine plays. A click would show
// as energy far above the sine; what is allowed is what a ramp of that length
// makes.
func TestKnobsDoNotClick(t *testing.T) {
	const rate = 16000
	m := randomModel(small, 6)
	m.Noise.W[0] = 1
	for k := range m.Noise.W { // all noise: the mask is nearly 0 and the floor rules.
		m.Noise.W[k] = 1e3
	}
	m.Refine = nil
	e := newEnhancer(t, m, rate, Config{MaxAttenuation: 40})
	x := testsig.Sine(4*rate, 437, rate, 0.5)
	y := make([]float32, len(x))
	hop := e.Hop()
	for i := 0; i+hop <= len(x); i += hop {
		switch i {
		case rate:
			e.SetBypass(true)
		case 2 * rate:
			e.SetBypass(false)
		case 3 * rate:
			e.SetMaxAttenuation(6)
		}
		e.Process(y[i:i+hop], x[i:i+hop])
	}
	level := func(at int) float64 {
		var sum float64
		for _, v := range y[at : at+rate/4] {
			sum += float64(v) * float64(v)
		}
		return 10*math.Log10(sum/(rate/4)) - 20*math.Log10(0.5/math.Sqrt2)
	}
	testsig.NearAt(t, "attenuated level in dB", level(rate/2), -40, 0.5)
	testsig.NearAt(t, "bypassed level in dB", level(rate+rate/2), 0, 0.01)
	testsig.NearAt(t, "attenuated again", level(2*rate+rate/2), -40, 0.5)
	testsig.NearAt(t, "attenuated less", level(3*rate+rate/2), -6, 0.1)
	// The second difference of a smooth sine is bounded by its frequency; a
	// step of 1/8 of the amplitude within one sample would be 5 times that.
	w := 2 * math.Pi * 437 / rate
	bound := float32(1.5 * 0.5 * w * w)
	for i := rate / 4; i+1 < len(y); i++ {
		if d := y[i+1] - 2*y[i] + y[i-1]; d > bound || d < -bound {
			t.Fatalf("sample %d: second difference %v, want at most %v", i, d, bound)
		}
	}
}

// TestSettersAreSafe turns the knobs from another goroutine; the race
// detector judges.
func TestSettersAreSafe(t *testing.T) {
	e := newEnhancer(t, randomModel(small, 7), 8000, Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 1000 {
			e.SetMaxAttenuation([]float64{0, 12, -3, math.NaN(), math.Inf(1)}[i%5])
			e.SetBypass(i%2 == 0)
		}
	}()
	x := noisyVoice(64, 8000, 1)
	for range 200 {
		e.Process(x, x)
	}
	<-done
	if !allFinite(x) {
		t.Error("the output is not finite")
	}
}

// FuzzProcess feeds arbitrary bits as samples.
func FuzzProcess(f *testing.F) {
	m := randomModel(small, 30)
	f.Add([]byte{0, 0, 0x80, 0x7f, 0, 0, 0xc0, 0x7f, 1, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0x7f, 0x7f, 0xff, 0xff, 0x7f, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		e := newEnhancer(t, m, 8000, Config{})
		hop := make([]float32, e.Hop())
		for i := 0; i+4 <= len(data) || i == 0; i += 4 * len(hop) {
			for j := range hop {
				hop[j] = 0
				if at := i + 4*j; at+4 <= len(data) {
					hop[j] = math.Float32frombits(binary.LittleEndian.Uint32(data[at:]))
				}
			}
			e.Process(hop, hop)
			if !allFinite(hop) {
				t.Fatal("the output is not finite")
			}
		}
		if !allFinite(e.h) {
			t.Fatalf("activations %v", e.h)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	good := randomModel(small, 10)
	bad := *good
	bad.Speech = nil
	odd := *good
	odd.Grid.Synthesis = 12e6 // 12 ms: an uneven multiple of the hop
	for name, f := range map[string]func() (*Enhancer, error){
		"44.1 kHz":             func() (*Enhancer, error) { return New(good, 44100, Config{}) },
		"negative attenuation": func() (*Enhancer, error) { return New(good, 16000, Config{MaxAttenuation: -1}) },
		"NaN attenuation":      func() (*Enhancer, error) { return New(good, 16000, Config{MaxAttenuation: math.NaN()}) },
		"no dictionary":        func() (*Enhancer, error) { return New(&bad, 16000, Config{}) },
		"odd grid":             func() (*Enhancer, error) { return New(&odd, 16000, Config{}) },
		"odd grid, estimator":  func() (*Enhancer, error) { return NewWithEstimator(&odd, nil, 16000, Config{}) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestWrongHopPanics(t *testing.T) {
	e := newEnhancer(t, randomModel(small, 10), 16000, Config{})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	e.Process(make([]float32, 128), make([]float32, 127))
}
