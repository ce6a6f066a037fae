// Package pesq predicts how people would rate a degraded voice recording beside its clean original: the perceptual
// evaluation of speech quality of ITU-T P.862 (narrow-band), with the mapping of P.862.1, and P.862.2 (wide-band).
//
//	raw, lqo, err := pesq.NarrowBand(clean, noisy, 16000) // P.862 raw score and P.862.1 MOS-LQO
//	lqo, err := pesq.WideBand(clean, noisy, 16000)        // P.862.2 MOS-LQO
//
// A program that scores many pairs makes one [Meter] per goroutine with [New] and calls [Meter.Score]: it keeps its
// buffers and filter curves from one pair to the next.
//
// # What is computed
//
// Both signals are brought to a common level and filtered like a handset receiver (narrow-band) or a flat headphone
// (wide-band). The degraded signal is then aligned with the reference in time, utterance by utterance. On frames of
// 32 ms both become loudness densities over the Bark scale; their difference, with loudness added by the degradation
// weighted more than loudness taken away, is averaged over bands and time into a score.
// The files follow these stages: level.go and filter.go, activity.go, align.go, fine.go and split.go, bark.go,
// disturbance.go and realign.go, score.go.
//
// # Input
//
// Mono samples, full scale at 1, at 8000 or 16000 Hz (wide-band: 16000 only), each signal at least a quarter of a
// second long. The lengths may differ and a delay between the signals, even a changing one, is found and undone.
// Level differences have no influence.
//
// # Cost
//
// About 12 ms of one core per second of audio; up to twice that for pairs at -5 dB and below, whose alignment is in doubt
// and tried at many split points.
//
// # Standing
//
// This is an independent implementation of the published Recommendation, not the program that ITU-T distributes. It is
// checked against scores of that program (see the tests). ITU-T P.862 carries its own terms for commercial use: those who
// sell what this package computes should read them.
package pesq

import (
	"fmt"

	"sotto/internal/metrics/check"
)

//go:generate go run gen.go

// Mode selects the listening situation that is modelled.
type Mode int

const (
	// Narrow is listening over a telephone handset, ITU-T P.862 with the mapping of P.862.1.
	Narrow Mode = iota
	// Wide is listening to 50-7000 Hz over headphones, ITU-T P.862.2.
	Wide
)

// String names the mode as tables do: "nb" or "wb".
func (m Mode) String() string {
	switch m {
	case Narrow:
		return "nb"
	case Wide:
		return "wb"
	}
	return fmt.Sprintf("Mode(%d)", int(m))
}

// Result is the score of one pair of signals.
type Result struct {
	// Raw is the score before mapping, at most 4.5 and seldom below -0.5. P.862 reports it; P.862.2 does not, there it is
	// only a step on the way to LQO.
	Raw float64
	// LQO is the predicted mean opinion score (MOS-LQO), from 1 to 4.5486 (Narrow) or 4.6439 (Wide).
	LQO float64
}

// NarrowBand scores deg against the clean reference ref, both sampled at rate 8000 or 16000 Hz: the raw score of ITU-T
// P.862 and its mapping to MOS-LQO by P.862.1. The model is not the same at the two rates, and neither are the scores.
// The errors are those of [Meter.Score] and [New]. It is safe for concurrent use.
func NarrowBand(ref, deg []float32, rate int) (raw, lqo float64, err error) {
	m, err := New(Narrow, rate)
	if err != nil {
		return 0, 0, err
	}
	r, err := m.Score(ref, deg)
	return r.Raw, r.LQO, err
}

// WideBand scores deg against the clean reference ref, both sampled at rate 16000 Hz, and returns the MOS-LQO of ITU-T
// P.862.2. The errors are those of [Meter.Score] and [New]. It is safe for concurrent use.
func WideBand(ref, deg []float32, rate int) (lqo float64, err error) {
	m, err := New(Wide, rate)
	if err != nil {
		return 0, err
	}
	r, err := m.Score(ref, deg)
	return r.LQO, err
}

// Meter scores pairs of signals of one rate in one mode. It reuses its curves and buffers, which grow to what the longest
// pair needs (about 100 bytes per sample). A Meter serves one goroutine at a time.
type Meter struct {
	mode Mode
	grid *grid

	level, input *curve
	scratch      []complex128 // the transform at hand

	ref, deg signal
	fine     fineAligner
	model    model
}

// signal is one of the two inputs on its way through the model. Positions count from the start of the leading margin.
type signal struct {
	n      int       // input samples
	padded int       // input samples and both margins
	band   []float64 // speech and tail within the band in which levels are measured
	heard  []float64 // level-aligned and input-filtered: what the perceptual model listens to
	shaped []float32 // prefiltered for time alignment
	active []float64 // power of active blocks, 0 elsewhere
	log    []float64 // log of active power over the threshold of activity, never negative
}

// New returns a Meter for signals sampled at rate Hz. Narrow accepts 8000 and 16000, Wide 16000; anything else is an error.
func New(mode Mode, rate int) (*Meter, error) {
	m := &Meter{mode: mode, level: &curve{points: levelBandCurve}}
	switch rate {
	case grid8k.rate:
		m.grid = &grid8k
	case grid16k.rate:
		m.grid = &grid16k
	default:
		return nil, fmt.Errorf("pesq: sample rate is %d Hz, expected 8000 or 16000 Hz: resample both signals", rate)
	}
	switch mode {
	case Narrow:
		m.input = &curve{points: handsetCurve}
	case Wide:
		if rate != grid16k.rate {
			return nil, fmt.Errorf("pesq: wide-band at %d Hz, expected 16000 Hz: score narrow-band instead", rate)
		}
	default:
		return nil, fmt.Errorf("pesq: mode is %d, expected Narrow or Wide", int(mode))
	}
	m.fine.init(m.grid)
	m.model.init(m.grid)
	return m, nil
}

// Score compares deg with the clean reference ref. The errors name what cannot be scored: a signal shorter than a quarter
// of a second, silence, samples that are not finite, a pair without 200 ms of speech in common, and recordings of more than
// 50 utterances.
func (m *Meter) Score(ref, deg []float32) (Result, error) {
	if err := m.check("reference", ref); err != nil {
		return Result{}, err
	}
	if err := m.check("degraded", deg); err != nil {
		return Result{}, err
	}
	longest := max(len(ref), len(deg)) + 2*m.grid.margin
	if err := m.prepare(ref, deg, longest); err != nil {
		return Result{}, err
	}
	utterances, err := m.align()
	if err != nil {
		return Result{}, err
	}
	raw, err := m.perceive(utterances, longest)
	if err != nil {
		return Result{}, err
	}
	return Result{Raw: raw, LQO: opinion(m.mode, raw)}, nil
}

// check refuses input that has no score.
func (m *Meter) check(name string, x []float32) error {
	if shortest := m.grid.rate / 4; len(x) < shortest {
		return fmt.Errorf("pesq: %s has %d samples, expected at least %d (a quarter of a second): score longer signals",
			name, len(x), shortest)
	}
	return check.Signal("pesq", name, x)
}

// grid holds the constants and tables of one sampling rate. Lengths are in samples.
type grid struct {
	rate       int // Hz
	block      int // 4 ms, unit of activity and of coarse delays
	margin     int // zeros put before and after each signal, 75 blocks
	tail       int // zeros after the second margin
	alignFrame int // frame of the fine time alignment
	frame, hop int // frame and hop of the perceptual model
	bands      int // Bark bands

	prefilter []section // shapes the signals for time alignment

	powerScale    float64
	loudnessScale float64
	lines         []int     // spectral lines per band
	centre        []float64 // band centre, Bark
	width         []float64 // band width, Bark
	density       []float64 // correction of the band's power density
	threshold     []float64 // power of the hearing threshold
}
