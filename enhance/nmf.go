package enhance

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// DefaultNMFIterations is the number of updates per frame of an [NMF]; the
// objective changes by less than a percent after it on speech in noise.
const DefaultNMFIterations = 25

// NMF is the Estimator that needs no training beyond the dictionaries: it
// minimises the generalised Kullback-Leibler divergence between the magnitude
// spectrum v of the mixture and W h over h >= 0, frame by frame, by the
// multiplicative update of Lee and Seung (NIPS 2000)
//
//	h <- h o (W' (v/(W h))) / (W' 1),   W = [W_s W_n].
//
// It is the baseline that learned estimators are compared with: slower, and
// confused where the two dictionaries overlap.
type NMF struct {
	w          blas32.General // both dictionaries side by side
	iterations int
	v, model   []float32
	numerator  []float32
	sums       []float32 // W' 1 over the bins in use
	bins       int       // bins in use
}

// NewNMF returns the estimator for two dictionaries of equal bins. 0
// iterations means DefaultNMFIterations.
func NewNMF(speech, noise *Basis, iterations int) (*NMF, error) {
	if iterations < 0 {
		return nil, fmt.Errorf("enhance: NMF of %d iterations: want a positive number, or 0 for %d", iterations, DefaultNMFIterations)
	}
	if iterations == 0 {
		iterations = DefaultNMFIterations
	}
	for _, b := range []*Basis{speech, noise} {
		if err := b.validate("dictionary", speech.Bins); err != nil {
			return nil, err
		}
	}
	rank := speech.Rank + noise.Rank
	w := make([]float32, 0, speech.Bins*rank)
	for k := range speech.Bins {
		w = append(w, speech.W[k*speech.Rank:(k+1)*speech.Rank]...)
		w = append(w, noise.W[k*noise.Rank:(k+1)*noise.Rank]...)
	}
	return &NMF{
		w:          general(speech.Bins, rank, w),
		iterations: iterations,
		v:          make([]float32, speech.Bins),
		model:      make([]float32, speech.Bins),
		numerator:  make([]float32, rank),
		sums:       make([]float32, rank),
	}, nil
}

// Estimate implements [Estimator]. Every frame stands alone.
func (e *NMF) Estimate(h []float32, spectrum []complex64) {
	e.use(min(len(spectrum), e.w.Rows))
	v, model := e.v[:e.bins], e.model[:e.bins]
	if !e.magnitudes(v, spectrum) {
		clear(h)
		return
	}
	w := e.w
	w.Rows = e.bins
	for j := range h {
		h[j] = 1 / (float32(len(h)) * (e.sums[j] + tiny))
	}
	for range e.iterations {
		blas32.Gemv(blas.NoTrans, 1, w, vector(h), 0, vector(model))
		for k, y := range model {
			model[k] = v[k] / (y + 1e-9) // the floor keeps a bin no atom reaches harmless.
		}
		blas32.Gemv(blas.Trans, 1, w, vector(model), 0, vector(e.numerator))
		for j, n := range e.numerator {
			x := h[j] * n / (e.sums[j] + tiny)
			if !(x > tiny) {
				x = 0
			}
			h[j] = x
		}
	}
}

// use prepares for spectra of n bins.
func (e *NMF) use(n int) {
	if n == e.bins {
		return
	}
	e.bins = n
	clear(e.sums)
	for k := range n {
		for j, v := range e.w.Data[k*e.w.Cols : (k+1)*e.w.Cols] {
			e.sums[j] += v
		}
	}
}

// magnitudes sets v to the magnitudes of the spectrum divided by their mean
// and reports whether there was anything; the division makes the result
// independent of the level.
func (e *NMF) magnitudes(v []float32, spectrum []complex64) bool {
	var sum float32
	for k := range v {
		v[k] = 0
		re, im := real(spectrum[k]), imag(spectrum[k])
		if p := re*re + im*im; p <= maxPower {
			v[k] = float32(math.Sqrt(float64(p)))
		}
		sum += v[k]
	}
	if !(sum > tiny) {
		return false
	}
	for k := range v {
		v[k] *= float32(len(v)) / sum
	}
	return true
}

// Reset implements [Estimator].
func (e *NMF) Reset() {}

func general(rows, cols int, data []float32) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

func vector(v []float32) blas32.Vector {
	return blas32.Vector{N: len(v), Inc: 1, Data: v}
}
