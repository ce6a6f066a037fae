package dict

import (
	"math/rand/v2"

	"sotto/internal/fastmath"
	"sotto/internal/nn"
)

const (
	// augment is B', the number of uniform draws that lift the shape before the
	// accepted proposal is taken. With four the correction term of the
	// acceptance step is below 0.04 % of the gradient at any shape and is
	// dropped (ALGORITHMS 1.4).
	augment = 4
	// The posterior's shape and rate stay within these bounds (ALGORITHMS 1.2).
	minShape, maxShape = 1e-2, 1e3
	minRate, maxRate   = 1e-3, 1e4
	// paramBias keeps softplus away from zero before the bounds apply.
	paramBias = 1e-3
	// minLatent is the least activation; no gradient passes below it
	// (ALGORITHMS 1.3).
	minLatent = 1e-10
)

// Prior is the Gamma distribution that an activation has before a frame is
// seen, given by shape and rate.
type Prior struct{ Shape, Rate float64 }

// latents holds the activations of a batch, rows x rank, drawn from the
// posterior, with what the way back needs: the gradient of the loss with
// respect to the encoder's two outputs is
//
//	dL/dr = gain g + offset,    g = dL/dz
//
// where offset is the weighted gradient of the divergence from the prior.
type latents struct {
	rng                *rand.Rand
	src                *rand.PCG
	z                  nn.Mat
	gain, offset, grad nn.Mat // rows x 2 rank: shapes, then rates, as r has them
}

func newLatents() *latents {
	src := rand.NewPCG(0, 0)
	return &latents{src: src, rng: rand.New(src)}
}

// bounded maps an encoder output to a shape or a rate between lo and hi.
func bounded(r, lo, hi float32) float32 {
	return min(max(fastmath.Softplus(r)+paramBias, lo), hi)
}

// sample draws z from the posteriors whose parameters r encodes (rows x 2 rank:
// for every latent the raw shape, then for every latent the raw rate). Row i
// draws from its own stream, seeded by seed and first+i, so that the noise does
// not depend on how a batch is split over workers. klWeight multiplies the
// prior's part of the gradient.
func (l *latents) sample(r nn.Mat, levels []float32, prior Prior, klWeight float64, seed uint64, first int) {
	rank := r.Cols / 2
	l.z = l.z.Resize(r.Rows, rank)
	l.gain, l.offset = l.gain.Resize(r.Rows, r.Cols), l.offset.Resize(r.Rows, r.Cols)
	for i := range r.Rows {
		l.src.Seed(seed, scramble(uint64(first+i)))
		raw, gain, offset := r.Row(i), l.gain.Row(i), l.offset.Row(i)
		z := l.z.Row(i)
		per := 1 / levels[i]
		for k := range rank {
			d := drawLatent(l.rng, bounded(raw[k], minShape, maxShape), bounded(raw[rank+k], minRate, maxRate)*per, prior)
			z[k] = d.z
			sa, sb := fastmath.Sigmoid(raw[k]), fastmath.Sigmoid(raw[rank+k])
			w := float32(klWeight)
			gain[k], gain[rank+k] = sa*d.dzda, sb*d.dzdb*per
			offset[k], offset[rank+k] = w*sa*d.klda, w*sb*d.kldb*per
		}
	}
}

// perturb roughens the encoder's standardised input, row by row from streams of
// their own: Gaussian noise of the given deviation, and in every other row a
// shelf, the compressed magnitudes above a random bin of the upper half
// multiplied by e^(deviation n) with n normal.
func (l *latents) perturb(e *Encoder, f nn.Mat, deviation float64, seed uint64, first int) {
	bins := f.Cols - 1
	for i := range f.Rows {
		l.src.Seed(^seed, scramble(uint64(first+i)))
		row := f.Row(i)
		for j := range row {
			row[j] += float32(deviation * l.rng.NormFloat64())
		}
		if l.rng.IntN(2) == 0 {
			continue
		}
		k := fastmath.Exp(float32(3 * deviation * l.rng.NormFloat64()))
		for j := bins - 1 - l.rng.IntN(bins/2+1); j < bins; j++ {
			row[j] = k*row[j] + (k-1)*e.mean[j]/e.std[j]
		}
	}
}

// draw is one latent: its value, the value's derivatives with respect to the
// posterior's shape and rate, and those of the divergence from the prior.
type draw struct{ z, dzda, dzdb, klda, kldb float32 }

// drawLatent samples Gamma(a, b) by shape augmentation (ALGORITHMS 1.3): an
// accepted proposal for the shape a+4, times u_i^(1/(a+i-1)) for i = 1..4. The
// powers are e^(-E_i/(a+i-1)) with standard exponential E_i, and the reciprocals
// serve the trigamma function of the divergence's gradient as well.
func drawLatent(rng *rand.Rand, a, b float32, prior Prior) draw {
	x := float64(a)
	r1, r2, r3, r4 := 1/x, 1/(x+1), 1/(x+2), 1/(x+3)
	shape := x + augment
	eps := rng.NormFloat64()
	for !accepted(eps, rng.Float64(), shape) {
		eps = rng.NormFloat64()
	}
	h, dlog := marsaglia(eps, shape)
	e1, e2, e3, e4 := rng.ExpFloat64()*r1, rng.ExpFloat64()*r2, rng.ExpFloat64()*r3, rng.ExpFloat64()*r4
	invB := 1 / b
	var d draw
	d.z = float32(h) * fastmath.Exp(float32(-(e1 + e2 + e3 + e4))) * invB
	if d.z > minLatent {
		d.dzda = d.z * float32(dlog+e1*r1+e2*r2+e3*r3+e4*r4)
		d.dzdb = -d.z * invB
	} else {
		d.z = minLatent
	}
	psi1 := r1*r1 + r2*r2 + r3*r3 + r4*r4 + trigammaTail(shape)
	da, db := gammaKLGrad(x, float64(b), prior.Shape, prior.Rate, psi1)
	d.klda, d.kldb = float32(da), float32(db)
	return d
}

// backward turns dL/dz into the gradient with respect to r, which it returns.
// Where a bound holds a parameter, a gradient that pushes further out is zeroed.
func (l *latents) backward(r, dz nn.Mat) nn.Mat {
	rank := dz.Cols
	l.grad = l.grad.Resize(r.Rows, r.Cols)
	for i := range r.Rows {
		raw, g, out := r.Row(i), dz.Row(i), l.grad.Row(i)
		gain, offset := l.gain.Row(i), l.offset.Row(i)
		for k, v := range g {
			out[k] = inward(raw[k], v*gain[k]+offset[k], rawMinShape, maxShape)
			out[rank+k] = inward(raw[rank+k], v*gain[rank+k]+offset[rank+k], rawMinRate, maxRate)
		}
	}
	return l.grad
}

const (
	// rawMinShape is where softplus(r) + 1e-3 reaches minShape: ln(e^0.009 - 1).
	rawMinShape = -4.706026
	// rawMinRate lies below every r, as paramBias already is the bound.
	rawMinRate = -1e30
)

// inward returns gradient g, or 0 where r is beyond lo or hi and a descent step
// would take it further.
func inward(r, g, lo, hi float32) float32 {
	if (r <= lo && g > 0) || (r >= hi && g < 0) {
		return 0
	}
	return g
}

// scramble spreads consecutive numbers over 64 bits (the finaliser of
// SplitMix64, Steele, Lea and Flood 2014), so that neighbouring streams start
// far apart.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
