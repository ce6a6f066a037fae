package segmental

import (
	"errors"
	"math"
)

const (
	narrowOrder = 10    // predictor order below wideRate
	wideOrder   = 16    // and from there on
	wideRate    = 10000 // Hz
	maxLLR      = 2.0   // limit of a frame's distance

	// maxGain ends the recursion for the predictor when it has explained all but this part of a frame, which happens to pure tones
	// alone: further coefficients would be noise.
	maxGain = 1e-10
)

// LLR returns the log-likelihood ratio of est against ref: the mean over the 95 % of the frames with the lowest values of
//
//	ln( (a' R a) / (b' R b) )   at most 2,
//
// where R is the autocorrelation matrix of the frame of ref, b its linear predictor and a that of est, of order 16 (10 below 10 kHz).
// Frames in which ref is digital silence have no predictor and are left out; a silent frame of est has the predictor of white noise.
// Rate is in Hz, 8000 to 192000. Signals of different lengths, of less than 37.5 ms, constant, or with samples that are not finite give
// an error.
//
// Source: S. R. Quackenbush, T. P. Barnwell and M. A. Clements, "Objective Measures of Speech Quality", Prentice Hall 1988.
func LLR(ref, est []float32, rate int) (float64, error) {
	d, err := llr(ref, est, rate)
	if err != nil {
		return 0, err
	}
	for i, v := range d {
		d[i] = min(v, maxLLR)
	}
	return lowestMean(d), nil
}

// LLRUnlimited is [LLR] without the limit of 2 on each frame, as the composite measures of package composite take it.
func LLRUnlimited(ref, est []float32, rate int) (float64, error) {
	d, err := llr(ref, est, rate)
	if err != nil {
		return 0, err
	}
	return lowestMean(d), nil
}

// llr returns the distance of every frame in which ref is not silent.
func llr(ref, est []float32, rate int) ([]float64, error) {
	f, err := newFraming("log-likelihood ratio", ref, est, rate)
	if err != nil {
		return nil, err
	}
	order := wideOrder
	if rate < wideRate {
		order = narrowOrder
	}
	frame := make([]float64, len(f.window))
	r, e := make([]float64, order+1), make([]float64, order+1)
	a, b := make([]float64, order+1), make([]float64, order+1)
	distances := make([]float64, 0, f.count)
	for i := range f.count {
		f.frame(frame, ref, i)
		autocorrelate(r, frame)
		if r[0] == 0 {
			continue
		}
		f.frame(frame, est, i)
		autocorrelate(e, frame)
		predict(b, r)
		predict(a, e)
		distances = append(distances, math.Log(quadratic(a, r)/quadratic(b, r)))
	}
	if len(distances) == 0 {
		return nil, errors.New("log-likelihood ratio: reference is silent in every frame, expected speech: there is nothing to score")
	}
	return distances, nil
}

// autocorrelate writes the lags 0 ... len(r)-1 of x to r.
func autocorrelate(r, x []float64) {
	for k := range r {
		var sum float64
		for i, v := range x[k:] {
			sum += v * x[i]
		}
		r[k] = sum
	}
}

// predict writes the prediction error filter 1, -p1, -p2, ... for the autocorrelation r to a, by the Levinson-Durbin recursion.
func predict(a, r []float64) {
	clear(a)
	a[0] = 1
	residual := r[0]
	for m := 1; m < len(r) && residual > maxGain*r[0]; m++ {
		var sum float64
		for i := range m {
			sum += a[i] * r[m-i]
		}
		k := -sum / residual
		for i, j := 0, m; i <= j; i, j = i+1, j-1 {
			a[i], a[j] = a[i]+k*a[j], a[j]+k*a[i]
		}
		residual *= 1 - k*k
	}
}

// quadratic returns a' R a for the Toeplitz matrix R of the autocorrelation r.
func quadratic(a, r []float64) float64 {
	var sum float64
	for i, u := range a {
		for j, v := range a {
			sum += u * v * r[max(i-j, j-i)]
		}
	}
	return sum
}
