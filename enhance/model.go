package enhance

import (
	"errors"
	"fmt"
	"time"

	"sotto/internal/safetensors"
)

// Constants of the network and the mask, shared by training and running.
const (
	// LeakySlope is the slope of the network's leaky rectifier below zero.
	LeakySlope = 0.1
	// MaskFloor is d in the mask (X_s^p + d)/(X_s^p + X_n^p + 2d): it makes
	// the mask 1/2 where both dictionaries are silent. The spectra are in
	// units of the running level, so it needs no scale.
	MaskFloor = 1e-10
	// DefaultExponent is p in the mask: 2 makes it a Wiener filter.
	DefaultExponent = 2
	// GRUVariant names the recurrence in model files; see [GRU].
	GRUVariant = "reset-after"
)

// Basis is a nonnegative dictionary: a matrix of Bins rows and Rank columns,
// row-major. Each column is the spectrum of one atom.
type Basis struct {
	Bins, Rank int
	W          []float32
}

// Dense is an affine layer y = Weight x + Bias. Weight has Out rows of In
// columns, row-major; Bias has Out values.
type Dense struct {
	In, Out      int
	Weight, Bias []float32
}

// GRU is a gated recurrent layer with the reset gate applied after the
// matrix product (the variant of cuDNN and PyTorch):
//
//	r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
//	z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
//	n  = tanh(W_in x + b_in + r o (W_hn h + b_hn))
//	h' = (1-z) o n + z o h
//
// The gates are stacked in the order r, z, n: WeightIH has 3*Hidden rows of
// In columns, WeightHH 3*Hidden rows of Hidden columns, both row-major; the
// biases have 3*Hidden values.
type GRU struct {
	In, Hidden                         int
	WeightIH, WeightHH, BiasIH, BiasHH []float32
}

// Network maps the features of a frame to the activations of both
// dictionaries:
//
//	x = lrelu(In f);  x = x + gru_l(x) for every layer l;  h = softplus(Out x)
//
// The first Speech.Rank values of h belong to the speech dictionary, the rest
// to the noise dictionary. Activations are relative to the running level of
// the features.
type Network struct {
	In  Dense
	GRU []GRU
	Out Dense
}

// Width returns the width of the hidden layers.
func (n *Network) Width() int { return n.In.Out }

// Model is everything learned: what an [Enhancer] needs and nothing a user
// may turn at run time. It is read-only once in use, and any number of
// Enhancers may share it.
type Model struct {
	// Name identifies the model to people.
	Name string
	// Grid fixes the spectra.
	Grid Grid
	// Features fixes the network's input.
	Features FeatureSpec
	// Speech and Noise are the dictionaries, with Grid.Bins() bins.
	Speech, Noise *Basis
	// Network estimates their activations.
	Network Network
	// Refine adds a correction to the logit of the mask from the last hidden
	// state, one row per bin; nil means none.
	Refine *Dense
	// Filter mends the phase of low bins; nil means no such stage.
	Filter *Filter
	// Exponent is p in the mask. 0 means DefaultExponent.
	Exponent float32
	// Meta is the provenance: training data, command, seed, scores. Its keys
	// are free, except that those of the file format itself (see
	// docs/model-format.md) are ignored.
	Meta map[string]string
}

// Validate reports the first inconsistency of the model: a shape that does
// not follow from the others, or a weight that is not finite.
func (m *Model) Validate() error {
	if err := m.validateMask(); err != nil {
		return err
	}
	bins := m.Grid.Bins()
	return firstError(
		func() error { return m.Features.Validate(bins) },
		func() error { return m.Network.validate(m.Features.Inputs(), m.Speech.Rank+m.Noise.Rank) },
		func() error {
			if m.Refine == nil {
				return nil
			}
			return m.Refine.validate("refine", m.Network.Width(), bins)
		},
		func() error {
			if m.Filter == nil {
				return nil
			}
			return m.Filter.validate(m.Network.Width(), bins)
		},
	)
}

// validateMask checks what makes the mask: the grid, the exponent and the
// dictionaries.
func (m *Model) validateMask() error {
	if err := m.Grid.Validate(); err != nil {
		return err
	}
	if !(m.Exponent >= 0 && m.Exponent <= 4) {
		return fmt.Errorf("enhance: mask exponent is %v: want a number from 0 to 4", m.Exponent)
	}
	if m.Speech == nil || m.Noise == nil {
		return errors.New("enhance: the model lacks a dictionary: it needs speech.W and noise.W")
	}
	bins := m.Grid.Bins()
	return firstError(
		func() error { return m.Speech.validate("speech.W", bins) },
		func() error { return m.Noise.validate("noise.W", bins) },
	)
}

// Parameters returns the number of learned values, dictionaries included.
func (m *Model) Parameters() int {
	n := len(m.Speech.W) + len(m.Noise.W) + len(m.Features.Mean) + len(m.Features.Std)
	for _, d := range m.dense() {
		n += len(d.Weight) + len(d.Bias)
	}
	for _, g := range m.Network.GRU {
		n += len(g.WeightIH) + len(g.WeightHH) + len(g.BiasIH) + len(g.BiasHH)
	}
	return n
}

// MACs returns the multiply-adds of the network and the dictionaries per
// frame; the transforms and the activations functions come on top.
func (m *Model) MACs() int {
	n := len(m.Speech.W) + len(m.Noise.W)
	for _, d := range m.dense() {
		n += len(d.Weight)
	}
	for _, g := range m.Network.GRU {
		n += len(g.WeightIH) + len(g.WeightHH)
	}
	return n
}

// dense returns the affine layers that the model has.
func (m *Model) dense() []*Dense {
	layers := []*Dense{&m.Network.In, &m.Network.Out}
	if m.Refine != nil {
		layers = append(layers, m.Refine)
	}
	if m.Filter != nil {
		layers = append(layers, &m.Filter.Head)
	}
	return layers
}

// MACsPerSecond returns the multiply-adds per second of audio.
func (m *Model) MACsPerSecond() float64 { return float64(m.MACs()) / m.Grid.Hop.Seconds() }

// Round rounds the weights of the network, biases aside, to bfloat16, which halves
// the file and is finer than what an Enhancer computes with (package narrow).
func (m *Model) Round() {
	for _, d := range m.dense() {
		safetensors.RoundBFloat16(d.Weight)
	}
	for _, g := range m.Network.GRU {
		safetensors.RoundBFloat16(g.WeightIH)
		safetensors.RoundBFloat16(g.WeightHH)
	}
}

// Latency returns the algorithmic latency; see [stft.Config.Latency]. The
// model looks at no frame ahead.
func (m *Model) Latency() time.Duration { return m.Grid.At(m.Grid.SampleRate).Latency() }

// exponent returns p with its default filled in.
func (m *Model) exponent() float32 {
	if m.Exponent == 0 {
		return DefaultExponent
	}
	return m.Exponent
}
