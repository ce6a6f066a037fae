//go:build goexperiment.simd

package fft

import (
	"math"
	"simd/archsimd"
)

// wide says whether the processor runs the kernels of this file.
var wide = archsimd.X86.AVX2()

// lanes is how many numbers a vector holds.
const lanes = 4

type numbers = archsimd.Float64x4

// The wide passes compute what their scalar twins do, to the last bit, for lanes
// neighbours of a stride at a time. Where a stride has no such neighbours they do
// nothing and return false.

func (p *pass) wideFour(y, x parts) bool {
	switch {
	case !wide:
		return false
	case p.stride == 1 && p.count%lanes == 0:
		p.firstFour(y, x)
	case p.stride%lanes == 0:
		p.laterFour(y, x)
	default:
		return false
	}
	return true
}

// firstFour is the first pass, which has no neighbours in a stride: it takes lanes
// butterflies with factors of their own.
func (p *pass) firstFour(y, x parts) {
	size := p.count
	xr, xi, yr, yi, w := x.re, x.im, y.re, y.im, &p.twiddle
	for a := 0; a < size; a += lanes {
		sr, tr := sumAndDifference(xr, a, a+2*size)
		si, ti := sumAndDifference(xi, a, a+2*size)
		ur, vr := sumAndDifference(xr, a+size, a+3*size)
		ui, vi := sumAndDifference(xi, a+size, a+3*size)
		pr, pi := product(tr.Add(vi), ti.Sub(vr), load(w[0].re, a), load(w[0].im, a))
		qr, qi := product(sr.Sub(ur), si.Sub(ui), load(w[1].re, a), load(w[1].im, a))
		rr, ri := product(tr.Sub(vi), ti.Add(vr), load(w[2].re, a), load(w[2].im, a))
		storeAcross(yr[4*a:], sr.Add(ur), pr, qr, rr)
		storeAcross(yi[4*a:], si.Add(ui), pi, qi, ri)
	}
	archsimd.ClearAVXUpperBits()
}

// laterFour is a pass whose strides are whole vectors.
func (p *pass) laterFour(y, x parts) {
	size := p.count * p.stride
	xr, xi, yr, yi := x.re, x.im, y.re, y.im
	for i := range p.count {
		w1r, w1i := p.factor(0, i)
		w2r, w2i := p.factor(1, i)
		w3r, w3i := p.factor(2, i)
		b := 4 * i * p.stride
		for a := i * p.stride; a < (i+1)*p.stride; a += lanes {
			sr, tr := sumAndDifference(xr, a, a+2*size)
			si, ti := sumAndDifference(xi, a, a+2*size)
			ur, vr := sumAndDifference(xr, a+size, a+3*size)
			ui, vi := sumAndDifference(xi, a+size, a+3*size)
			store(yr, b, sr.Add(ur))
			store(yi, b, si.Add(ui))
			storeProduct(yr, yi, b+p.stride, tr.Add(vi), ti.Sub(vr), w1r, w1i)
			storeProduct(yr, yi, b+2*p.stride, sr.Sub(ur), si.Sub(ui), w2r, w2i)
			storeProduct(yr, yi, b+3*p.stride, tr.Sub(vi), ti.Add(vr), w3r, w3i)
			b += lanes
		}
	}
	archsimd.ClearAVXUpperBits()
}

func (p *pass) wideThree(y, x parts) bool {
	if !wide || p.stride%lanes != 0 {
		return false
	}
	half, sin := archsimd.BroadcastFloat64x4(1.0/2), archsimd.BroadcastFloat64x4(math.Sqrt(3)/2)
	size := p.count * p.stride
	xr, xi, yr, yi := x.re, x.im, y.re, y.im
	for i := range p.count {
		w1r, w1i := p.factor(0, i)
		w2r, w2i := p.factor(1, i)
		b := 3 * i * p.stride
		for a := i * p.stride; a < (i+1)*p.stride; a += lanes {
			ar, ai := load(xr, a), load(xi, a)
			sr, dr := sumAndDifference(xr, a+size, a+2*size)
			si, di := sumAndDifference(xi, a+size, a+2*size)
			dr, di = sin.Mul(dr), sin.Mul(di)
			tr, ti := ar.Sub(half.Mul(sr)), ai.Sub(half.Mul(si))
			store(yr, b, ar.Add(sr))
			store(yi, b, ai.Add(si))
			storeProduct(yr, yi, b+p.stride, tr.Add(di), ti.Sub(dr), w1r, w1i)
			storeProduct(yr, yi, b+2*p.stride, tr.Sub(di), ti.Add(dr), w2r, w2i)
			b += lanes
		}
	}
	archsimd.ClearAVXUpperBits()
	return true
}

func (p *pass) wideTwo(y, x parts) bool {
	if !wide || p.stride%lanes != 0 {
		return false
	}
	size := p.count * p.stride
	xr, xi, yr, yi := x.re, x.im, y.re, y.im
	for i := range p.count {
		wr, wi := p.factor(0, i)
		b := 2 * i * p.stride
		for a := i * p.stride; a < (i+1)*p.stride; a += lanes {
			sr, tr := sumAndDifference(xr, a, a+size)
			si, ti := sumAndDifference(xi, a, a+size)
			store(yr, b, sr)
			store(yi, b, si)
			storeProduct(yr, yi, b+p.stride, tr, ti, wr, wi)
			b += lanes
		}
	}
	archsimd.ClearAVXUpperBits()
	return true
}

// halves says whether vectors can be used: both halves of a spectrum, but for its ends
// and with the bin in the middle in both, are then whole ones.
func (t *Real) halves() bool { return wide && t.n%(4*lanes) == 0 }

func (t *Real) wideSplit(frame []float64) bool {
	if !t.halves() {
		return false
	}
	re, im := t.data.re, t.data.im
	for i := 0; i < len(re); i += lanes {
		a, b := load(frame, 2*i), load(frame, 2*i+lanes)
		lo, hi := a.Select128FromPair(0, 2, b), a.Select128FromPair(1, 3, b)
		store(re, i, lo.SelectFromPairGrouped(0, 2, hi))
		store(im, i, lo.SelectFromPairGrouped(1, 3, hi))
	}
	archsimd.ClearAVXUpperBits()
	return true
}

func (t *Real) wideMerge(frame []float64) bool {
	if !t.halves() {
		return false
	}
	xr, xi := t.data.re, t.data.im
	for i := 0; i < len(xr); i += lanes {
		re, im := load(xr, i), load(xi, i)
		even, odd := re.SelectFromPairGrouped(0, 2, im), re.SelectFromPairGrouped(1, 3, im)
		store(frame, 2*i, even.Select128FromPair(0, 2, odd))
		store(frame, 2*i+lanes, even.Select128FromPair(1, 3, odd))
	}
	archsimd.ClearAVXUpperBits()
	return true
}

func (t *Real) widePart() bool {
	if !t.halves() {
		return false
	}
	half := archsimd.BroadcastFloat64x4(1.0 / 2)
	zr, zi, yr, yi, wr, wi := t.data.re, t.data.im, t.work.re, t.work.im, t.turn.re, t.turn.im
	for k := 1; k <= t.n/4; k += lanes {
		l := t.n/2 - k - lanes + 1
		ar, ai, br, bi := load(zr, k), load(zi, k), backwards(load(zr, l)), backwards(load(zi, l))
		er, ei := ar.Add(br).Mul(half), ai.Sub(bi).Mul(half)
		or, oi := ai.Add(bi).Mul(half), br.Sub(ar).Mul(half)
		pr, pi := product(or, oi, load(wr, k), load(wi, k))
		store(yr, k, er.Add(pr))
		store(yi, k, ei.Add(pi))
		store(yr, l, backwards(er.Sub(pr)))
		store(yi, l, backwards(pi.Sub(ei)))
	}
	archsimd.ClearAVXUpperBits()
	return true
}

func (t *Real) wideJoin() bool {
	if !t.halves() {
		return false
	}
	zr, zi, yr, yi, wr, wi := t.data.re, t.data.im, t.work.re, t.work.im, t.turn.re, t.turn.im
	for k := 1; k <= t.n/4; k += lanes {
		l := t.n/2 - k - lanes + 1
		ar, ai, br, bi := load(yr, k), load(yi, k), backwards(load(yr, l)), backwards(load(yi, l))
		er, ei := ar.Add(br), ai.Sub(bi)
		oi, or := product(ai.Add(bi), ar.Sub(br), load(wr, k), load(wi, k)) // of exchanged parts: times the conjugate
		store(zr, k, er.Sub(oi))
		store(zi, k, ei.Add(or))
		store(zr, l, backwards(er.Add(oi)))
		store(zi, l, backwards(or.Sub(ei)))
	}
	archsimd.ClearAVXUpperBits()
	return true
}

// backwards returns the numbers from the last to the first.
func backwards(x numbers) numbers {
	x = x.Select128FromPair(1, 0, x)
	return x.SelectFromPairGrouped(1, 0, x)
}

// factor returns factor i of the points j+1 in every lane.
func (p *pass) factor(j, i int) (re, im numbers) {
	return archsimd.BroadcastFloat64x4(p.twiddle[j].re[i]), archsimd.BroadcastFloat64x4(p.twiddle[j].im[i])
}

// load returns the numbers from a on. (A slice of known capacity is cheap: the
// compiler need not guard its end. Passing parts instead would cost ten times the
// transform: a struct is copied by instructions of the old encoding, and package
// fastmath says what these do.)
func load(x []float64, a int) numbers {
	return archsimd.LoadFloat64x4((*[lanes]float64)(x[a : a+lanes : a+lanes]))
}

func store(y []float64, a int, v numbers) {
	v.Store((*[lanes]float64)(y[a : a+lanes : a+lanes]))
}

// sumAndDifference returns those of the numbers from a on and from b on.
func sumAndDifference(x []float64, a, b int) (sum, difference numbers) {
	p, q := load(x, a), load(x, b)
	return p.Add(q), p.Sub(q)
}

// product returns the product of a and b.
func product(ar, ai, br, bi numbers) (re, im numbers) {
	return ar.Mul(br).Sub(ai.Mul(bi)), ar.Mul(bi).Add(ai.Mul(br))
}

// storeProduct stores the product of a and b.
func storeProduct(yr, yi []float64, at int, ar, ai, br, bi numbers) {
	re, im := product(ar, ai, br, bi)
	store(yr, at, re)
	store(yi, at, im)
}

// storeAcross stores four vectors as columns: first their first numbers.
func storeAcross(y []float64, a, b, c, d numbers) {
	ab, AB := a.SelectFromPairGrouped(0, 2, b), a.SelectFromPairGrouped(1, 3, b)
	cd, CD := c.SelectFromPairGrouped(0, 2, d), c.SelectFromPairGrouped(1, 3, d)
	store(y, 0, ab.Select128FromPair(0, 2, cd))
	store(y, lanes, AB.Select128FromPair(0, 2, CD))
	store(y, 2*lanes, ab.Select128FromPair(1, 3, cd))
	store(y, 3*lanes, AB.Select128FromPair(1, 3, CD))
}
