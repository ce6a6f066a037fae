package enhance

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFilterIsTheFormula compares the filter with the sum over past frames in
// float64, from the first frame on and after a reset.
func TestFilterIsTheFormula(t *testing.T) {
	const taps, bins, width = 3, 5, 4
	rng := rand.New(rand.NewPCG(1, 2))
	head := Dense{In: width, Out: 2 * taps * bins, Weight: make([]float32, 2*taps*bins*width), Bias: make([]float32, 2*taps*bins)}
	for i := range head.Weight {
		head.Weight[i] = float32(rng.NormFloat64())
	}
	for i := range head.Bias {
		head.Bias[i] = float32(rng.NormFloat64())
	}
	f := newMultiframe(&Filter{Taps: taps, Bins: bins, Head: head})
	var frames [][]complex64
	for frame := range 20 {
		if frame == 12 {
			f.reset()
			frames = nil
		}
		frames = append(frames, randomSpectrum(rng, 9, 1))
		x := []float32{rng.Float32(), -rng.Float32(), rng.Float32(), 0}
		got := f.apply(frames[len(frames)-1], x)
		if len(got) != bins {
			t.Fatalf("%d bins, want %d", len(got), bins)
		}
		for k := range bins {
			var want complex128
			for i := range min(taps, len(frames)) {
				part := func(p int) float64 {
					row := (2*i+p)*bins + k
					c := float64(head.Bias[row])
					for j, v := range x {
						c += float64(head.Weight[row*width+j]) * float64(v)
					}
					return c
				}
				want += complex(part(0), part(1)) * complex128(frames[len(frames)-1-i][k])
			}
			if d := cmplx.Abs(complex128(got[k]) - want); d > 0.03*(1+cmplx.Abs(want)) { // weights of 16 bits
				t.Fatalf("frame %d bin %d: %v, want %v", frame, k, got[k], want)
			}
		}
	}
}

// TestFilterOfShortSpectra: bins that the spectrum lacks are not there.
func TestFilterOfShortSpectra(t *testing.T) {
	m := randomModel(small, 1)
	f := newMultiframe(m.Filter)
	x := make([]float32, m.Network.Width())
	if got := f.apply(make([]complex64, 7), x); len(got) != 7 {
		t.Errorf("%d bins added to a spectrum of 7", len(got))
	}
}

// TestApplyAddsTheFilter checks the low bins of the output: the mask times what the
// filter makes of the input, no less than the floor, and the input in bypass.
func TestApplyAddsTheFilter(t *testing.T) {
	const floor = 0.1
	e := newEnhancer(t, randomModel(small, 2), 16000, Config{})
	rng := rand.New(rand.NewPCG(3, 4))
	y, added := randomSpectrum(rng, len(e.spectrum), 1), randomSpectrum(rng, 12, 1)
	gain := make([]float32, len(e.gain))
	for k := range gain {
		gain[k] = rng.Float32() * rng.Float32() * rng.Float32()
	}
	e.floor = floor
	for _, dry := range []float32{0, 1} {
		copy(e.spectrum, y)
		copy(e.gain, gain)
		e.apply(added, dry)
		raised := 0
		for k, got := range e.spectrum[:len(added)] {
			want := times(gain[k], y[k]+added[k])
			if dry == 1 {
				want = y[k]
			}
			least := floor * math.Sqrt(float64(power(y[k])))
			if cmplx.Abs(complex128(want)) < least {
				if raised++; cmplx.Abs(complex128(got-want)) > least {
					t.Errorf("bin %d: %v, want %v raised by at most %v", k, got, want, least)
				}
				continue
			}
			if cmplx.Abs(complex128(got-want)) > 1e-6 {
				t.Errorf("dry %v, bin %d: %v, want %v", dry, k, got, want)
			}
		}
		if dry == 0 && (raised == 0 || raised == len(added)) {
			t.Fatalf("%d of %d bins lie below the floor: the test needs both kinds", raised, len(added))
		}
	}
}

// TestNoFilter: without it the low bins keep the phase of the input, with it they
// do not.
func TestNoFilter(t *testing.T) {
	m := randomModel(small, 5)
	bare := *m
	bare.Filter = nil
	x := noisyVoice(8000, 16000, 6)
	with := clean(newEnhancer(t, m, 16000, Config{}), x)
	without := clean(newEnhancer(t, m, 16000, Config{NoFilter: true}), x)
	if !slices.Equal(without, clean(newEnhancer(t, &bare, 16000, Config{}), x)) {
		t.Error("NoFilter differs from a model that has no filter")
	}
	if slices.Equal(with, without) {
		t.Error("the filter changes nothing")
	}
}
