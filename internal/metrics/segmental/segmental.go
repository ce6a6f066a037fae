// Package segmental measures the distance between a clean and a processed voice frame by frame: the segmental signal-to-noise ratio,
// the log-spectral distance, the log-likelihood ratio of linear predictors, and the weighted spectral slope distance.
//
//	measure   unit  range        better  what it sees
//	SNR       dB    -10 ... 35   higher  the waveform
//	LSD       dB    0 ...        lower   the magnitudes of all bins, loud and faint alike
//	LLR       -     0 ... 2      lower   the spectral envelope
//	WSS       dB^2  0 ...        lower   the slopes between neighbouring critical bands
//
// All take signals of the same length and rate, aligned to the sample. Except for LSD they share one framing: 30 ms, a step of 7.5 ms,
// a Hann window without its zero end points, and the last frame left out, as in the programs of the book below, whose figures the
// literature quotes. LLR is blind to the level of either signal; WSS all but is; SNR and LSD are not.
//
// Source: P. C. Loizou, "Speech Enhancement: Theory and Practice", 2nd edition, CRC Press 2013, chapter 11, where no other is named.
package segmental

import (
	"fmt"
	"math"
	"slices"

	"sotto/internal/metrics/check"
)

const (
	minRate, maxRate = 8000, 192000 // Hz: WSS needs its bands, which end near 4 kHz

	// eps is the spacing of float64 at 1, which keeps logarithms finite.
	eps = 0x1p-52

	// kept is the part of the frames that enters the mean of LLR and WSS: the worst 5 % are left out (J. H. L. Hansen and
	// B. L. Pellom, "An effective quality evaluation protocol for speech enhancement algorithms", ICSLP 1998).
	kept = 0.95

	minSNR, maxSNR = -10.0, 35.0 // dB
)

// framing cuts a signal into windowed frames.
type framing struct {
	window []float64
	step   int
	count  int // frames
}

// newFraming checks the signals and returns their framing.
func newFraming(metric string, ref, est []float32, rate int) (*framing, error) {
	if err := check.Rate(metric, rate, minRate, maxRate); err != nil {
		return nil, err
	}
	if err := check.Pair(metric, ref, est); err != nil {
		return nil, err
	}
	size := int(math.Round(0.030 * float64(rate)))
	f := &framing{window: make([]float64, size), step: int(0.25 * 0.030 * float64(rate))}
	for i := range f.window {
		f.window[i] = 0.5 * (1 - math.Cos(2*math.Pi*float64(i+1)/float64(size+1)))
	}
	f.count = (len(ref) - size) / f.step // one less than fit
	return f, longEnough(metric, len(ref), size+f.step)
}

// longEnough reports that a signal of n samples is shorter than the metric needs, or nil.
func longEnough(metric string, n, need int) error {
	if n < need {
		return fmt.Errorf("%s: signals have %d samples, expected at least %d: use a longer signal", metric, n, need)
	}
	return nil
}

// frame writes frame i of x through the window to the head of dst.
func (f *framing) frame(dst []float64, x []float32, i int) {
	for j, v := range x[i*f.step:][:len(f.window)] {
		dst[j] = float64(v) * f.window[j]
	}
}

// SNR returns the segmental signal-to-noise ratio of est in dB: the mean over frames of
//
//	10 log10( |s|^2 / |s - e|^2 )   limited to -10 ... 35 dB,
//
// with s and e the windowed frames of ref and est. The level counts: est must have the gain of ref. A frame in which ref is digital
// silence counts as -10 dB. Rate is in Hz, 8000 to 192000. Signals of different lengths, of less than 37.5 ms, constant, or with samples
// that are not finite give an error.
func SNR(ref, est []float32, rate int) (float64, error) {
	f, err := newFraming("segmental SNR", ref, est, rate)
	if err != nil {
		return 0, err
	}
	s, e := make([]float64, len(f.window)), make([]float64, len(f.window))
	var sum float64
	for i := range f.count {
		f.frame(s, ref, i)
		f.frame(e, est, i)
		var signal, noise float64
		for j, v := range s {
			signal += v * v
			noise += (v - e[j]) * (v - e[j])
		}
		sum += min(max(10*math.Log10(signal/(noise+eps)+eps), minSNR), maxSNR)
	}
	return sum / float64(f.count), nil
}

// lowestMean returns the mean of the lowest 95 % of the distances, which it sorts.
func lowestMean(distances []float64) float64 {
	slices.Sort(distances)
	n := max(1, int(math.RoundToEven(kept*float64(len(distances)))))
	var sum float64
	for _, d := range distances[:n] {
		sum += d
	}
	return sum / float64(n)
}
