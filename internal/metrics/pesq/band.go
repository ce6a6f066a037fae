package pesq

import (
	"math"
	"math/cmplx"
)

// What follows is for those who want to do better by the wide-band model: a loss
// in training can compute its disturbances from these and from [WideBands].

// Constants of the disturbance of a frame and of the score, as ITU-T P.862 has
// them. Powers are those of bands.
const (
	MaskShare = 0.25 // of the softer of two loudnesses: smaller differences are masked

	GainOffset = 5000 // added to the audible powers whose ratio is a frame's gain: keeps silent frames at 1
	LeastGain  = 3e-4
	MostGain   = 5

	AdditionOffset = 50  // added to the powers whose ratio weighs what was added
	AdditionPower  = 1.2 // of that ratio
	LeastAddition  = 3   // weights below it are none
	MostAddition   = 12

	SoftOffset = 1e5 // loud frames are softened by ((audible power + SoftOffset)/SoftScale)^SoftPower
	SoftScale  = 1e7
	SoftPower  = 0.04

	MostDisturbance = 45 // of a frame

	BestRaw        = 4.5 // the raw score is BestRaw less the shares of the two averages
	SymmetricShare = 0.1
	AdditionShare  = 0.0309
)

// The spectra that WideBands expects: frames of FrameLength samples at FrameRate
// Hz, whose lines lie 31.25 Hz apart, at a level at which the lines from LevelFirst
// to LevelLast (350 to 3250 Hz) hold SpeechPower together, in the mean over all
// frames of the reference.
const (
	FrameRate   = 16000
	FrameLength = 512
	LevelFirst  = 12
	LevelLast   = 104
	// SpeechPower is one side of the spectrum of a signal of power targetPower under
	// the Hann window, whose squares sum up to 3/8 of its length.
	SpeechPower = targetPower * FrameLength * (3 * FrameLength / 8) / 2
)

// Band is one band of the wide-band model.
type Band struct {
	Loudness
	// Lines weigh the powers of successive lines, from that after the band before
	// on; their sum is the band's power. They hold the input filter of P.862.2 and
	// leave out the constant part.
	Lines []float64
	// Width is the band's width in Bark.
	Width float64
}

// Loudness turns the power v of a band into loudness in sone per Bark, Zwicker's
// law as P.862 has it:
//
//	L = Scale ((0.5 + 0.5 v/Threshold)^Exponent - 1) for v > Threshold, else 0.
type Loudness struct{ Scale, Threshold, Exponent float64 }

func newLoudness(g *grid, band int) Loudness {
	const zwicker = 0.23
	t, z := g.threshold[band], g.centre[band]
	y := zwicker
	if z < 4 { // Bark; loudness grows faster at low frequencies
		y *= math.Pow(min(2, 6/(z+2)), 0.15)
	}
	return Loudness{Scale: g.loudnessScale * math.Pow(t/0.5, y), Threshold: t, Exponent: y}
}

// Of returns the loudness of power v.
func (l Loudness) Of(v float64) float64 {
	if v <= l.Threshold {
		return 0
	}
	return l.Scale * (math.Pow(0.5+0.5*v/l.Threshold, l.Exponent) - 1)
}

// WideBands returns the 49 bands of the wide-band model at 16 kHz, the lowest
// first. The lowest counts in no sum over bands.
func WideBands() []Band {
	g := &grid16k
	bands := make([]Band, g.bands)
	k := 0
	for b := range bands {
		bands[b] = Band{Loudness: newLoudness(g, b), Lines: make([]float64, g.lines[b]), Width: g.width[b]}
		for i := range bands[b].Lines {
			if k > 0 {
				bands[b].Lines[i] = g.density[b] * g.powerScale * inputPower(k)
			}
			k++
		}
	}
	return bands
}

// inputPower returns the squared gain of the input filter of P.862.2 at a line.
func inputPower(line int) float64 {
	gain := 1.0
	z := cmplx.Exp(complex(0, -2*math.Pi*float64(line)/FrameLength))
	for _, s := range wideInput {
		up := complex(float64(s.b0), 0) + z*(complex(float64(s.b1), 0)+z*complex(float64(s.b2), 0))
		down := 1 + z*(complex(float64(s.a1), 0)+z*complex(float64(s.a2), 0))
		gain *= cmplx.Abs(up / down)
	}
	return gain * gain
}
