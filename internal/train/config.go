package train

import (
	"errors"
	"fmt"
	"time"

	"sotto/enhance"
	"sotto/internal/metrics/pesq"
)

// NetConfig says how the activation estimator is trained. Start from
// [DefaultNetConfig].
type NetConfig struct {
	// Grid is the transform of the model.
	Grid enhance.Grid
	// Shape is the size of the network.
	Shape NetShape
	// Cues says what the network hears besides the levels of the bands, and
	// NarrowBands that these are of one bin each.
	Cues        enhance.Cues
	NarrowBands bool
	// Exponent is p of the mask.
	Exponent float64
	// Loss weighs the terms of the second step's loss.
	Loss LossConfig
	// Hours is how many hours of mixtures the network hears in all.
	Hours float64
	// RegressionHours is the length of the first step, the regression on the
	// encodings, as part of Hours. 0 leaves the step out.
	RegressionHours float64
	// TuneFrom is the share of Hours after which the dictionaries learn too, at a
	// tenth of the learning rate. 1 or more keeps them frozen.
	TuneFrom float64
	// Lanes is the number of mixtures in a batch and Segment their length.
	Lanes   int
	Segment time.Duration
	// Rate is the peak learning rate; it falls along half a cosine to Floor.
	Rate, Floor float64
	// FilterRate is the share of Rate with which the head of the filter learns, and
	// FilterBare that of the mixtures that go without it: the mask must be of use
	// alone.
	FilterRate, FilterBare float64
	// WarmUp is the number of steps in which the rate rises.
	WarmUp int
	// WeightDecay is AdamW's; GradientNorm bounds the gradient of a step.
	WeightDecay, GradientNorm float64
	// Average is the decay of the weights' moving average.
	Average float64
	// CarryState is the probability that a sequence starts in the recurrent state
	// in which the one before it ended, so that the network learns to run for
	// hours and across changes of scene.
	CarryState float64
	// Seed fixes the initial weights, the mixtures and what is held out to validate.
	Seed uint64
	// MixSeed, if not 0, fixes the mixtures instead of Seed: a run that starts from
	// a model hears others than that model did, and holds the same clips out.
	MixSeed uint64
	// Workers is the number of replicas, one per core; Mixers the number of
	// goroutines that prepare batches.
	Workers, Mixers int
	// SaveEvery and ValidateEvery are times between checkpoints and between
	// validations.
	SaveEvery, ValidateEvery time.Duration
}

// DefaultNetConfig returns the recipe that the shipped model's training began with,
// except for Hours; the Makefile has what its later runs changed.
// The values are our own; docs/design.md has the experiments behind them.
func DefaultNetConfig() NetConfig {
	return NetConfig{
		Grid:            enhance.DefaultGrid(),
		Shape:           NetShape{Hidden: 256, Layers: 2, FilterBins: 48},
		Exponent:        enhance.DefaultExponent,
		Loss:            DefaultLoss(),
		Hours:           100,
		RegressionHours: 1,
		TuneFrom:        1,
		Lanes:           12,
		Segment:         3 * time.Second,
		Rate:            1e-3,
		Floor:           2e-5,
		FilterRate:      1,
		WarmUp:          100,
		WeightDecay:     1e-2,
		GradientNorm:    1,
		Average:         0.998,
		CarryState:      0.5,
		Seed:            1,
		Workers:         2,
		Mixers:          1,
		SaveEvery:       5 * time.Minute,
		ValidateEvery:   10 * time.Minute,
	}
}

// Validate returns an error for settings that cannot train.
func (c *NetConfig) Validate() error {
	for _, s := range c.settings() {
		if !(s.value >= s.lo && s.value <= s.hi) { // so that NaN is refused
			return fmt.Errorf("train: %s is %g: expected %g to %g", s.name, s.value, s.lo, s.hi)
		}
	}
	switch {
	case c.Lanes%c.Workers != 0:
		return fmt.Errorf("train: %d mixtures a batch on %d workers: expected a multiple of the workers", c.Lanes, c.Workers)
	case c.Shape.FilterTaps > 0 && c.Shape.FilterBins < 1:
		return fmt.Errorf("train: filter of %d taps for %d bins: expected at least one bin", c.Shape.FilterTaps, c.Shape.FilterBins)
	case c.Shape.FilterTaps == 0 && (c.FilterBare != 0 || c.FilterRate != 1):
		return errors.New("train: a rate of the filter, or mixtures without it, but no filter: set its taps")
	case c.Loss.Listening > 0 && (c.Grid.SampleRate != pesq.FrameRate || c.Grid.Frame != listenerFrame):
		return fmt.Errorf("train: perceptual loss on frames of %v at %d Hz: expected %v at %d Hz, those of its bands", c.Grid.Frame, c.Grid.SampleRate, listenerFrame, pesq.FrameRate)
	case c.steps(c.Hours) < 1:
		return fmt.Errorf("train: %g hours of mixtures: expected at least those of one batch, %.3g", c.Hours, c.batchHours())
	}
	return c.Grid.Validate()
}

// setting is a number of the configuration with the range that it must be in.
type setting struct {
	name          string
	value, lo, hi float64
}

// settings lists the numbers that have a range. The upper ends are no advice: they
// stop slips of the keyboard before they take the machine's memory or its days.
func (c *NetConfig) settings() []setting {
	const least, most, days = 1e-9, 1e9, 30 * 24 * time.Hour
	bins := float64(c.Grid.Bins())
	return []setting{
		{"width of the network", float64(c.Shape.Hidden), 1, 4096},
		{"number of layers", float64(c.Shape.Layers), 1, 64},
		{"taps of the filter", float64(c.Shape.FilterTaps), 0, 64},
		{"bins of the filter", float64(c.Shape.FilterBins), 0, bins},
		{"bins of the phase cues", float64(c.Cues.Advance), 0, bins - 1},
		{"exponent of the mask", c.Exponent, 0.1, 4},
		{"share of the complex term", c.Loss.Complex, 0, 1},
		{"weight of missing energy", c.Loss.Missing, 0, most},
		{"weight of the SI-SDR", c.Loss.SISDR, 0, most},
		{"tilt of the loss", c.Loss.Tilt, -10, 10},
		{"weight of the perceptual loss", c.Loss.Listening, 0, most},
		{"weight of lost intelligibility", c.Loss.Intelligibility, 0, most},
		{"hours of mixtures", c.Hours, 0, 1e6},
		{"hours of regression", c.RegressionHours, 0, 1e6},
		{"share of the hours before the dictionaries learn", c.TuneFrom, 0, most},
		{"mixtures in a batch", float64(c.Lanes), 1, 4096},
		{"seconds of a mixture", c.Segment.Seconds(), 0.1, 60},
		{"learning rate", c.Rate, least, 1},
		{"final learning rate", c.Floor, 0, 1},
		{"share of the rate for the filter", c.FilterRate, 0, 1},
		{"share of the mixtures without the filter", c.FilterBare, 0, 0.99},
		{"steps of warm-up", float64(c.WarmUp), 0, most},
		{"weight decay", c.WeightDecay, 0, 1},
		{"bound of the gradient", c.GradientNorm, least, most},
		{"decay of the average", c.Average, 0, 1},
		{"probability of a carried state", c.CarryState, 0, 1},
		{"number of workers", float64(c.Workers), 1, 1024},
		{"number of mixers", float64(c.Mixers), 1, 1024},
		{"seconds between checkpoints", c.SaveEvery.Seconds(), 0, days.Seconds()},
		{"seconds between validations", c.ValidateEvery.Seconds(), 0, days.Seconds()},
	}
}

// features returns what the network hears, not yet standardised.
func (c *NetConfig) features() enhance.FeatureSpec {
	spec := enhance.FeatureSpec{Edges: enhance.DefaultBands(), Tau: enhance.DefaultTau, Cues: c.Cues}
	if c.NarrowBands {
		spec.Edges = enhance.NarrowBands()
	}
	return spec
}

// MixtureSeed returns the seed of the mixtures: MixSeed, or else Seed.
func (c *NetConfig) MixtureSeed() uint64 {
	if c.MixSeed != 0 {
		return c.MixSeed
	}
	return c.Seed
}

// steps returns how many batches make the given hours of mixtures.
func (c *NetConfig) steps(hours float64) int {
	batch := time.Duration(c.Lanes) * c.Segment
	return int(hours*float64(time.Hour)/float64(batch) + 0.5)
}

// batchHours is the length of one batch in hours of audio.
func (c *NetConfig) batchHours() float64 { return float64(c.Lanes) * c.Segment.Hours() }
