// Package stoi predicts how intelligible a noisy or processed voice is, from the clean one: the short-time objective intelligibility
// (STOI) and its extension to modulated noise (ESTOI).
//
// Both resample to 10 kHz, drop the frames in which the clean voice is more than 40 dB below its loudest frame, and compare the
// magnitudes of 15 third-octave bands (150 Hz to 3.8 kHz) in segments of 30 frames (384 ms):
//
//	STOI   in each band and segment scale the estimate y to the norm of the reference x, clip it at x (1 + 10^(15/20)),
//	       and correlate the two over time; the mean of all correlations.
//	ESTOI  in each segment normalise to zero mean and unit norm over time, then over frequency; the mean over segments
//	       and frames of the inner product of the two columns.
//
// Both lie between -1 and 1, in practice between 0 and 1, and rise with intelligibility. They are different scales: never compare a STOI
// with an ESTOI. Signals must be aligned; their level does not matter.
//
// Sources: C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An algorithm for intelligibility prediction of time-frequency weighted
// noisy speech", IEEE TASL 19(7), 2011; J. Jensen and C. H. Taal, "An algorithm for predicting the intelligibility of speech masked by
// modulated noise maskers", IEEE/ACM TASLP 24(11), 2016. All constants below are from the first.
package stoi

import (
	"fmt"
	"math"
	"time"

	"sotto/internal/metrics/check"
)

// What a loss that follows STOI in training needs of it, besides [BandEdges].
const (
	Bands        = 15
	Segment      = segment * hop * time.Second / coreRate // 384 ms, in which envelopes are correlated
	DynamicRange = 40.0                                   // dB below the loudest frame of the reference, where frames cease to count
	TopFrequency = coreRate / 2.0                         // Hz, of what is heard at all
	ClipDB       = 15.0                                   // dB, the lowest signal-to-distortion ratio that still counts
)

const (
	coreRate = 10000 // Hz, the rate both measures are defined at
	frameLen = 256   // samples
	hop      = 128   // samples
	fftLen   = 512
	lowest   = 150.0 // Hz, centre of the lowest third-octave band
	segment  = 30    // frames

	// eps keeps the quotients of silent bands finite. The reference implementation uses the spacing of float64 at 1.
	eps = 0x1p-52

	minRate, maxRate = 8000, 384000 // Hz
)

// Result holds both measures.
type Result struct {
	STOI  float64
	ESTOI float64
}

// Score compares est with the clean ref; both hold the same number of samples at rate Hz, 8000 to 384000. At 8 kHz the highest band is
// partly empty, as it is in published figures at that rate.
//
// Signals of different lengths, without samples, constant, or with samples that are not finite give an error, as do signals that hold
// fewer than 30 frames (0.4 s) of speech.
func Score(ref, est []float32, rate int) (Result, error) {
	if err := check.Rate("stoi", rate, minRate, maxRate); err != nil {
		return Result{}, err
	}
	if err := check.Pair("stoi", ref, est); err != nil {
		return Result{}, err
	}
	r, w := newResampler(rate, coreRate), window()
	x, y := active(r.convert(ref), r.convert(est), w)
	xe, ye := envelopes(x, w), envelopes(y, w)
	if len(xe) < segment {
		return Result{}, fmt.Errorf("stoi: reference has %d frames of speech, expected at least %d (0.4 s): use a longer signal",
			len(xe), segment)
	}
	var sum Result
	for at := 0; at+segment <= len(xe); at++ {
		sum.STOI += correlate(xe[at:at+segment], ye[at:at+segment])
		sum.ESTOI += correlateSpectra(xe[at:at+segment], ye[at:at+segment])
	}
	n := float64(len(xe) - segment + 1)
	return Result{STOI: sum.STOI / n, ESTOI: sum.ESTOI / n}, nil
}

// correlate returns STOI's mean over the bands for one segment (Taal et al., equations 3 to 5).
func correlate(x, y [][Bands]float64) float64 {
	clip := 1 + math.Pow(10, ClipDB/20)
	var total float64
	var xb, yb [segment]float64
	for b := range Bands {
		for i := range xb {
			xb[i], yb[i] = x[i][b], y[i][b]
		}
		scale := norm(xb[:]) / (norm(yb[:]) + eps)
		for i := range yb {
			yb[i] = min(yb[i]*scale, xb[i]*clip)
		}
		normalise(xb[:])
		normalise(yb[:])
		total += dot(xb[:], yb[:])
	}
	return total / Bands
}

// correlateSpectra returns ESTOI's value for one segment (Jensen and Taal, equations 3 to 7).
func correlateSpectra(x, y [][Bands]float64) float64 {
	xs, ys := standardise(x), standardise(y)
	var total float64
	for i := range xs {
		normalise(xs[i][:])
		normalise(ys[i][:])
		total += dot(xs[i][:], ys[i][:])
	}
	return total / segment
}

// standardise returns the segment with every band normalised over time.
func standardise(x [][Bands]float64) (out [segment][Bands]float64) {
	var row [segment]float64
	for b := range Bands {
		for i := range row {
			row[i] = x[i][b]
		}
		normalise(row[:])
		for i := range row {
			out[i][b] = row[i]
		}
	}
	return out
}

// normalise takes x to zero mean and unit norm in place.
func normalise(x []float64) {
	var mean float64
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for i := range x {
		x[i] -= mean
	}
	scale := 1 / (norm(x) + eps)
	for i := range x {
		x[i] *= scale
	}
}

func norm(x []float64) float64 { return math.Sqrt(dot(x, x)) }

func dot(x, y []float64) float64 {
	var sum float64
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}
