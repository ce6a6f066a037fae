package dict

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"sotto/internal/nn"
)

// NMFConfig configures [NMF]; zero fields take the values in brackets.
type NMFConfig struct {
	// Divergence is what is minimised [KL]. ItakuraSaito expects powers.
	Divergence Divergence
	// Rank is the number of atoms, 1 to MaxRank; it must be given.
	Rank int
	// Iterations of both factors [100].
	Iterations int
	// Sparsity is mu, the weight of the sum of the activations [0: plain NMF].
	// A positive value keeps the atoms at unit L2 norm while they are learned,
	// as otherwise activations would shrink and atoms grow. It is in units of
	// data scaled to mean 1; around 5 is usual for KL.
	Sparsity float64
	// ReportEvery is the number of iterations between reports [1].
	ReportEvery int
	// Seed fixes the start.
	Seed uint64
}

func (c NMFConfig) withDefaults() NMFConfig {
	setDefault(&c.Iterations, 100)
	setDefault(&c.ReportEvery, 1)
	return c
}

func (c NMFConfig) check() error {
	if err := checkRank(c.Rank); err != nil {
		return err
	}
	if c.Divergence < KL || c.Divergence > ItakuraSaito {
		return fmt.Errorf("dict: %v: want KL, Frobenius or ItakuraSaito", c.Divergence)
	}
	if c.Iterations < 1 || c.ReportEvery < 1 {
		return fmt.Errorf("dict: %d iterations, a report every %d: want positive numbers, or 0 for the default", c.Iterations, c.ReportEvery)
	}
	if !(c.Sparsity >= 0) {
		return fmt.Errorf("dict: sparsity is %v: want 0 or more", c.Sparsity)
	}
	return nil
}

// NMF learns a dictionary by multiplicative updates (Lee and Seung, NIPS 2000;
// with Sparsity, Le Roux et al., MERL TR2015-023): frames are approximated by W
// h with both factors nonnegative. The objective never rises from one iteration
// to the next.
//
// report, when not nil, gets the objective after the activations' update of an
// iteration. Fitting stops with ctx's error when that is cancelled.
func NMF(ctx context.Context, frames *Frames, cfg NMFConfig, report func(Stats)) (*Dictionary, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := frames.check(); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 1))
	w := nn.Mat{Rows: frames.Bins, Cols: cfg.Rank, Data: seedAtoms(frames, cfg.Rank, rng)}
	fit := newFit(cfg.Divergence, frames, frames.Mean(), w, cfg.Sparsity)
	if cfg.Sparsity > 0 {
		unitL2(w)
	}
	h := startActivations(frames.Count, cfg.Rank, 1/columnMean(w), rng)
	for i := range cfg.Iterations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		due := report != nil && ((i+1)%cfg.ReportEvery == 0 || i+1 == cfg.Iterations)
		s := fit.sweep(h, due)
		fit.updateAtoms()
		if due {
			s.Step, s.Steps, s.MinW = i+1, cfg.Iterations, minimum(w.Data)
			report(s)
		}
	}
	d := &Dictionary{W: w.Data, Bins: frames.Bins, Rank: cfg.Rank, Scale: fit.scale}
	normalise(d.W, d.Rank)
	d.Meta = map[string]string{
		"method": "nmf", "divergence": cfg.Divergence.String(), "rank": strconv.Itoa(cfg.Rank),
		"frames": strconv.Itoa(frames.Count), "seed": strconv.FormatUint(cfg.Seed, 10),
		"iterations": strconv.Itoa(cfg.Iterations), "sparsity": fmt.Sprint(cfg.Sparsity),
	}
	return d, nil
}

// columnMean returns the mean of W's rows' sums: the model's mean for
// activations of one.
func columnMean(w nn.Mat) float64 {
	var sum float64
	for _, v := range w.Data {
		sum += float64(v)
	}
	return sum / float64(w.Rows)
}

// startActivations returns count x rank values between half and one and a half
// times level.
func startActivations(count, rank int, level float64, rng *rand.Rand) nn.Mat {
	h := nn.NewMat(count, rank)
	for i := range h.Data {
		h.Data[i] = float32(level * (0.5 + rng.Float64()))
	}
	return h
}

// EncodeConfig configures [Dictionary.Encode]; zero fields take the values in
// brackets.
type EncodeConfig struct {
	// Divergence is what is minimised [KL].
	Divergence Divergence
	// Iterations [50].
	Iterations int
	// Sparsity is as in [NMFConfig]: the weight of the activations of atoms of
	// unit L2 norm, in units of data of mean 1.
	Sparsity float64
}

// Encode returns the activations of every frame, Count x Rank, by multiplicative
// updates with W fixed, such that W times a row approximates the frame. The
// result goes to dst, which is allocated when nil; another length, or frames of
// other than Bins bins, panic. It needs no encoder; frames must be finite and
// nonnegative.
func (d *Dictionary) Encode(dst []float32, frames *Frames, cfg EncodeConfig) []float32 {
	setDefault(&cfg.Iterations, 50)
	if dst == nil {
		dst = make([]float32, frames.Count*d.Rank)
	}
	if len(dst) != frames.Count*d.Rank || frames.Bins != d.Bins {
		panic(fmt.Sprintf("dict: encoding %d frames of %d bins into %d values, want frames of %d bins and %d values",
			frames.Count, frames.Bins, len(dst), d.Bins, frames.Count*d.Rank))
	}
	w := nn.Mat{Rows: d.Bins, Cols: d.Rank, Data: d.W}
	fit := newFit(cfg.Divergence, frames, d.Scale, w, cfg.Sparsity)
	h := nn.Mat{Rows: frames.Count, Cols: d.Rank, Data: dst}
	for i := range frames.Count {
		var sum float64
		for _, v := range frames.Row(i) {
			sum += float64(v)
		}
		level := float32(sum / d.Scale / float64(d.Rank))
		for k := range d.Rank {
			h.Row(i)[k] = level
		}
	}
	fit.encode(h, cfg.Iterations)
	for i := range dst {
		dst[i] *= float32(d.Scale)
	}
	return dst
}

// unitL2 scales every column to unit L2 norm.
func unitL2(w nn.Mat) {
	norms := columnNorms(w)
	for i := range w.Rows {
		row := w.Row(i)
		for k := range row {
			if norms[k] > 0 {
				row[k] = float32(float64(row[k]) / norms[k])
			}
		}
	}
}

// columnNorms returns the L2 norms of the columns.
func columnNorms(w nn.Mat) []float64 {
	norms := make([]float64, w.Cols)
	for i := range w.Rows {
		for k, v := range w.Row(i) {
			norms[k] += float64(v) * float64(v)
		}
	}
	for k, v := range norms {
		norms[k] = math.Sqrt(v)
	}
	return norms
}
