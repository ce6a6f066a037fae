package enhance

import (
	"errors"
	"fmt"
	"time"

	"sotto/stft"
)

// Grid fixes the spectra a model sees, in time, so that one model serves
// every native rate: the bins up to half of SampleRate lie at the same
// frequencies at all of them.
type Grid struct {
	// SampleRate is the rate the model was trained at, in hertz; half of it
	// bounds the band the model knows.
	SampleRate int
	// Frame, Hop, Synthesis and Window are those of [stft.Config].
	Frame, Hop, Synthesis time.Duration
	Window                stft.Window
}

// DefaultGrid returns the grid of the shipped models: 16 kHz, 32 ms frames
// (31.25 Hz between bins), 8 ms hop, 16 ms latency.
func DefaultGrid() Grid {
	return Grid{SampleRate: 16000, Frame: stft.DefaultFrame, Hop: stft.DefaultHop, Synthesis: stft.DefaultSynthesis}
}

// LowLatencyGrid returns the grid with half the hop and half the latency of
// DefaultGrid, 8 ms, at twice the work: for models trained for it. Other models
// run at half their latency by [Config.LowLatency].
func LowLatencyGrid() Grid { return DefaultGrid().halved() }

// halved returns the grid with half the hop and half the latency.
func (g Grid) halved() Grid {
	g.Hop, g.Synthesis = g.Hop/2, g.Synthesis/2
	return g
}

// At returns the transform of the grid at a native sample rate in hertz.
func (g Grid) At(sampleRate int) stft.Config {
	return stft.Config{SampleRate: sampleRate, Frame: g.Frame, Hop: g.Hop, Synthesis: g.Synthesis, Window: g.Window}
}

// Bins returns the number of bins the model knows, zero frequency and half
// of SampleRate included.
func (g Grid) Bins() int { return g.At(g.SampleRate).Bins() }

// Validate reports why the grid cannot be used at its own sample rate.
func (g Grid) Validate() error {
	if g.Frame <= 0 || g.Hop <= 0 || g.Synthesis <= 0 {
		return errors.New("enhance: the grid lacks its frame, hop or synthesis support")
	}
	if err := g.At(g.SampleRate).Validate(); err != nil {
		return fmt.Errorf("enhance: grid: %w", err)
	}
	return nil
}
