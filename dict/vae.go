package dict

import (
	"math"
	"math/rand/v2"

	"sotto/internal/fastmath"
	"sotto/internal/nn"
)

const (
	// projected is the least weight after a projection, deadNorm the norm below
	// which a projected column is dead (ALGORITHMS 1.9).
	projected, deadNorm = 1e-8, 1e-6
	// deadNats is the divergence from the prior below which an atom carries
	// nothing (ALGORITHMS 1.8).
	deadNats = 0.01
	// monitorFrames is how many training frames the reports are measured on.
	monitorFrames = 512
	// varianceMemory is the share of the old noise variance that a step keeps
	// when a Gaussian likelihood tracks it.
	varianceMemory = 0.98
)

// vae is a VAE-NMF being trained.
type vae struct {
	cfg    VAEConfig
	frames *Frames
	scale  float64 // data are divided by it
	enc    *Encoder
	// u is what the optimiser moves, bins x rank: W itself in the paper's modes,
	// else W = unit softplus(U). unit brings U to the order of one.
	u        *nn.Param
	unit     float32
	w        nn.Mat
	minW     float64
	variance float64 // of a Gaussian likelihood
	params   []*nn.Param
	opt      *nn.AdamW
	workers  []*vaeWorker
	monitor  []int
}

// vaeWorker computes the gradient of one shard of a batch.
type vaeWorker struct {
	net        *mlp
	dw         *nn.Param // shares no value: only its gradient is used
	params     []*nn.Param
	lat        *latents
	x, f, y, g nn.Mat
	levels     []float32
	sumSq      float64
}

func newVAE(frames *Frames, cfg VAEConfig) *vae {
	rng := rand.New(rand.NewPCG(cfg.Seed, 1))
	v := &vae{cfg: cfg, frames: frames, scale: frames.Mean(), variance: 1}
	v.enc = newEncoder(frames, v.scale, cfg.Hidden, cfg.Rank, rng)
	v.unit = float32(cfg.Prior.Rate / cfg.Prior.Shape / float64(cfg.Rank))
	v.u = nn.NewParam("W", frames.Bins, cfg.Rank, false)
	v.w = nn.NewMat(frames.Bins, cfg.Rank)
	copy(v.w.Data, seedAtoms(frames, cfg.Rank, rng))
	for i, w := range v.w.Data {
		v.w.Data[i] = w * v.unit
	}
	v.fromW()
	net := newMLP(v.enc.layers)
	v.params = append(net.params(), v.u)
	v.opt = nn.NewAdamW(v.params, nn.AdamWConfig{WeightDecay: cfg.WeightDecay})
	for range cfg.Workers {
		w := &vaeWorker{net: net.replica(), dw: v.u.Replica(), lat: newLatents()}
		w.params = append(w.net.params(), w.dw)
		v.workers = append(v.workers, w)
	}
	for i := range min(monitorFrames, frames.Count) {
		v.monitor = append(v.monitor, i*frames.Count/min(monitorFrames, frames.Count))
	}
	return v
}

// seedAtoms returns bins x rank start values of mean 1 per atom: frames drawn
// at random with a share of the mean spectrum, so that every atom is different
// and none is zero anywhere.
func seedAtoms(f *Frames, rank int, rng *rand.Rand) []float32 {
	mean := make([]float64, f.Bins)
	for i := range f.Count {
		for j, v := range f.Row(i) {
			mean[j] += float64(v)
		}
	}
	total := 0.0
	for _, v := range mean {
		total += v
	}
	w := make([]float32, f.Bins*rank)
	for k := range rank {
		row, sum := loudFrame(f, 0.5*total/float64(f.Count), rng)
		for j, v := range row {
			own := float64(v) / sum
			common := (mean[j]/total + 0.01/float64(f.Bins)) * rng.Float64()
			w[j*rank+k] = float32(float64(f.Bins) * (0.7*own + 0.6*common))
		}
	}
	return w
}

// loudFrame draws frames until the sum of one reaches want, and returns it or
// else the loudest of a hundred.
func loudFrame(f *Frames, want float64, rng *rand.Rand) (row []float32, sum float64) {
	for range 100 {
		candidate, s := f.Row(rng.IntN(f.Count)), 0.0
		for _, v := range candidate {
			s += float64(v)
		}
		if s > sum {
			row, sum = candidate, s
		}
		if sum >= want {
			break
		}
	}
	if sum == 0 { // Silence a hundred times over: any flat start will do.
		row, sum = make([]float32, f.Bins), 1
	}
	return row, sum
}

// fromW sets the optimised parameter from W.
func (v *vae) fromW() {
	for i, w := range v.w.Data {
		if v.cfg.Nonnegativity != Softplus {
			v.u.Value[i] = w
			continue
		}
		// The inverse of softplus, ln(e^y - 1); below 1e-6 it is ln y.
		y := max(float64(w/v.unit), 1e-6)
		v.u.Value[i] = float32(y + math.Log(-math.Expm1(-y)))
	}
}

// toW sets W from the parameter and projects it as the mode wants.
func (v *vae) toW() {
	if v.cfg.Nonnegativity == Softplus {
		for i, u := range v.u.Value {
			v.w.Data[i] = v.unit * fastmath.Softplus(u)
		}
		v.minW = minimum(v.w.Data)
		return
	}
	v.minW = minimum(v.u.Value)
	if v.cfg.Nonnegativity == Projected {
		for i, w := range v.u.Value {
			v.u.Value[i] = max(w, projected)
		}
	}
	copy(v.w.Data, v.u.Value)
}

func minimum(x []float32) float64 {
	least := x[0]
	for _, v := range x {
		least = min(least, v)
	}
	return float64(least)
}

// klWeight is the weight of the prior's term at a step: it warms up linearly,
// so that atoms find a use before they are asked to pay for it.
func (v *vae) klWeight(step, steps int) float64 {
	return v.cfg.KLWeight * min(1, float64(step+1)/(v.cfg.WarmUp*float64(steps)))
}

// gradients computes the gradient of the mean loss per bin over the given
// frames into the parameters. seed fixes the noise.
func (v *vae) gradients(rows []int, klWeight float64, seed uint64) {
	scale := 1 / float64(len(rows)*v.frames.Bins)
	parallel(len(v.workers), len(rows), func(i, from, to int) {
		w := v.workers[i]
		nn.ZeroGrads(w.params)
		w.run(v, rows[from:to], scale, klWeight, seed, from)
	})
	nn.ZeroGrads(v.params)
	sumSq := 0.0
	for _, w := range v.workers {
		nn.AddGrads(v.params, w.params)
		sumSq += w.sumSq
	}
	if v.cfg.Likelihood == Frobenius {
		now := max(sumSq*scale, 1e-12)
		v.variance = varianceMemory*v.variance + (1-varianceMemory)*now
	}
	v.chainW()
}

// chainW turns the gradient with respect to W into that of the parameter: the
// derivative of softplus, or the penalty's contribution lambda min(w, 0).
func (v *vae) chainW() {
	g := v.u.Grad
	if v.cfg.Nonnegativity == Softplus {
		for i, u := range v.u.Value {
			g[i] *= v.unit * fastmath.Sigmoid(u)
		}
		return
	}
	lambda := float32(v.cfg.Penalty / float64(v.frames.Bins))
	for i, w := range v.u.Value {
		g[i] += lambda * min(w, 0)
	}
}

// run computes a shard's gradient: forward through encoder, sample and decoder,
// and back.
func (w *vaeWorker) run(v *vae, rows []int, scale, klWeight float64, seed uint64, first int) {
	r := w.forward(v, rows, klWeight*scale, v.cfg.InputNoise, seed, first)
	if v.cfg.Likelihood == Frobenius {
		w.sumSq = squaredError(w.x.Data, w.y.Data)
		scale /= v.variance
	}
	v.cfg.Likelihood.gradient(w.x.Data, w.y.Data)
	s := float32(scale)
	for i := range w.y.Data {
		w.y.Data[i] *= s
	}
	w.g = w.g.Resize(len(rows), v.cfg.Rank)
	nn.Gemm(nn.NoTrans, nn.NoTrans, 1, w.y, v.w, 0, w.g)
	nn.Gemm(nn.T, nn.NoTrans, 1, w.y, w.lat.z, 1, w.dw.GradMat())
	w.net.backward(w.lat.backward(r, w.g))
}

// forward leaves the scaled frames in x, a sample of the activations in lat.z
// and the model's spectra in y, and returns the encoder's raw output.
func (w *vaeWorker) forward(v *vae, rows []int, klWeight, noise float64, seed uint64, first int) nn.Mat {
	bins := v.frames.Bins
	w.x, w.f, w.y = w.x.Resize(len(rows), bins), w.f.Resize(len(rows), bins+1), w.y.Resize(len(rows), bins)
	v.frames.gather(w.x, rows, v.scale)
	w.levels = v.enc.features(w.f, w.x, w.levels)
	if noise > 0 {
		w.lat.perturb(v.enc, w.f, noise, seed, first)
	}
	r := w.net.forward(w.f)
	w.lat.sample(r, w.levels, v.cfg.Prior, klWeight, seed, first)
	nn.Gemm(nn.NoTrans, nn.T, 1, w.lat.z, v.w, 0, w.y)
	return r
}
