package dict

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"sotto/internal/nn"
)

// Train learns a dictionary by VAE-NMF (Xie et al., arXiv 2301.07272): an
// encoder gives every frame the posterior of its activations, and one linear
// layer of nonnegative weights, the dictionary, turns a sample of them back
// into the frame. The two are trained together on the evidence lower bound.
//
// report, when not nil, is called every ReportEvery steps and after the last.
// The same frames, configuration and BLAS give the same dictionary. Training
// stops with ctx's error when that is cancelled.
func Train(ctx context.Context, frames *Frames, cfg VAEConfig, report func(Stats)) (*Dictionary, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := frames.check(); err != nil {
		return nil, err
	}
	v := newVAE(frames, cfg)
	batch := min(cfg.Batch, frames.Count)
	steps := max(1, int(math.Round(cfg.Epochs*float64(frames.Count)/float64(batch))))
	order := newShuffle(frames.Count, rand.New(rand.NewPCG(cfg.Seed, 2)))
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		lr := nn.CosineSchedule(step, steps, 0, cfg.LearningRate, 0)
		v.gradients(order.next(batch), v.klWeight(step, steps), cfg.Seed^scramble(uint64(step)))
		norm := nn.ClipGlobalNorm(v.params, cfg.GradClip)
		v.opt.Step(lr, v.rate)
		v.toW()
		if last := step+1 == steps; (step+1)%cfg.ReportEvery == 0 || last {
			s := v.measure(v.klWeight(step, steps))
			s.Step, s.Steps, s.LearningRate, s.GradNorm = step+1, steps, lr, norm
			if math.IsNaN(s.Objective) {
				return nil, fmt.Errorf("dict: the objective is not a number at step %d of %d: lower the learning rate", step+1, steps)
			}
			if report != nil {
				report(s)
			}
			if cfg.Nonnegativity == Projected && !last {
				v.reviveColumns()
			}
		}
	}
	return v.dictionary(), nil
}

// rate is the factor on the learning rate of a parameter.
func (v *vae) rate(name string) float64 {
	if name != v.u.Name {
		return 1
	}
	if v.cfg.Nonnegativity == Softplus {
		return v.cfg.DictionaryRate
	}
	return v.cfg.DictionaryRate * float64(v.unit) // W itself is smaller than U by unit
}

// measure returns the objective and its terms on the monitored frames, with
// the same noise at every call.
func (v *vae) measure(klWeight float64) Stats {
	recon, atoms := v.terms(v.monitor, v.cfg.Seed)
	s := Stats{MinW: v.minW, Reconstruction: recon, Penalty: v.penalty()}
	for _, nats := range atoms {
		s.KL += nats
		if nats < deadNats {
			s.DeadAtoms++
		}
	}
	s.Objective = s.Reconstruction + klWeight*s.KL + s.Penalty
	return s
}

// terms returns the reconstruction term and every atom's divergence from the
// prior, per frame, over the given frames; seed fixes the noise.
func (v *vae) terms(rows []int, seed uint64) (recon float64, atoms []float64) {
	recons, sums := make([]float64, len(v.workers)), make([][]float64, len(v.workers))
	parallel(len(v.workers), len(rows), func(i, from, to int) {
		w := v.workers[i]
		r := w.forward(v, rows[from:to], 0, 0, seed, from)
		recons[i] = v.reconstruction(w.x, w.y)
		sums[i] = atomDivergence(r, w.levels, v.cfg.Prior)
	})
	atoms = make([]float64, v.cfg.Rank)
	n := float64(len(rows))
	for i, sum := range sums {
		recon += recons[i] / n
		for k, nats := range sum {
			atoms[k] += nats / n
		}
	}
	return recon, atoms
}

// penalty returns the quadratic penalty on negative weights.
func (v *vae) penalty() float64 {
	var sum float64
	if v.cfg.Nonnegativity != Softplus {
		for _, w := range v.u.Value {
			m := min(float64(w), 0)
			sum += v.cfg.Penalty / 2 * m * m
		}
	}
	return sum
}

// reconstruction returns the negative log-likelihood of x given y, summed.
func (v *vae) reconstruction(x, y nn.Mat) float64 {
	d := v.cfg.Likelihood.Value(x.Data, y.Data)
	if v.cfg.Likelihood == Frobenius {
		return d/v.variance + gaussianNats(len(x.Data), v.variance)
	}
	return d
}

// atomDivergence returns every atom's divergence from the prior, summed over
// the frames whose posteriors r encodes.
func atomDivergence(r nn.Mat, levels []float32, prior Prior) []float64 {
	rank := r.Cols / 2
	sum := make([]float64, rank)
	for i := range r.Rows {
		raw := r.Row(i)
		for k := range rank {
			a, b := bounded(raw[k], minShape, maxShape), bounded(raw[rank+k], minRate, maxRate)
			sum[k] += gammaKL(float64(a), float64(b/levels[i]), prior.Shape, prior.Rate)
		}
	}
	return sum
}

// reviveColumns seeds columns that the projection has emptied with the worst
// fitted of the monitored frames (ALGORITHMS 1.9).
func (v *vae) reviveColumns() {
	for k := range v.cfg.Rank {
		var sq float64
		for j := range v.frames.Bins {
			w := float64(v.w.Data[j*v.cfg.Rank+k])
			sq += w * w
		}
		if math.Sqrt(sq) >= deadNorm {
			continue
		}
		row := v.frames.Row(v.worstFrame())
		sum := 0.0
		for _, x := range row {
			sum += float64(x)
		}
		for j, x := range row {
			v.w.Data[j*v.cfg.Rank+k] = max(projected, v.unit*float32(float64(len(row))*float64(x)/sum))
		}
		v.fromW()
	}
}

// worstFrame returns the monitored frame with the largest misfit.
func (v *vae) worstFrame() int {
	w := v.workers[0]
	w.forward(v, v.monitor, 0, 0, v.cfg.Seed, 0)
	worst, at := -1.0, v.monitor[0]
	for i, row := range v.monitor {
		if d := v.cfg.Likelihood.Value(w.x.Row(i), w.y.Row(i)); d > worst {
			worst, at = d, row
		}
	}
	return at
}

// dictionary folds the result: columns of unit L1 norm, their norms moved into
// the encoder, so that W z is what it was.
func (v *vae) dictionary() *Dictionary {
	cfg := v.cfg
	d := &Dictionary{Bins: v.frames.Bins, Rank: cfg.Rank, Scale: v.scale, Encoder: v.enc, W: make([]float32, len(v.w.Data))}
	for i, w := range v.w.Data {
		d.W[i] = max(w, 0)
	}
	v.enc.norms = normalise(d.W, d.Rank)
	d.Meta = map[string]string{
		"method": "vae-nmf", "divergence": cfg.Likelihood.String(), "rank": strconv.Itoa(cfg.Rank),
		"frames": strconv.Itoa(v.frames.Count), "seed": strconv.FormatUint(cfg.Seed, 10),
		"epochs": fmt.Sprint(cfg.Epochs), "batch": strconv.Itoa(cfg.Batch), "learning_rate": fmt.Sprint(cfg.LearningRate),
		"prior": fmt.Sprintf("shape %g, rate %g", cfg.Prior.Shape, cfg.Prior.Rate), "kl_weight": fmt.Sprint(cfg.KLWeight),
		"hidden": fmt.Sprint(cfg.Hidden),
	}
	return d
}

// shuffle deals the numbers 0..n-1 in random order, over and over.
type shuffle struct {
	rng   *rand.Rand
	order []int
	pos   int
	batch []int
}

func newShuffle(n int, rng *rand.Rand) *shuffle {
	return &shuffle{rng: rng, order: rng.Perm(n)}
}

// next returns the next n numbers; they are valid until the next call.
func (s *shuffle) next(n int) []int {
	s.batch = s.batch[:0]
	for len(s.batch) < n {
		if s.pos == len(s.order) {
			s.rng.Shuffle(len(s.order), func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
			s.pos = 0
		}
		take := min(n-len(s.batch), len(s.order)-s.pos)
		s.batch = append(s.batch, s.order[s.pos:s.pos+take]...)
		s.pos += take
	}
	return s.batch
}
