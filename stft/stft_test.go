package stft

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mjibson/go-dsp/fft"
)

const ms = time.Millisecond

// configs returns every kind of configuration the package accepts, at the
// five native rates.
func configs() []Config {
	var all []Config
	for _, rate := range []int{8000, 16000, 24000, 32000, 48000} {
		for _, c := range []Config{
			{},
			{Hop: 4 * ms, Synthesis: 8 * ms},
			{Hop: 4 * ms},
			{Hop: 2 * ms, Synthesis: 16 * ms},
			{Frame: 32 * ms, Hop: 16 * ms, Synthesis: 32 * ms},
			{Frame: 20 * ms, Hop: 5 * ms, Synthesis: 10 * ms},
			{Frame: 10 * ms, Hop: 1 * ms, Synthesis: 6 * ms},
			{Frame: 32 * ms, Hop: 16 * ms, Window: SqrtHann},
			{Frame: 32 * ms, Hop: 8 * ms, Window: SqrtHann},
			{Frame: 30 * ms, Hop: 10 * ms, Window: SqrtHann},
			{Frame: 20 * ms, Hop: 2 * ms, Window: SqrtHann},
		} {
			c.SampleRate = rate
			all = append(all, c)
		}
	}
	return all
}

func name(c Config) string {
	d := c.withDefaults()
	return fmt.Sprintf("%d/%v/%v/%v/%v", c.SampleRate, d.Window, d.Frame, d.Hop, d.Synthesis)
}

// pair returns the analyzer and synthesizer of c.
func pair(t testing.TB, c Config) (*Analyzer, *Synthesizer) {
	t.Helper()
	a, err := NewAnalyzer(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSynthesizer(c)
	if err != nil {
		t.Fatal(err)
	}
	return a, s
}

func noise(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*rng.Float32() - 1
	}
	return x
}

func TestPerfectReconstruction(t *testing.T) {
	for _, c := range configs() {
		t.Run(name(c), func(t *testing.T) {
			a, s := pair(t, c)
			hop, shift := c.HopSize(), c.Shift()
			x := noise(12*c.FrameSize()/hop*hop, 7)
			y := make([]float32, len(x))
			spectrum := make([]complex64, c.Bins())
			for i := 0; i < len(x); i += hop {
				s.Synthesize(y[i:i+hop], a.Analyze(spectrum, x[i:i+hop]))
			}
			for i, v := range y {
				want := float32(0)
				if i >= shift {
					want = x[i-shift]
				}
				if d := math.Abs(float64(v - want)); d > 1e-6 {
					t.Fatalf("sample %d of %d: got %v, want %v: off by %.3g", i, len(y), v, want, d)
				}
			}
			if got := c.Latency(); got != time.Duration(shift+hop)*time.Second/time.Duration(c.SampleRate) {
				t.Errorf("Latency() = %v, measured shift %d and hop %d samples", got, shift, hop)
			}
		})
	}
}

func TestMeasuredShift(t *testing.T) {
	for _, c := range configs() {
		a, s := pair(t, c)
		hop := c.HopSize()
		at := 2*c.FrameSize() + 3 // anywhere, off the grid of hops
		x := make([]float32, (6*c.FrameSize())/hop*hop)
		x[at] = 1
		peak, where := float32(0), 0
		y := make([]float32, hop)
		for i := 0; i < len(x); i += hop {
			for j, v := range s.Synthesize(y, a.Analyze(nil, x[i:i+hop])) {
				if v > peak {
					peak, where = v, i+j
				}
			}
		}
		if where-at != c.Shift() {
			t.Errorf("%s: a click moved by %d samples, Shift() says %d", name(c), where-at, c.Shift())
		}
	}
}

// TestOracle compares the spectrum with that of an independent transform.
func TestOracle(t *testing.T) {
	for _, c := range configs() {
		a, _ := pair(t, c)
		hop, n := c.HopSize(), c.FrameSize()
		x := noise((2*n+hop-1)/hop*hop, 3)
		var got []complex64
		for i := 0; i < len(x); i += hop {
			got = a.Analyze(got, x[i:i+hop])
		}
		w, _ := c.windows()
		frame, sum := make([]float64, n), 0.0
		for i, v := range w {
			frame[i] = v * float64(x[len(x)-n+i])
			sum += v
		}
		want := fft.FFTReal(frame)
		for k, v := range got {
			if d := cmplx.Abs(complex128(v) - want[k]/complex(sum, 0)); d > 1e-7 {
				t.Fatalf("%s bin %d: got %v, want %v", name(c), k, v, want[k]/complex(sum, 0))
			}
		}
	}
}

// TestScaling checks that a magnitude means the same at every rate.
func TestScaling(t *testing.T) {
	for _, c := range configs() {
		a, _ := pair(t, c)
		hop := c.HopSize()
		bin := c.Bins() / 3
		freq := float64(bin) / c.withDefaults().Frame.Seconds()
		x := make([]float32, 2*c.FrameSize()/hop*hop+hop)
		for i := range x {
			x[i] = float32(0.5 * math.Sin(2*math.Pi*freq*float64(i)/float64(c.SampleRate)))
		}
		var spectrum []complex64
		for i := 0; i+hop <= len(x); i += hop {
			spectrum = a.Analyze(spectrum, x[i:i+hop])
		}
		if got := cmplx.Abs(complex128(spectrum[bin])); math.Abs(got-0.25) > 1e-3 {
			t.Errorf("%s: a sine of amplitude 0.5 has magnitude %v, want 0.25", name(c), got)
		}
	}
}

func TestReset(t *testing.T) {
	c := Config{SampleRate: 16000}
	a, s := pair(t, c)
	b, r := pair(t, c)
	for _, v := range [][]float32{noise(128, 1), noise(128, 2)} {
		s.Synthesize(nil, a.Analyze(nil, v))
	}
	a.Reset()
	s.Reset()
	for i := range uint64(6) {
		x := noise(128, 10+i)
		got, want := s.Synthesize(nil, a.Analyze(nil, x)), r.Synthesize(nil, b.Analyze(nil, x))
		for j := range got {
			if got[j] != want[j] {
				t.Fatalf("hop %d sample %d after Reset: %v, fresh: %v", i, j, got[j], want[j])
			}
		}
	}
}

// TestNonFiniteRecovers checks that a broken sample is forgotten.
func TestNonFiniteRecovers(t *testing.T) {
	c := Config{SampleRate: 16000}
	a, s := pair(t, c)
	hop := c.HopSize()
	bad := make([]float32, hop)
	bad[5] = float32(math.NaN())
	s.Synthesize(nil, a.Analyze(nil, bad))
	var y []float32
	for range (c.FrameSize() + c.SynthesisSize()) / hop {
		y = s.Synthesize(y, a.Analyze(nil, make([]float32, hop)))
	}
	for i, v := range y {
		if v != 0 {
			t.Fatalf("sample %d is %v long after a NaN, want 0", i, v)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{
		{},
		{SampleRate: -8000},
		{SampleRate: 1 << 30},
		{SampleRate: 44100},
		{SampleRate: 16000, Hop: -ms},
		{SampleRate: 16000, Hop: 3 * ms},
		{SampleRate: 16000, Frame: 10 * time.Second},
		{SampleRate: 16000, Frame: 1 << 62},
		{SampleRate: 16000, Synthesis: 40 * ms, Hop: 20 * ms},
		{SampleRate: 16000, Hop: 16 * ms},
		{SampleRate: 16000, Window: SqrtHann, Hop: 32 * ms},
		{SampleRate: 16000, Window: SqrtHann, Hop: 10 * ms},
		{SampleRate: 16000, Window: SqrtHann, Synthesis: 16 * ms},
		{SampleRate: 16000, Window: 7},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
		if _, err := NewAnalyzer(c); err == nil {
			t.Errorf("NewAnalyzer accepts %+v", c)
		}
		if _, err := NewSynthesizer(c); err == nil {
			t.Errorf("NewSynthesizer accepts %+v", c)
		}
	}
}

func TestParseWindow(t *testing.T) {
	for _, w := range []Window{Asymmetric, SqrtHann} {
		if got, err := ParseWindow(w.String()); err != nil || got != w {
			t.Errorf("ParseWindow(%q) = %v, %v", w.String(), got, err)
		}
	}
	if _, err := ParseWindow("hamming"); err == nil {
		t.Error("an unknown window is accepted")
	}
}

func TestLengthMismatchPanics(t *testing.T) {
	c := Config{SampleRate: 16000}
	a, s := pair(t, c)
	hop, spectrum := make([]float32, c.HopSize()), make([]complex64, c.Bins())
	for what, f := range map[string]func(){
		"short hop":          func() { a.Analyze(nil, hop[1:]) },
		"short spectrum dst": func() { a.Analyze(spectrum[1:], hop) },
		"short spectrum":     func() { s.Synthesize(nil, spectrum[1:]) },
		"short hop dst":      func() { s.Synthesize(hop[1:], spectrum) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			f()
		}()
	}
}
