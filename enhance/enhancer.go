package enhance

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"sotto/stft"
)

const (
	// rampHops is how many hops a change of the attenuation limit or of
	// bypass takes from one end to the other: 64 ms at the default hop, too
	// slow for a click and too fast to wait for.
	rampHops = 8
	// maxSample is where an input sample counts as corrupt, 120 dB above
	// full scale; a running level that believed it would take minutes to
	// come down.
	maxSample = 1e6
	// minSample is where a sample counts as zero: 600 dB below full scale,
	// above the denormal numbers that slow a CPU down.
	minSample = 1e-30
	// topLow and topHigh bound, as fractions of the modelled band, the bins
	// that decide the gain above it: 6.5 to 7.75 kHz of 8. The last bins are
	// left out because anti-alias filters empty them in many recordings.
	topLow, topHigh = 0.8125, 0.96875
	// topSeconds smooths that gain over time; about two phoneme edges.
	topSeconds = 0.02
)

// NativeRates returns the sample rates an Enhancer runs at, in hertz.
func NativeRates() []int { return []int{8000, 16000, 24000, 32000, 48000} }

// Config holds the knobs of an Enhancer that change nothing of what the
// model means. The zero value is a good choice.
type Config struct {
	// MaxAttenuation limits how far any bin is turned down, in decibels: 20
	// leaves a tenth of the noise's amplitude in, which sounds more natural
	// and hides errors. 0 means no limit.
	MaxAttenuation float64
	// Residual is how far below the voice, in decibels, noise need not be turned
	// down any further: as much of the input as makes such a rest of noise stays
	// beside the output. So the rest sounds even, and the less noise there is, the
	// less is done to the voice. 0 means
	// [DefaultResidual], +Inf takes away what the mask finds.
	Residual float64
	// PostFilter is the strength of a filter that turns small gains further down,
	// from 0, none, to 1; DeepFilterNet has 0.02. It costs PESQ and STOI
	// (docs/design.md).
	PostFilter float64
	// Release is the time in which a gain may fall to 1/e; it rises at once. 0 lets
	// it fall at once, too.
	Release time.Duration
	// LowLatency halves the hop and the latency of the model's grid, at twice
	// the work. The network still sees a frame every hop it was trained with:
	// there are two of it, which take turns, so one model serves both.
	LowLatency bool
	// NoFilter leaves out the filter of a model that has one ([Filter]): the mask
	// alone, with the phase as it came.
	NoFilter bool
	// Bypass starts with the input passed through, delayed all the same.
	Bypass bool
}

// Enhancer takes the noise out of one mono stream. It has the method set of
// stream.Processor. Its Process, Reset and Latency belong to one goroutine;
// the setters may be called from any other at any time.
type Enhancer struct {
	rate      int
	transform stft.Config
	analyzer  *stft.Analyzer
	synth     *stft.Synthesizer
	estimator Estimator
	refiner   refiner // the estimator, if it is one
	mask      mask
	shaping   *shaping
	noFilter  bool // Config.NoFilter

	clean    []float32 // the hop of input, made finite
	spectrum []complex64
	h        []float32
	gain     []float32 // per bin of the spectrum
	known    int       // bins of the spectrum the model knows
	topDecay float32
	top      float32 // smoothed gain above the known band

	// Wanted values, set from any goroutine, and the present ones on their
	// way there.
	wantFloor  atomic.Uint32 // bits of a float32
	wantBypass atomic.Bool
	floor, dry float32
}

// New returns an Enhancer for streams at sampleRate, one of [NativeRates].
// It validates the model and the configuration; nothing can fail after it.
func New(m *Model, sampleRate int, cfg Config) (*Enhancer, error) {
	e, err := NewChannels(m, 1, sampleRate, cfg)
	if err != nil {
		return nil, err
	}
	return e[0], nil
}

// NewChannels is New for n channels of one stream, each with a past and settings
// of its own. Between them they hold the weights once, and once what is only
// needed while a hop is worked on: all of them belong to the same goroutine.
func NewChannels(m *Model, n, sampleRate int, cfg Config) ([]*Enhancer, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	network, mask := NewRecurrent(m), newMask(m)
	channels := make([]*Enhancer, n)
	for i := range channels {
		var est Estimator = network.twin(m)
		if cfg.LowLatency {
			est = &alternating{turns: [2]*Recurrent{network.twin(m), network.twin(m)}}
		}
		e, err := assemble(m, est, mask, sampleRate, cfg)
		if err != nil {
			return nil, err
		}
		channels[i] = e
	}
	return channels, nil
}

// NewWithEstimator is New with another estimator than the model's network. Of
// the model it uses the grid, the dictionaries and the exponent; with
// Config.LowLatency the estimator sees twice as many frames.
func NewWithEstimator(m *Model, est Estimator, sampleRate int, cfg Config) (*Enhancer, error) {
	if err := m.validateMask(); err != nil {
		return nil, err
	}
	return assemble(m, est, newMask(m), sampleRate, cfg)
}

// assemble puts an Enhancer together from an estimator and the mask of a valid model.
func assemble(m *Model, est Estimator, mask mask, sampleRate int, cfg Config) (*Enhancer, error) {
	if !slices.Contains(NativeRates(), sampleRate) {
		return nil, fmt.Errorf("enhance: sample rate is %d Hz: want one of %v: resample", sampleRate, NativeRates())
	}
	if a := cfg.MaxAttenuation; a < 0 || math.IsNaN(a) {
		return nil, fmt.Errorf("enhance: maximum attenuation is %v dB: want a positive number, or 0 for no limit", a)
	}
	grid := m.Grid
	if cfg.LowLatency {
		grid = grid.halved()
	}
	c := grid.At(sampleRate)
	analyzer, err := stft.NewAnalyzer(c)
	if err != nil {
		return nil, err
	}
	synth, err := stft.NewSynthesizer(c)
	if err != nil {
		return nil, err
	}
	known := min(c.Bins(), m.Grid.Bins())
	shape, err := newShaping(cfg, grid.Hop, known)
	if err != nil {
		return nil, err
	}
	e := &Enhancer{
		rate:      sampleRate,
		transform: c,
		analyzer:  analyzer,
		synth:     synth,
		estimator: est,
		mask:      mask,
		shaping:   shape,
		noFilter:  cfg.NoFilter,
		clean:     make([]float32, c.HopSize()),
		spectrum:  make([]complex64, c.Bins()),
		h:         make([]float32, m.Speech.Rank+m.Noise.Rank),
		gain:      make([]float32, c.Bins()),
		known:     known,
		topDecay:  float32(math.Exp(-grid.Hop.Seconds() / topSeconds)),
	}
	e.refiner, _ = est.(refiner)
	e.SetMaxAttenuation(cfg.MaxAttenuation)
	e.SetBypass(cfg.Bypass)
	e.settle()
	return e, nil
}

// SampleRate returns the rate of the stream in hertz.
func (e *Enhancer) SampleRate() int { return e.rate }

// Transform returns the transform between samples and the spectra that the
// Enhancer masks.
func (e *Enhancer) Transform() stft.Config { return e.transform }

// Hop returns the number of samples Process takes and gives.
func (e *Enhancer) Hop() int { return e.transform.HopSize() }

// Latency returns by how many samples the output is late: sample n of it
// belongs to sample n-Latency of the input. A live stream waits for a hop to
// fill on top of it.
func (e *Enhancer) Latency() int { return e.transform.Shift() }

// SetMaxAttenuation changes the limit of Config.MaxAttenuation, in decibels,
// smoothly over a few hops. A negative value or NaN counts as 0, no limit.
// It is safe to call from any goroutine.
func (e *Enhancer) SetMaxAttenuation(db float64) {
	var floor float32
	if db > 0 {
		floor = float32(math.Pow(10, -db/20))
	}
	e.wantFloor.Store(math.Float32bits(floor))
}

// SetBypass fades over a few hops to the input as it came, delayed by the
// same latency, or back. The estimator goes on listening meanwhile. It is
// safe to call from any goroutine.
func (e *Enhancer) SetBypass(on bool) { e.wantBypass.Store(on) }

// Process enhances one hop from src into dst, each exactly Hop samples long
// or it panics; they may be the same slice. The output is always finite.
func (e *Enhancer) Process(dst, src []float32) {
	if len(src) != len(e.clean) || len(dst) != len(e.clean) {
		panic("enhance: hop length mismatch")
	}
	for i, v := range src {
		e.clean[i] = tame(v)
	}
	e.analyzer.Analyze(e.spectrum, e.clean)
	known := e.spectrum[:e.known]
	e.estimator.Estimate(e.h, known)
	var logit []float32
	var added []complex64
	if e.refiner != nil {
		logit = e.refiner.refine()
		if !e.noFilter {
			added = e.refiner.filter(known)
		}
	}
	e.mask.gains(e.gain[:e.known], e.h, logit)
	keep := e.shaping.apply(e.gain[:e.known], known, added)
	e.ramp()
	e.extend()
	e.apply(added, e.dry+keep*(1-e.dry))
	e.synth.Synthesize(dst, e.spectrum)
	for i, v := range dst {
		dst[i] = tame(v)
	}
}

// tame returns v, or 0 if it is not finite, beyond belief or too small to
// matter.
func tame(v float32) float32 {
	a := math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
	if a >= minSample && a <= maxSample {
		return v
	}
	return 0
}

// extend gives the bins above the band the model knows the mean gain of the
// top of that band, smoothed over time.
func (e *Enhancer) extend() {
	if e.known == len(e.gain) {
		return
	}
	lo, hi := int(topLow*float32(e.known)), int(topHigh*float32(e.known))
	var sum float32
	for _, g := range e.gain[lo:hi] {
		sum += g
	}
	mean := sum / float32(hi-lo)
	e.top = sound(mean + e.topDecay*(e.top-mean))
	for k := e.known; k < len(e.gain); k++ {
		e.gain[k] = e.top
	}
}

// apply turns the spectrum into that of the output: the filter's addition to the
// lowest bins, the gains, no bin below the attenuation limit, and then the share of
// the input to keep beside it.
func (e *Enhancer) apply(added []complex64, keep float32) {
	for k, x := range added {
		y := e.spectrum[k]
		d := times(sound(e.gain[k]), y+x)
		if have, least := power(d), e.floor*e.floor*power(y); have < least {
			d += times(e.floor-float32(math.Sqrt(float64(have/power(y)))), y)
		}
		e.spectrum[k] = d + times(keep, y-d)
	}
	rest := e.spectrum[len(added):]
	for k, g := range e.gain[len(added):] {
		g = sound(g)
		if g < e.floor {
			g = e.floor
		}
		g += keep * (1 - g)
		e.gain[len(added)+k], rest[k] = g, times(g, rest[k])
	}
}

// power returns |z|^2.
func power(z complex64) float32 { return real(z)*real(z) + imag(z)*imag(z) }

// times returns a z.
func times(a float32, z complex64) complex64 { return complex(a*real(z), a*imag(z)) }

// sound returns the gain g, or 0 if it is too small to matter or not a number,
// which only absurd weights can give.
func sound(g float32) float32 {
	if g > tiny {
		return g
	}
	return 0
}

// ramp moves the floor and the dry share one step towards what is wanted.
func (e *Enhancer) ramp() {
	e.floor = approach(e.floor, math.Float32frombits(e.wantFloor.Load()))
	e.dry = approach(e.dry, e.wantDry())
}

// wantDry returns the wanted share of the unprocessed signal.
func (e *Enhancer) wantDry() float32 {
	if e.wantBypass.Load() {
		return 1
	}
	return 0
}

// settle jumps to what is wanted.
func (e *Enhancer) settle() {
	e.floor = math.Float32frombits(e.wantFloor.Load())
	e.dry = e.wantDry()
}

// approach returns have moved towards want by at most 1/rampHops.
func approach(have, want float32) float32 {
	const step = 1.0 / rampHops
	return have + min(max(want-have, -step), step)
}

// Reset forgets the past, so that the Enhancer behaves as a new one with the
// present settings.
func (e *Enhancer) Reset() {
	e.analyzer.Reset()
	e.synth.Reset()
	e.estimator.Reset()
	e.shaping.reset()
	e.top = 0
	e.settle()
}
