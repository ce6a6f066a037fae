package stft

import (
	"math"

	"github.com/mjibson/go-dsp/window"
)

// sqrtHann returns the square root of the periodic Hann window of n samples.
// The windows of go-dsp are symmetric, which would modulate the output by
// 0.3 %; the first n samples of the symmetric window of n+1 are periodic.
func sqrtHann(n int) []float64 {
	w := window.Hann(n + 1)[:n]
	for i, v := range w {
		w[i] = math.Sqrt(v)
	}
	return w
}

// windows returns the analysis window, one frame long, and the synthesis
// window, which covers the last SynthesisSize samples of the frame. The
// overlapped products of the two sum to one.
func (c Config) windows() (analysis, synthesis []float64) {
	frame, hop, support := c.FrameSize(), c.HopSize(), c.SynthesisSize()
	if c.Window == SqrtHann {
		analysis = sqrtHann(frame)
		synthesis = sqrtHann(frame)
	} else {
		analysis, synthesis = asymmetric(frame, support/2)
	}
	// A Hann window of length n sums to n/(2 hop) at any hop that divides n/2,
	// and at any that divides n at least twice.
	scale := 2 * float64(hop) / float64(support)
	for i := range synthesis {
		synthesis[i] *= scale
	}
	return analysis, synthesis
}

// asymmetric returns the pair of Mauler and Martin ("A low delay, variable
// resolution, perfect reconstruction spectral analysis-synthesis system for
// speech enhancement", EUSIPCO 2007) for a frame of k samples and a synthesis
// support of 2m: with the periodic Hann window H_N of N samples,
//
//	analysis(n)  = sqrt(H_2(k-m)(n)),           0 <= n < k-m
//	             = sqrt(H_2m(n-k+2m)),        k-m <= n < k
//	synthesis(n) = H_2m(n-k+2m)/analysis(n), k-2m <= n < k-m
//	             = sqrt(H_2m(n-k+2m)),        k-m <= n < k
//
// so that their product is H_2m over the last 2m samples.
func asymmetric(k, m int) (analysis, synthesis []float64) {
	rise, short := sqrtHann(2*(k-m)), sqrtHann(2*m)
	analysis = make([]float64, k)
	copy(analysis, rise[:k-m])
	copy(analysis[k-m:], short[m:])
	synthesis = make([]float64, 2*m)
	copy(synthesis, short)
	for i := range m {
		if a := analysis[k-2*m+i]; a > 0 { // a is 0 only where the Hann window is.
			synthesis[i] = short[i] * short[i] / a
		}
	}
	return analysis, synthesis
}
