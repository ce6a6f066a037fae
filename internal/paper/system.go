package paper

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"sotto/enhance"
	"sotto/internal/fastmath"
	"sotto/stft"
)

// System is one way to separate speech from noise: how active every atom of two
// dictionaries is, and the mask that the reconstructions X = W h make,
//
//	G = (X_s^p + d)/(X_s^p + X_n^p + 2d).
type System struct {
	Name          string
	Speech, Noise *enhance.Basis
	Exponent      float32
	// New returns an estimator for one signal; estimators are independent.
	New func() enhance.Estimator
}

// Separate returns the speech in a mixture: as many samples, in place.
func (s *System) Separate(mixture []float32, grid stft.Config) ([]float32, error) {
	a, err := stft.NewAnalyzer(grid)
	if err != nil {
		return nil, err
	}
	b, err := stft.NewSynthesizer(grid)
	if err != nil {
		return nil, err
	}
	hop, shift := grid.HopSize(), grid.Shift()
	hops := (len(mixture) + shift + hop - 1) / hop
	in := make([]float32, hops*hop)
	copy(in, mixture)
	out := make([]float32, hops*hop)
	estimator, m := s.New(), newMask(s)
	h := make([]float32, s.Speech.Rank+s.Noise.Rank)
	spectrum := make([]complex64, grid.Bins())
	for i := 0; i < len(in); i += hop {
		a.Analyze(spectrum, in[i:i+hop])
		estimator.Estimate(h, spectrum)
		m.apply(spectrum, h)
		b.Synthesize(out[i:i+hop], spectrum)
	}
	return out[shift : shift+len(mixture)], nil
}

// mask applies the mask of a system.
type mask struct {
	system *System
	x      [2][]float32
}

func newMask(s *System) *mask {
	return &mask{s, [2][]float32{make([]float32, s.Speech.Bins), make([]float32, s.Speech.Bins)}}
}

// apply multiplies a spectrum by the mask that activations h make. Both
// reconstructions are divided by their greatest value, so that the floor d
// means the same at every level.
func (m *mask) apply(spectrum []complex64, h []float32) {
	top := float32(0)
	for i, basis := range []*enhance.Basis{m.system.Speech, m.system.Noise} {
		w := blas32.General{Rows: basis.Bins, Cols: basis.Rank, Stride: basis.Rank, Data: basis.W}
		part := h[i*m.system.Speech.Rank:][:basis.Rank]
		blas32.Gemv(blas.NoTrans, 1, w, blas32.Vector{N: basis.Rank, Inc: 1, Data: part}, 0, blas32.Vector{N: basis.Bins, Inc: 1, Data: m.x[i]})
		for _, v := range m.x[i] {
			top = max(top, v)
		}
	}
	if !(top > 0) {
		clear(spectrum)
		return
	}
	for k := range spectrum {
		s := power(m.x[0][k]/top, m.system.Exponent) + enhance.MaskFloor
		n := power(m.x[1][k]/top, m.system.Exponent) + enhance.MaskFloor
		spectrum[k] *= complex(s/(s+n), 0)
	}
}

// power returns x^p for x of 0 or more.
func power(x, p float32) float32 {
	switch {
	case p == 1:
		return x
	case p == 2:
		return x * x
	case x <= 0:
		return 0
	}
	return fastmath.Exp(p * fastmath.Log(x))
}
