package pesq

import (
	"math"
	"math/cmplx"
)

// Band is one band of the wide-band perceptual model at 16 kHz, for those who
// want to do better by it: a loss in training.
type Band struct {
	// Lines weigh the powers of successive lines of a spectrum, 31.25 Hz apart
	// from zero frequency on; their sum is the band's power before the level is
	// set. They hold the input filter of P.862.2 and leave the constant part out.
	Lines []float64
	// Width is the band's width in Bark.
	Width float64
	// Threshold is the power at the hearing threshold; the loudness in sone of
	// a power v above it is Scale ((0.5 + 0.5 v/Threshold)^Exponent - 1).
	Threshold, Scale, Exponent float64
}

// SpeechPower is the mean power of the lines from 350 to 3250 Hz, summed over a
// frame, in speech at the level that P.862 listens at (1e7 a sample on the
// 16-bit scale, Hann window of 512 samples): Bands expects spectra of this level.
const SpeechPower = 1e7 * 512 * 192 / 2

// WideBands returns the 49 bands of the wide-band model.
func WideBands() []Band {
	g := &grid16k
	bands := make([]Band, g.bands)
	k := 0
	for b := range bands {
		l := newBandLoudness(g, b)
		bands[b] = Band{
			Lines: make([]float64, g.lines[b]), Width: g.width[b],
			Threshold: l.threshold, Scale: l.scale, Exponent: l.exponent,
		}
		for i := range bands[b].Lines {
			if k > 0 {
				bands[b].Lines[i] = g.density[b] * g.powerScale * wideInput[0].power(2*math.Pi*float64(k)/float64(g.frame))
			}
			k++
		}
	}
	return bands
}

// power returns the squared gain of the section at w radians a sample.
func (s section) power(w float64) float64 {
	z := cmplx.Exp(complex(0, -w))
	up := complex(float64(s.b0), 0) + z*(complex(float64(s.b1), 0)+z*complex(float64(s.b2), 0))
	down := 1 + z*(complex(float64(s.a1), 0)+z*complex(float64(s.a2), 0))
	gain := cmplx.Abs(up / down)
	return gain * gain
}
