package enhance

import (
	"math"
	"math/rand/v2"
	"testing"
)

// divergence is the generalised Kullback-Leibler divergence of v from W h.
func divergence(v []float32, e *NMF, h []float32) float64 {
	var sum float64
	for k, x := range v {
		y := 0.0
		for j, a := range h {
			y += float64(e.w.Data[k*e.w.Cols+j]) * float64(a)
		}
		if x > 0 {
			sum += float64(x) * math.Log(float64(x)/y)
		}
		sum += y - float64(x)
	}
	return sum
}

func newNMF(t testing.TB, m *Model, iterations int) *NMF {
	t.Helper()
	e, err := NewNMF(m.Speech, m.Noise, iterations)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestNMFObjectiveNeverRises runs more and more iterations on one frame.
func TestNMFObjectiveNeverRises(t *testing.T) {
	m := randomModel(plain, 20)
	rng := rand.New(rand.NewPCG(21, 22))
	y := randomSpectrum(rng, 257, 0.02)
	last := math.Inf(1)
	for n := 1; n <= 40; n++ {
		e := newNMF(t, m, n)
		h := make([]float32, 20)
		e.Estimate(h, y)
		d := divergence(e.v, e, h)
		if d > last*(1+1e-5) {
			t.Fatalf("iteration %d: the divergence rose from %v to %v", n, last, d)
		}
		last = d
	}
}

// TestNMFFindsPlantedActivations mixes three atoms and looks for them.
func TestNMFFindsPlantedActivations(t *testing.T) {
	e := newNMF(t, randomModel(plain, 23), 3000)
	planted := map[int]float64{2: 1, 7: 0.5, 15: 2}
	y := make([]complex64, 257)
	for k := range y {
		for j, a := range planted {
			y[k] += complex64(complex(0, 1e-3*a*float64(e.w.Data[k*e.w.Cols+j])))
		}
	}
	h := make([]float32, 20)
	e.Estimate(h, y)
	for j, a := range planted {
		// The unit is the frame's own. Overlapping atoms converge slowly.
		if got := float64(h[j] / h[2]); math.Abs(got-a) > 0.15*a {
			t.Errorf("atom %d: %v of atom 2, want %v", j, got, a)
		}
	}
	if d := divergence(e.v, e, h); d > 1e-2 {
		t.Errorf("the divergence of a mixture of atoms is %v, want 0", d)
	}
}

// TestNMFShortSpectra compares a spectrum that lacks the upper bins with
// dictionaries that lack them.
func TestNMFShortSpectra(t *testing.T) {
	const bins = 129
	m := randomModel(plain, 26)
	cut := func(b *Basis) *Basis { return &Basis{Bins: bins, Rank: b.Rank, W: b.W[:bins*b.Rank]} }
	whole := newNMF(t, m, 0)
	short, err := NewNMF(cut(m.Speech), cut(m.Noise), 0)
	if err != nil {
		t.Fatal(err)
	}
	y := randomSpectrum(rand.New(rand.NewPCG(27, 28)), bins, 0.02)
	got, want := make([]float32, 20), make([]float32, 20)
	whole.Estimate(got, y)
	short.Estimate(want, y)
	for j, v := range got {
		if v != want[j] {
			t.Errorf("atom %d: %v, with a dictionary of %d bins %v", j, v, bins, want[j])
		}
	}
}

func TestNMFSilenceAndBrokenSpectra(t *testing.T) {
	e := newNMF(t, randomModel(plain, 24), 0)
	if e.iterations != DefaultNMFIterations {
		t.Errorf("%d iterations by default, want %d", e.iterations, DefaultNMFIterations)
	}
	inf := float32(math.Inf(1))
	for _, v := range []complex64{0, complex(inf, 0), complex(float32(math.NaN()), 0), complex(1e-30, 0)} {
		y := make([]complex64, 257)
		for k := range y {
			y[k] = v
		}
		h := make([]float32, 20)
		h[3] = 5
		e.Estimate(h, y)
		for j, a := range h {
			if a != 0 {
				t.Errorf("a spectrum of %v gives atom %d an activation of %v, want 0", v, j, a)
			}
		}
	}
}

func TestNewNMFRefuses(t *testing.T) {
	m := randomModel(plain, 25)
	if _, err := NewNMF(m.Speech, m.Noise, -1); err == nil {
		t.Error("-1 iterations are accepted")
	}
	short := &Basis{Bins: 3, Rank: 1, W: make([]float32, 3)}
	if _, err := NewNMF(m.Speech, short, 1); err == nil {
		t.Error("dictionaries of different bins are accepted")
	}
}
