package enhance

import (
	"fmt"
)

// Filter is the stage that mends the phase of the low bins: the network gives,
// for every frame, the coefficients of a short complex filter along time in
// every low bin (deep filtering: Mack and Habets 2020, Schröter et al. 2022), and
// the mask is applied to
//
//	Y_k(t) + sum_i c_i,k(t) Y_k(t-i),    0 <= i < Taps,  0 <= k < Bins,
//
// instead of Y_k(t). A real mask leaves the noisy phase as it is, and resolves no
// more than the window does; past frames resolve the partials of low voices from
// what lies between them.
type Filter struct {
	// Taps is the number of frames, the present one included; Bins the number of
	// bins from 0 on.
	Taps, Bins int
	// Head gives the coefficients from the last hidden state: for every tap the
	// real parts of all bins, then the imaginary parts.
	Head Dense
}

// validate checks the filter of a model of that width and number of bins.
func (f *Filter) validate(width, bins int) error {
	if f.Taps < 1 || f.Bins < 1 || f.Bins > bins {
		return fmt.Errorf("enhance: filter of %d taps for %d bins: want at least one of each, and at most %d bins", f.Taps, f.Bins, bins)
	}
	return f.Head.validate("filter", width, 2*f.Taps*f.Bins)
}

// multiframe is a Filter with its past.
type multiframe struct {
	head  affine
	bins  int
	c     []float32
	past  []complex64 // taps rows of bins, the present frame at row at
	at    int
	added []complex64
}

func newMultiframe(f *Filter) *multiframe {
	return &multiframe{
		head: newAffine(&f.Head), bins: f.Bins,
		c: make([]float32, f.Head.Out), past: make([]complex64, f.Taps*f.Bins), added: make([]complex64, f.Bins),
	}
}

// apply takes in the spectrum of the next frame with the hidden state x and returns
// the sum over the taps for every low bin that the spectrum has.
func (f *multiframe) apply(spectrum []complex64, x []float32) []complex64 {
	f.head.apply(f.c, x)
	if f.at -= f.bins; f.at < 0 {
		f.at = len(f.past) - f.bins
	}
	present := f.past[f.at : f.at+f.bins]
	clear(present[copy(present, spectrum):])
	clear(f.added)
	from := f.at
	for c := f.c; len(c) > 0; c = c[2*f.bins:] {
		re, im := c[:f.bins], c[f.bins:2*f.bins]
		for k, y := range f.past[from : from+f.bins] {
			f.added[k] += complex(re[k]*real(y)-im[k]*imag(y), re[k]*imag(y)+im[k]*real(y))
		}
		if from += f.bins; from == len(f.past) {
			from = 0
		}
	}
	return f.added[:min(f.bins, len(spectrum))]
}

// reset forgets the past.
func (f *multiframe) reset() {
	clear(f.past)
	f.at = 0
}
