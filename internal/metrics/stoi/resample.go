package stoi

import (
	"math"

	"sotto/internal/sinc"
)

// resampler changes the rate by the fraction up/down with a Kaiser-windowed sinc, the design of GNU Octave's resample: published STOI
// values depend on this filter, so a better one would give other numbers.
type resampler struct {
	up, down int
	taps     []float64 // zero phase, centred on half; multiplied by up
	half     int
}

// Octave's design constants: 60 dB of rejection, a transition band of a tenth of the cut-off, and Kaiser's estimates of the length
// (28.714 = 2 pi * 2.285 * 2) and of beta for such a rejection (J. F. Kaiser, 1974; Oppenheim and Schafer, section 7.6).
const (
	rejection    = 60.0
	rollOffRatio = 10.0
	kaiserLength = 28.714
)

func newResampler(from, to int) *resampler {
	g := gcd(from, to)
	r := &resampler{up: to / g, down: from / g}
	cutoff := 1 / (2 * float64(max(r.up, r.down)))
	r.half = int(math.Ceil((rejection - 8) / (kaiserLength * cutoff / rollOffRatio)))
	beta := 0.1102 * (rejection - 8.7)
	r.taps = make([]float64, 2*r.half+1)
	var sum float64
	for i := range r.taps {
		t := float64(i - r.half)
		u := t / float64(r.half)
		r.taps[i] = sinc.Sinc(2*cutoff*t) * sinc.Kaiser(u, beta)
		sum += r.taps[i]
	}
	for i := range r.taps {
		r.taps[i] *= float64(r.up) / sum
	}
	return r
}

// convert returns x at the new rate, in phase with x: ceil(len(x) up/down) samples.
func (r *resampler) convert(x []float32) []float64 {
	n := (len(x)*r.up + r.down - 1) / r.down
	y := make([]float64, n)
	for m := range y {
		// y[m] = sum_k x[k] taps[m down - k up + half], over the k whose index is in range.
		at := m*r.down + r.half
		k := 0
		if d := at - (len(r.taps) - 1); d > 0 {
			k = (d + r.up - 1) / r.up
		}
		var sum float64
		for i := at - k*r.up; i >= 0 && k < len(x); i -= r.up {
			sum += float64(x[k]) * r.taps[i]
			k++
		}
		y[m] = sum
	}
	return y
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
