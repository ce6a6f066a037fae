package enhance

import (
	"sotto/internal/fastmath"
	"sotto/internal/narrow"
)

// maxSpectrum bounds a reconstruction so that its power stays a finite
// float32; the spectra are near 1.
const maxSpectrum = 1e15

// mask turns activations into a gain per bin.
type mask struct {
	speech, noise *narrow.Matrix
	rank          int // of the speech dictionary
	exponent      float32
	xs, xn        []float32
}

func newMask(m *Model) mask {
	bins := m.Grid.Bins()
	return mask{
		speech:   narrow.New(bins, m.Speech.Rank, m.Speech.W),
		noise:    narrow.New(bins, m.Noise.Rank, m.Noise.W),
		rank:     m.Speech.Rank,
		exponent: m.exponent(),
		xs:       make([]float32, bins),
		xn:       make([]float32, bins),
	}
}

// gains sets g to (X_s^p + d)/(X_s^p + X_n^p + 2d) with X = W h for as many
// bins as g has, after adding logit, unless nil, to its logit.
func (m *mask) gains(g, h, logit []float32) {
	clear(m.xs)
	clear(m.xn)
	m.speech.AddTo(m.xs, h[:m.rank])
	m.noise.AddTo(m.xn, h[m.rank:])
	m.power(m.xs)
	m.power(m.xn)
	for k := range g {
		s, n := m.xs[k]+MaskFloor, m.xn[k]+MaskFloor
		if logit != nil {
			// sigmoid(ln(s/n) + r) = s/(s + n e^-r).
			n *= fastmath.Exp(-logit[k])
		}
		g[k] = s / (s + n)
	}
}

// power raises a reconstruction to the exponent.
func (m *mask) power(x []float32) {
	switch m.exponent {
	case 1:
	case 2:
		for k, v := range x {
			v = min(v, maxSpectrum)
			x[k] = v * v
		}
	default:
		for k, v := range x {
			x[k] = fastmath.Exp(m.exponent * fastmath.Log(min(v, maxSpectrum)))
		}
	}
}
