package paper

import (
	"context"
	"math"
	"math/rand/v2"

	"sotto/dict"
	"sotto/enhance"
	"sotto/internal/nn"
)

// statisticsBatches is how many batches the input's mean and deviation and the
// units of the activations are measured on.
const statisticsBatches = 20

// gradientLimit bounds the global norm of a step's gradient.
const gradientLimit = 1

// learner trains one network on the mixtures of a scene.
type learner struct {
	scene *scene
	cfg   Training
	rng   *rand.Rand
	net   network
	in    *input
	head  *head
}

// run makes steps from..to of total, with the loss's gradient given by grad.
func (l *learner) run(ctx context.Context, from, to, total int, grad func(raw nn.Mat, b *batch) (float64, nn.Mat)) error {
	b := newBatch(l.cfg.Lanes, l.cfg.Frames, l.scene.bins)
	x := nn.NewMat(b.mixture.Rows, l.in.width())
	params := l.net.params()
	opt := nn.NewAdamW(params, nn.AdamWConfig{WeightDecay: l.cfg.WeightDecay})
	warm := min(total/20, 50) // long enough for Adam's second moments, short against the whole
	for step := from; step < to; step++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.draw(l.scene, l.cfg.SNRLow, l.cfg.SNRHigh, l.rng)
		l.in.batch(x, b.mixture, b.lanes)
		l.net.begin(b.lanes)
		_, d := grad(l.net.forward(x), b)
		nn.ZeroGrads(params)
		l.net.backward(d)
		nn.ClipGlobalNorm(params, gradientLimit)
		opt.Step(nn.CosineSchedule(step, total, warm, l.cfg.LearningRate, 0), nil)
	}
	return nil
}

// steps is the number of steps that the configured epochs take.
func (l *learner) steps() int {
	return int(math.Ceil(l.cfg.Epochs * float64(l.scene.frames()) / float64(l.cfg.Lanes*l.cfg.Frames)))
}

// newLearner measures the input on a first draw of mixtures, which it returns.
func newLearner(s *scene, cfg Training, context int, seed, stream uint64) (*learner, *batch) {
	l := &learner{scene: s, cfg: cfg, rng: rand.New(rand.NewPCG(seed, stream))}
	b := newBatch(statisticsBatches*cfg.Lanes, cfg.Frames, s.bins)
	b.draw(s, cfg.SNRLow, cfg.SNRHigh, l.rng)
	l.in = newInput(b, context)
	return l, b
}

// coder finds the activations of a sound alone, which the network then learns
// to find in mixtures.
type coder func(d *dict.Dictionary, f *dict.Frames) []float32

// byUpdates codes by multiplicative updates.
func byUpdates(iterations int) coder {
	return func(d *dict.Dictionary, f *dict.Frames) []float32 {
		return d.Encode(nil, f, dict.EncodeConfig{Iterations: iterations})
	}
}

// byEncoder codes by the posterior mean of the VAE.
func byEncoder(d *dict.Dictionary, f *dict.Frames) []float32 { return d.Encoder.Encode(nil, f) }

func (c coder) all(d *dict.Dictionary, sounds []*sound) []nn.Mat {
	out := make([]nn.Mat, len(sounds))
	for i, s := range sounds {
		out[i] = nn.Mat{Rows: s.mags.Count, Cols: d.Rank, Data: c(d, s.mags)}
	}
	return out
}

// trainActivations returns the system of Kang et al. over two dictionaries: a
// frame-wise network that estimates the activations that the coder finds in
// speech and noise alone.
func trainActivations(ctx context.Context, name string, s *scene, p pair, code coder, cfg *DNN, seed uint64) (*System, error) {
	speech, noise := code.all(p.speech, s.speech), code.all(p.noise, s.noise)
	l, first := newLearner(s, cfg.Training, cfg.Context, seed, 0xa)
	rank := p.speech.Rank + p.noise.Rank
	target := nn.NewMat(first.mixture.Rows, rank)
	first.codes(target, speech, noise)
	l.head = newHead(p, target, cfg)
	l.net = newDense(l.in.width(), cfg.Hidden, rank, cfg.Training.Dropout, l.rng)
	total := l.steps()
	turn := total - int(math.Round(cfg.MaskShare*float64(total)))
	err := l.run(ctx, 0, turn, total, func(raw nn.Mat, b *batch) (float64, nn.Mat) {
		target = target.Resize(raw.Rows, rank)
		b.codes(target, speech, noise)
		return l.head.onActivations(raw, target)
	})
	if err == nil {
		err = l.run(ctx, turn, total, total, l.head.onMask)
	}
	return &System{
		Name: name, Speech: basis(p.speech), Noise: basis(p.noise), Exponent: float32(cfg.Exponent),
		New: func() enhance.Estimator { return newNetworked(l.net, l.in, l.head.unit) },
	}, err
}

// trainRecurrent returns the system of Huang et al.
func trainRecurrent(ctx context.Context, s *scene, cfg *RNN, seed uint64) (*System, error) {
	l, _ := newLearner(s, cfg.Training, 0, seed, 0xb)
	l.head = newFreeHead(s.bins, &cfg.Training)
	l.net = newRecurrent(s.bins, cfg.Hidden, 2*s.bins, cfg.Training.Dropout, l.rng)
	total := l.steps()
	err := l.run(ctx, 0, total, total, l.head.onMask)
	eye := identity(s.bins)
	return &System{
		Name: "RNN", Speech: eye, Noise: eye, Exponent: 1,
		New: func() enhance.Estimator { return newNetworked(l.net, l.in, l.head.unit) },
	}, err
}

// identity is the dictionary whose atoms are the bins.
func identity(n int) *enhance.Basis {
	b := &enhance.Basis{Bins: n, Rank: n, W: make([]float32, n*n)}
	for k := range n {
		b.W[k*n+k] = 1
	}
	return b
}
