package enhance

import (
	"fmt"
	"math"
	"time"

	"sotto/internal/fastmath"
)

// Constants of the feature definition; a change to any of them is a new
// feature definition and needs newly trained models.
const (
	// FeatureDefinition names this definition in model files; a model without
	// cues has [PlainFeatureDefinition].
	FeatureDefinition = "band-log-level-2"
	// PlainFeatureDefinition names the levels alone.
	PlainFeatureDefinition = "band-log-level-1"
	// DefaultTau is the time constant of the running level: long against a
	// word, short against a change of place.
	DefaultTau = 2 * time.Second
	// powerFloor keeps the logarithm finite: -120 dB of a full-scale
	// amplitude, below the noise of a 16-bit recording.
	powerFloor = 1e-12
	// silence is the mean band level below which a frame does not count
	// towards the running level; ln sqrt(powerFloor) is -13.8.
	silence = -13
	// clip bounds a feature, in standard deviations.
	clip = 6
	// maxPower is far above anything a sane recording holds; a bin beyond
	// it, or not a number, counts as empty.
	maxPower = 1e24
)

// DefaultBands returns the edges of the feature bands of a 257-bin spectrum
// with 31.25 Hz between bins. Band b holds the bins edges[b] to
// edges[b+1]-1. Below 1500 Hz (bin 48) every bin is a band, so that the
// harmonics of a voice stay apart; from there the width grows by one bin
// every 16, close to the resolution of the ear: 1+(k-48)/16 bins from bin k
// on. Bin 0 belongs to no band, nor do the bins from 7812.5 Hz (bin 250) on:
// they lie in the transition of anti-alias filters, full in one recording and
// empty in the next. With them, the mask for a recording at 16 kHz and for
// the same one resampled to 48 kHz agreed to 15 dB; without, to 35 and more.
func DefaultBands() []int {
	const linear = 48
	edges := []int{firstBin}
	for k := firstBin; k < endBin; {
		width := 1
		if k >= linear {
			width += (k - linear) / 16
		}
		k = min(k+width, endBin)
		edges = append(edges, k)
	}
	return edges
}

// NarrowBands returns the edges of bands of one bin each, over the same bins as
// those of [DefaultBands]: the resolution of the spectrum itself.
func NarrowBands() []int {
	var edges []int
	for k := firstBin; k <= endBin; k++ {
		edges = append(edges, k)
	}
	return edges
}

// The bands cover the bins from firstBin to endBin-1.
const firstBin, endBin = 1, 250

// Cues are features that a model may have beside the levels of the bands.
type Cues struct {
	// Floor adds, for every band, its level above the noise floor.
	Floor bool
	// Advance adds, for the bins 1 to Advance, how the phase went on since the
	// frame before. 0 adds nothing.
	Advance int
}

// FeatureSpec is what a model has learned about its input: the bands and
// how to standardise their levels.
type FeatureSpec struct {
	// Edges are the band edges in bins, rising; see [DefaultBands].
	Edges []int
	// Cues are the features beside the levels.
	Cues
	// Mean and Std standardise the features, levels in nepers relative to the
	// running level; Inputs() values each. Nil means 0 and 1.
	Mean, Std []float32
	// Tau is the time constant of the running level. 0 means DefaultTau.
	Tau time.Duration
}

// Bands returns the number of bands.
func (s FeatureSpec) Bands() int { return max(len(s.Edges)-1, 0) }

// Inputs returns the number of features: the levels of the bands, then their
// levels above the floor, then the real and the imaginary parts of the phase
// advance.
func (s FeatureSpec) Inputs() int {
	n := s.Bands() + 2*s.Advance
	if s.Floor {
		n += s.Bands()
	}
	return n
}

// Validate reports the first thing that makes the specification unusable
// for spectra of the given number of bins.
func (s FeatureSpec) Validate(bins int) error {
	if s.Bands() == 0 {
		return fmt.Errorf("enhance: features have %d band edges: want at least 2", len(s.Edges))
	}
	for i, e := range s.Edges {
		if e < 0 || e > bins || i > 0 && e <= s.Edges[i-1] {
			return fmt.Errorf("enhance: feature band edge %d is bin %d: want rising edges from 0 to %d", i, e, bins)
		}
	}
	if s.Advance < 0 || s.Advance >= bins {
		return fmt.Errorf("enhance: features hold the phase advance of %d bins: want 0 to %d", s.Advance, bins-1)
	}
	if s.Tau < 0 {
		return fmt.Errorf("enhance: feature time constant is %v: want a positive one, or 0 for %v", s.Tau, DefaultTau)
	}
	for name, v := range map[string][]float32{"mean": s.Mean, "std": s.Std} {
		if v != nil && len(v) != s.Inputs() {
			return fmt.Errorf("enhance: features.%s has %d values: want one per feature, %d", name, len(v), s.Inputs())
		}
		if !allFinite(v) {
			return fmt.Errorf("enhance: features.%s holds a value that is not finite", name)
		}
	}
	for i, v := range s.Std {
		if v <= 0 {
			return fmt.Errorf("enhance: features.std of feature %d is %v: want a positive number", i, v)
		}
	}
	return nil
}

// Features computes the network's input from a stream of spectra. With the
// power spectrum |Y_k|^2 of a frame (scaled as package stft scales it), the
// level of band b is, in nepers,
//
//	l_b = ln(mean_{k in b} |Y_k|^2 + 1e-12) / 2
//
// and the feature is what is left of it when the running level L and the
// statistics of the training data are taken off:
//
//	f_b = clamp((l_b - L - mean_b)/std_b, -6, 6).
//
// L follows the mean m of the l_b over frames that are not silent (m > -13):
// L += a (m - L) with a = max(1/(n+1), hop/tau) after n such frames. So the
// features do not depend on the gain of the microphone, from the first frame
// on. Two kinds of cues can follow the levels, standardised and clamped like
// them: see floor and advance. Training and running share this code.
type Features struct {
	edges   []int
	inverse []float32 // 1/width of every band
	mean    []float32
	scale   []float32 // 1/std
	slowest float32   // hop/tau
	level   float32
	frames  float32
	floor   *floor   // nil: no such features
	advance *advance // nil: no such features
}

// NewFeatures returns the feature extractor of s for spectra one hop apart.
// It panics if s has no bands or its statistics do not fit them; use
// [FeatureSpec.Validate] on a specification that comes from outside.
func NewFeatures(s FeatureSpec, hop time.Duration) *Features {
	bands, n := s.Bands(), s.Inputs()
	if bands == 0 || hop <= 0 || s.Mean != nil && len(s.Mean) != n || s.Std != nil && len(s.Std) != n {
		panic("enhance: bad feature specification")
	}
	tau := s.Tau
	if tau == 0 {
		tau = DefaultTau
	}
	f := &Features{
		edges:   s.Edges,
		inverse: make([]float32, bands),
		mean:    make([]float32, n),
		scale:   make([]float32, n),
		slowest: float32(min(hop.Seconds()/tau.Seconds(), 1)), // beyond 1 the level would swing, beyond 2 diverge
	}
	if s.Floor {
		f.floor = newFloor(bands, hop)
	}
	if s.Advance > 0 {
		f.advance = newAdvance(s.Advance)
	}
	copy(f.mean, s.Mean)
	for b := range bands {
		f.inverse[b] = 1 / float32(s.Edges[b+1]-s.Edges[b])
	}
	for i := range n {
		f.scale[i] = 1
		if s.Std != nil {
			f.scale[i] = 1 / s.Std[i]
		}
	}
	return f
}

// Compute takes in the spectrum of the next frame and returns its features
// in dst, FeatureSpec.Inputs values. A nil dst is allocated; one of the wrong length
// panics. Bins that the spectrum lacks, above half the sample rate, count as
// empty, and so do bins that are not finite.
func (f *Features) Compute(dst []float32, spectrum []complex64) []float32 {
	dst = f.Relative(dst, spectrum)
	for b, v := range dst {
		dst[b] = min(max((v-f.mean[b])*f.scale[b], -clip), clip)
	}
	return dst
}

// Relative is Compute without standardising and clamping: l_b - L, then the
// cues. The statistics of a FeatureSpec are the mean and standard deviation of it over
// the training data.
func (f *Features) Relative(dst []float32, spectrum []complex64) []float32 {
	if dst == nil {
		dst = make([]float32, len(f.mean))
	}
	if len(dst) != len(f.mean) {
		panic("enhance: feature length mismatch")
	}
	levels := dst[:len(f.inverse)]
	var sum float32
	for b := range levels {
		p := f.inverse[b]*bandPower(spectrum, f.edges[b], f.edges[b+1]) + powerFloor
		levels[b] = 0.5 * fastmath.Log(p)
		sum += levels[b]
	}
	mean := sum / float32(len(levels))
	f.follow(mean)
	rest := dst[len(levels):]
	if f.floor != nil {
		f.floor.above(rest[:len(levels)], levels, mean > silence)
		rest = rest[len(levels):]
	}
	if f.advance != nil {
		f.advance.compute(rest, spectrum)
	}
	for b := range levels {
		levels[b] -= f.level
	}
	return dst
}

// follow moves the running level towards m, unless the frame is silent.
func (f *Features) follow(m float32) {
	if m <= silence {
		return
	}
	f.level += max(1/(f.frames+1), f.slowest) * (m - f.level)
	f.frames = min(f.frames+1, 1<<20) // beyond this the slowest rate rules at any tau in use.
}

// bandPower returns the sum of |Y_k|^2 over lo <= k < hi.
func bandPower(spectrum []complex64, lo, hi int) float32 {
	hi = min(hi, len(spectrum))
	var sum float32
	for k := lo; k < hi; k++ {
		if p := power(spectrum[k]); p <= maxPower {
			sum += p
		}
	}
	return sum
}

// Level returns the running level L in nepers: ln of a typical magnitude.
// It is 0 until the first frame that is not silent.
func (f *Features) Level() float32 { return f.level }

// Reset forgets the past.
func (f *Features) Reset() {
	f.level, f.frames = 0, 0
	if f.floor != nil {
		f.floor.started = false
	}
	if f.advance != nil {
		clear(f.advance.past)
	}
}

// allFinite reports whether no element of v is infinite or NaN.
func allFinite(v []float32) bool {
	for _, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
	}
	return true
}
