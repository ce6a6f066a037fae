// Package sisdr measures the scale-invariant signal-to-distortion ratio of an estimate against its reference:
//
//	s, e   reference and estimate, each with its mean removed
//	a    = <e, s> / |s|^2
//	SI-SDR = 10 log10( |a s|^2 / |e - a s|^2 )   dB
//
// It is the signal-to-noise ratio after the best scaling of the reference, so the estimate's gain does not count; its polarity does not
// either. Higher is better, and there is no upper bound. A delay of one sample does count: align the signals first.
//
// Source: J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019, equation 4. The means are
// removed, as most published figures have it.
package sisdr

import (
	"math"

	"sotto/internal/metrics/check"
)

// Score returns the SI-SDR of est against ref in dB. Both hold the same number of samples, at any rate and in any unit.
//
// An estimate proportional to the reference scores +Inf or as much as rounding leaves (above 100 dB), an estimate orthogonal to it
// -Inf. Signals of different lengths, without samples, constant, or with samples that are not finite give an error.
func Score(ref, est []float32) (float64, error) {
	if err := check.Pair("sisdr", ref, est); err != nil {
		return 0, err
	}
	ms, me := mean(ref), mean(est)
	var ss, es float64
	for i, v := range ref {
		s := float64(v) - ms
		ss += s * s
		es += s * (float64(est[i]) - me)
	}
	a := es / ss
	var noise float64
	for i, v := range ref {
		d := float64(est[i]) - me - a*(float64(v)-ms)
		noise += d * d
	}
	return 10 * math.Log10(a*a*ss/noise), nil
}

func mean(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}
