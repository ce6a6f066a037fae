// Package bsseval measures a separated source as BSS Eval version 3 does: the signal-to-distortion, signal-to-interference and
// signal-to-artefacts ratios, where any filter of 512 taps on a source is forgiven.
//
//	result, err := bsseval.Score(estimate, [][]float32{speech, noise})
//
// Let P_A(e) be the least-squares projection of the estimate e on all the delays by 0 ... 511 samples of the sources in A. Then
//
//	target       = P_1(e)              the wanted source, which is the first, through the best filter
//	interference = P_all(e) - P_1(e)   what the other sources add to it
//	artefacts    = e - P_all(e)        what no source explains
//	SDR = 10 log10( |target|^2 / |interference + artefacts|^2 )
//	SIR = 10 log10( |target|^2 / |interference|^2 )
//	SAR = 10 log10( |target + interference|^2 / |artefacts|^2 )    all in dB
//
// Higher is better; none has an upper bound. There is no search for the permutation: the caller knows which source is which. Because
// filters are forgiven, SDR is never below the scale-invariant ratio of package sisdr (its means aside), and a fixed delay of the
// estimate by less than 512 samples costs little; an advance does cost.
//
// To score several estimates of the same mixture make one [Scorer]: the factorisation, most of the work on a short signal, is kept.
//
// Source: E. Vincent, R. Gribonval and C. Fevotte, "Performance measurement in blind audio source separation", IEEE TASL 14(4), 2006,
// with the time-invariant filters and the length (512 at 16 kHz and any other rate) of the BSS Eval toolbox, version 3.
package bsseval

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"

	"sotto/internal/metrics/check"
)

// Taps is the length of the filters that are forgiven, in samples.
const Taps = 512

// Result holds the three ratios in dB. With a single source nothing can interfere: SIR is +Inf and SAR equals SDR.
type Result struct {
	SDR, SIR, SAR float64
}

// Score measures est against the sources, the wanted one first. It is [NewScorer] and [Scorer.Score] in one; see them for the errors.
func Score(est []float32, refs [][]float32) (Result, error) {
	s, err := NewScorer(refs)
	if err != nil {
		return Result{}, err
	}
	return s.Score(est)
}

// Scorer measures any number of estimates against the same sources. It is not safe for concurrent use.
type Scorer struct {
	refs    [][]float32
	fft     *fourier.FFT
	size    int
	sources [][]complex128 // spectra of the sources
	factor  *factor
}

// NewScorer prepares to score estimates of refs[0] in the presence of the other sources. The slices must not change while the Scorer is
// in use. Sources of different lengths, silent ones, samples that are not finite, and signals with no more samples than the filters
// have taps in all (512 per source) give an error.
func NewScorer(refs [][]float32) (*Scorer, error) {
	if len(refs) == 0 {
		return nil, fmt.Errorf("bsseval: no source, expected at least the wanted one: pass the clean signal first")
	}
	n := len(refs[0])
	for i, r := range refs {
		if len(r) != n {
			return nil, fmt.Errorf("bsseval: source %d has %d samples, expected %d like the first: align and trim them first", i, len(r), n)
		}
		if err := check.Signal("bsseval", fmt.Sprintf("source %d", i), r); err != nil {
			return nil, err
		}
	}
	if n <= Taps*len(refs) {
		return nil, fmt.Errorf("bsseval: sources have %d samples, expected more than %d: use a longer signal", n, Taps*len(refs))
	}
	s := &Scorer{refs: refs, size: fftSize(n + Taps - 1)}
	s.fft = fourier.NewFFT(s.size)
	for _, r := range refs {
		s.sources = append(s.sources, s.spectrum(r))
	}
	s.factor = s.factorise()
	return s, nil
}

// Score measures one estimate of the first source. Another length than the sources have, silence, and samples that are not finite give
// an error.
func (s *Scorer) Score(est []float32) (Result, error) {
	if err := check.Pair("bsseval", s.refs[0], est); err != nil {
		return Result{}, err
	}
	spectrum := s.spectrum(est)
	d := make([]float64, 0, len(s.refs)*Taps)
	for _, source := range s.sources {
		d = append(d, s.correlate(source, spectrum)...)
	}
	target := s.filter(s.factor.solve(d, 1))
	all := target
	if len(s.refs) > 1 {
		all = s.filter(s.factor.solve(d, len(s.refs)))
	}
	var wanted, distortion, interference, explained, artefacts float64
	for i, t := range target {
		e := 0.0
		if i < len(est) {
			e = float64(est[i])
		}
		wanted += t * t
		distortion += (e - t) * (e - t)
		interference += (all[i] - t) * (all[i] - t)
		explained += all[i] * all[i]
		artefacts += (e - all[i]) * (e - all[i])
	}
	return Result{SDR: decibels(wanted, distortion), SIR: decibels(wanted, interference), SAR: decibels(explained, artefacts)}, nil
}

// factorise factors the sources' correlation matrix. Where the sources leave it singular, as pure tones and narrow bands do, the smallest
// ridge that makes it positive definite is added: the projections barely change, since what is lifted carries no energy.
func (s *Scorer) factorise() *factor {
	r := make(lags, len(s.sources))
	for i := range r {
		r[i] = make([][]float64, len(s.sources))
		for j := range r[i] {
			r[i][j] = s.correlate(s.sources[i], s.sources[j])
		}
	}
	const first, step = 1e-15, 10
	f, ok := factorise(r, 0)
	for ridge := first; !ok; ridge *= step {
		f, ok = factorise(r, ridge)
	}
	return f
}

// spectrum returns the transform of x, padded with zeros.
func (s *Scorer) spectrum(x []float32) []complex128 {
	padded := make([]float64, s.size)
	for i, v := range x {
		padded[i] = float64(v)
	}
	return s.fft.Coefficients(nil, padded)
}

// correlate returns sum_t x(t) y(t+k) for k = 0 ... Taps-1, from the spectra of x and y.
func (s *Scorer) correlate(x, y []complex128) []float64 {
	product := make([]complex128, len(x))
	for i, v := range x {
		product[i] = complex(real(v), -imag(v)) * y[i] / complex(float64(s.size), 0)
	}
	return s.fft.Sequence(nil, product)[:Taps]
}

// filter returns the sum of the sources through their filters, Taps coefficients for each; sources beyond the last filter are left out.
func (s *Scorer) filter(taps []float64) []float64 {
	sum := make([]complex128, s.size/2+1)
	padded := make([]float64, s.size)
	for i := 0; i*Taps < len(taps); i++ {
		copy(padded, taps[i*Taps:(i+1)*Taps])
		h := s.fft.Coefficients(nil, padded)
		for k, v := range s.sources[i] {
			sum[k] += v * h[k] / complex(float64(s.size), 0)
		}
	}
	return s.fft.Sequence(nil, sum)[:len(s.refs[0])+Taps-1]
}

func decibels(signal, noise float64) float64 { return 10 * math.Log10(signal/noise) }

// fftSize returns the smallest size from n on that Gonum's transform is fast for: 2^k, 3*2^k or 5*2^k.
func fftSize(n int) int {
	best := 0
	for _, odd := range []int{1, 3, 5} {
		size := 2 * odd
		for size < n {
			size *= 2
		}
		if best == 0 || size < best {
			best = size
		}
	}
	return best
}
