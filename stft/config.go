package stft

import (
	"fmt"
	"time"
)

// Defaults of a zero Config, the grid the shipped models use: 31.25 Hz
// between bins and 16 ms of algorithmic latency.
const (
	DefaultFrame     = 32 * time.Millisecond
	DefaultHop       = 8 * time.Millisecond
	DefaultSynthesis = 16 * time.Millisecond
)

// maxFrame bounds the frame length in samples, so that a configuration read
// from a file cannot ask for an absurd amount of memory.
const maxFrame = 1 << 16

// Window selects the pair of analysis and synthesis windows.
type Window int

const (
	// Asymmetric is the low-latency pair of Mauler and Martin: a long
	// analysis window for resolution, a short synthesis window for latency.
	Asymmetric Window = iota
	// SqrtHann is the square root of the periodic Hann window on both
	// sides, as long as the frame.
	SqrtHann
)

// String returns the name of the window pair as it stands in model files.
func (w Window) String() string {
	switch w {
	case Asymmetric:
		return "asymmetric"
	case SqrtHann:
		return "sqrt-hann"
	}
	return fmt.Sprintf("Window(%d)", int(w))
}

// ParseWindow is the inverse of [Window.String].
func ParseWindow(name string) (Window, error) {
	for _, w := range []Window{Asymmetric, SqrtHann} {
		if w.String() == name {
			return w, nil
		}
	}
	return 0, fmt.Errorf("stft: window %q is unknown: want %q or %q", name, Asymmetric, SqrtHann)
}

// Config describes a transform in time, so that the same description serves
// every sample rate. Analyzer and Synthesizer of one stream take the same.
type Config struct {
	// SampleRate in hertz; required. Every duration below must be a whole
	// number of samples at this rate.
	SampleRate int
	// Frame is the length of the analysis window; it fixes the spacing of
	// the bins, 1/Frame. 0 means DefaultFrame.
	Frame time.Duration
	// Hop is the step between frames. 0 means DefaultHop.
	Hop time.Duration
	// Synthesis is the support of the synthesis window, which is the
	// algorithmic latency. 0 means DefaultSynthesis for Asymmetric and Frame
	// for SqrtHann, which accepts nothing else.
	Synthesis time.Duration
	// Window is the pair of windows. The zero value is Asymmetric.
	Window Window
}

// withDefaults returns c with its zero durations filled in.
func (c Config) withDefaults() Config {
	if c.Frame == 0 {
		c.Frame = DefaultFrame
	}
	if c.Hop == 0 {
		c.Hop = DefaultHop
	}
	if c.Synthesis == 0 {
		c.Synthesis = DefaultSynthesis
		if c.Window == SqrtHann {
			c.Synthesis = c.Frame
		}
	}
	return c
}

// samples converts a duration to samples; it rounds, and Validate has seen
// to it that there is nothing to round.
func (c Config) samples(d time.Duration) int {
	return int((int64(d)*int64(c.SampleRate) + int64(time.Second)/2) / int64(time.Second))
}

// FrameSize returns the length of the analysis window in samples.
func (c Config) FrameSize() int { c = c.withDefaults(); return c.samples(c.Frame) }

// HopSize returns the step between frames in samples.
func (c Config) HopSize() int { c = c.withDefaults(); return c.samples(c.Hop) }

// SynthesisSize returns the support of the synthesis window in samples.
func (c Config) SynthesisSize() int { c = c.withDefaults(); return c.samples(c.Synthesis) }

// Bins returns the number of frequency bins of a spectrum, from zero to half
// the sample rate.
func (c Config) Bins() int { return c.FrameSize()/2 + 1 }

// Shift returns by how many samples the output stream is delayed: sample n
// of the output belongs to sample n-Shift of the input.
func (c Config) Shift() int { return c.SynthesisSize() - c.HopSize() }

// Latency returns the algorithmic latency: the shift, and the hop that must
// be filled before it can be processed. It equals the synthesis support.
func (c Config) Latency() time.Duration { return c.withDefaults().Synthesis }

// Validate reports the first reason why no perfectly reconstructing
// transform of this description exists, or nil.
func (c Config) Validate() error {
	if c.SampleRate <= 0 || c.SampleRate > 1<<20 {
		return fmt.Errorf("stft: sample rate is %d Hz: want a positive rate, such as 16000", c.SampleRate)
	}
	d := c.withDefaults()
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"frame", d.Frame}, {"hop", d.Hop}, {"synthesis support", d.Synthesis}} {
		if f.d <= 0 || f.d > time.Minute {
			return fmt.Errorf("stft: %s is %v: want a positive duration of at most a minute", f.name, f.d)
		}
		if int64(f.d)*int64(c.SampleRate)%int64(time.Second) != 0 {
			return fmt.Errorf("stft: %s of %v is not a whole number of samples at %d Hz: choose another length or resample", f.name, f.d, c.SampleRate)
		}
	}
	if n := d.FrameSize(); n > maxFrame {
		return fmt.Errorf("stft: frame has %d samples: want at most %d", n, maxFrame)
	}
	return d.validateOverlap()
}

// validateOverlap checks what the chosen pair of windows asks of the lengths.
func (c Config) validateOverlap() error {
	frame, hop, support := c.FrameSize(), c.HopSize(), c.SynthesisSize()
	switch c.Window {
	case SqrtHann:
		if support != frame {
			return fmt.Errorf("stft: synthesis support is %v with a %v frame: sqrt-hann windows need them equal", c.Synthesis, c.Frame)
		}
		if frame%hop != 0 || frame < 2*hop {
			return fmt.Errorf("stft: hop is %d samples with a frame of %d: the frame must hold two hops or more, exactly", hop, frame)
		}
	case Asymmetric:
		if support > frame {
			return fmt.Errorf("stft: synthesis support %v is longer than the frame %v: shorten it", c.Synthesis, c.Frame)
		}
		if support%(2*hop) != 0 {
			return fmt.Errorf("stft: synthesis support is %d samples with a hop of %d: want an even multiple of the hop", support, hop)
		}
	default:
		return fmt.Errorf("stft: %v is unknown: want Asymmetric or SqrtHann", c.Window)
	}
	return nil
}
