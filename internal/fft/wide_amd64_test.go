//go:build goexperiment.simd

package fft

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWideIsTheSame expects every bit of what one number at a time gives.
func TestWideIsTheSame(t *testing.T) {
	if !wide {
		t.Skip("this processor has no AVX2: the other tests ran so")
	}
	defer func() { wide = true }()
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 1; n <= 1600; n++ {
		frame := make([]float64, n)
		for i := range frame {
			frame[i] = rng.NormFloat64()
		}
		wide = true
		spectrum, back := thereAndBack(n, frame)
		wide = false
		plainSpectrum, plainBack := thereAndBack(n, frame)
		if !slices.Equal(spectrum, plainSpectrum) || !slices.Equal(back, plainBack) {
			t.Errorf("%d samples: the wide transform differs from the plain one", n)
		}
	}
}

func thereAndBack(n int, frame []float64) (spectrum []complex64, back []float64) {
	f := NewReal(n)
	spectrum, back = make([]complex64, n/2+1), make([]float64, n)
	f.Forward(spectrum, frame)
	f.Backward(back, spectrum)
	return spectrum, back
}
