package dict

import "fmt"

// Nonnegativity says how a VAE-NMF keeps its dictionary from going negative.
type Nonnegativity int

const (
	// Softplus writes W = softplus(U): positive at every step.
	Softplus Nonnegativity = iota
	// Projected is the paper's mode made exact: the quadratic penalty, and
	// W = max(W, 1e-8) after every step. Columns that die are seeded anew.
	Projected
	// Penalised is the paper's mode to the letter: the quadratic penalty alone
	// while training, which does not keep W from being negative, and one
	// projection at the end. [Stats].MinW shows by how much it fails.
	Penalised
)

// VAEConfig configures [Train]; zero fields take the values in brackets. The
// paper's own numbers do not survive in its text, so all of these are ours.
type VAEConfig struct {
	// Rank is the number of atoms, 1 to MaxRank; it must be given.
	Rank int
	// Hidden are the widths of the encoder's hidden layers [256, 256].
	Hidden []int
	// Likelihood is the noise model [KL]. Frobenius profiles its variance out;
	// ItakuraSaito expects powers.
	Likelihood Divergence
	// Nonnegativity [Softplus].
	Nonnegativity Nonnegativity
	// Penalty is lambda, the weight of the quadratic term of the paper's modes,
	// per frame [1].
	Penalty float64
	// Prior of every activation [shape 1, rate 1: exponential].
	Prior Prior
	// KLWeight multiplies the divergence from the prior once warm-up is over
	// [0.1]. 1 is the evidence lower bound for data of mean 1, where a frame of
	// speech has so little mass that a third of 256 atoms die; 0.1 amounts to
	// data of mean 10.
	KLWeight float64
	// WarmUp is the share of steps over which KLWeight rises from 0 [0.15].
	WarmUp float64
	// Epochs is how often every frame is visited [20].
	Epochs float64
	// Batch is the number of frames per step [256].
	Batch int
	// LearningRate is Adam's peak rate for the encoder [3e-3]; it falls to
	// nothing along a cosine.
	LearningRate float64
	// DictionaryRate multiplies it for the dictionary [100].
	DictionaryRate float64
	// WeightDecay applies to the encoder alone: on W it would only shrink the
	// scale [1e-5].
	WeightDecay float64
	// InputNoise roughens the encoder's standardised input while training: the
	// deviation of white noise, and with it of shelves that lift or cut the upper
	// bins in every other frame [0.2; negative: none]. Without it the encoder
	// fails on recordings with a wider band than the training data: frames of
	// TIMIT, encoded after training on mostly band-limited speech, had a
	// divergence of 70 without shelves and 37 with them, and the training data's
	// own held-out frames lost nothing (50 and 51).
	InputNoise float64
	// GradClip bounds the global norm of the gradient of the loss per bin [1].
	GradClip float64
	// Workers is how many shards a batch is split into, each on its own core
	// [2]. Another number gives another rounding, so it belongs to the seed.
	Workers int
	// ReportEvery is the number of steps between reports [100].
	ReportEvery int
	// Seed fixes the start, the order of the frames and the noise.
	Seed uint64
}

func (c VAEConfig) withDefaults() VAEConfig {
	if len(c.Hidden) == 0 {
		c.Hidden = []int{256, 256}
	}
	setDefault(&c.Penalty, 1)
	setDefault(&c.Prior.Shape, 1)
	setDefault(&c.Prior.Rate, 1)
	setDefault(&c.KLWeight, 0.1)
	setDefault(&c.WarmUp, 0.15)
	setDefault(&c.Epochs, 20)
	setDefault(&c.Batch, 256)
	setDefault(&c.LearningRate, 3e-3)
	setDefault(&c.DictionaryRate, 100)
	setDefault(&c.WeightDecay, 1e-5)
	setDefault(&c.InputNoise, 0.2)
	setDefault(&c.GradClip, 1)
	setDefault(&c.Workers, defaultWorkers)
	setDefault(&c.ReportEvery, 100)
	return c
}

func setDefault[T int | float64](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

const (
	// MaxRank bounds the number of atoms: sixteen times the largest dictionary shipped,
	// so that a slip does not take all memory.
	MaxRank = 4096
	// maxSetting bounds the other settings; it is no advice.
	maxSetting = 1e9
)

func (c VAEConfig) check() error {
	if err := checkRank(c.Rank); err != nil {
		return err
	}
	if c.Likelihood < KL || c.Likelihood > ItakuraSaito {
		return fmt.Errorf("dict: %v: want KL, Frobenius or ItakuraSaito", c.Likelihood)
	}
	if c.Nonnegativity < Softplus || c.Nonnegativity > Penalised {
		return fmt.Errorf("dict: nonnegativity mode %d: want Softplus, Projected or Penalised", c.Nonnegativity)
	}
	for _, n := range c.Hidden {
		if n < 1 {
			return fmt.Errorf("dict: hidden layers of widths %v: want at least one unit in each", c.Hidden)
		}
	}
	for _, v := range []struct {
		name  string
		value float64
	}{
		{"penalty", c.Penalty},
		{"prior shape", c.Prior.Shape},
		{"prior rate", c.Prior.Rate},
		{"KL weight", c.KLWeight},
		{"warm-up", c.WarmUp},
		{"epochs", c.Epochs},
		{"batch", float64(c.Batch)},
		{"learning rate", c.LearningRate},
		{"dictionary rate", c.DictionaryRate},
		{"weight decay", c.WeightDecay},
		{"gradient clip", c.GradClip},
		{"workers", float64(c.Workers)},
		{"report interval", float64(c.ReportEvery)},
	} {
		if !(v.value > 0 && v.value <= maxSetting) {
			return fmt.Errorf("dict: %s is %v: want a positive number up to %g, or 0 for the default", v.name, v.value, maxSetting)
		}
	}
	return nil
}

// checkRank returns an error for a number of atoms that cannot be learned.
func checkRank(rank int) error {
	if rank < 1 || rank > MaxRank {
		return fmt.Errorf("dict: rank %d: want 1 to %d atoms", rank, MaxRank)
	}
	return nil
}

// Stats is the state of a fit that is under way. The objective's terms are per
// frame, for data scaled to mean 1.
type Stats struct {
	// Step counts from 1 to Steps: optimiser steps, or iterations of NMF.
	Step, Steps int
	// Objective is what is minimised: Reconstruction + KL (weighted as it is at
	// this step) + Penalty.
	Objective float64
	// Reconstruction is the negative log-likelihood up to terms that depend on
	// the data alone: the divergence of the model from the frames.
	Reconstruction float64
	// KL is the divergence of the activations' posterior from their prior in
	// nats, not weighted; 0 in NMF.
	KL float64
	// Penalty is the quadratic penalty on negative weights, or in sparse NMF the
	// weighted sum of the activations.
	Penalty float64
	// DeadAtoms is how many atoms are unused: below 0.01 nat of KL, or in NMF
	// without activation.
	DeadAtoms int
	// MinW is the least element of W before projection, for data of mean 1.
	MinW float64
	// LearningRate is the encoder's; GradNorm is the norm before clipping.
	LearningRate, GradNorm float64
}
