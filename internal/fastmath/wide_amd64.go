//go:build goexperiment.simd

package fastmath

import (
	"math"
	"simd/archsimd"
)

// wide says whether the processor runs the kernels of this file.
var wide = archsimd.X86.AVX2() && archsimd.X86.FMA()

type (
	floats = archsimd.Float32x8
	ints   = archsimd.Int32x8
)

func all(x float32) floats { return archsimd.BroadcastFloat32x8(x) }

func bits(x int32) ints { return archsimd.BroadcastInt32x8(x) }

// The wide kernels do as many of the elements as fill whole vectors, by the
// same steps as their scalar twins, and return how many that were. Their helpers
// must stay small enough to be inlined: a call passes vectors through memory.

func wideExp(dst, src []float32) int {
	if !wide {
		return 0
	}
	n := len(src) &^ 7
	for i := 0; i < n; i += 8 {
		r, scale := reduce(clamp(load(src[i:]), minExp, maxExp))
		expSeries(r, true).Mul(scale).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func wideLog(dst, src []float32) int {
	if !wide {
		return 0
	}
	n := len(src) &^ 7
	for i := 0; i < n; i += 8 {
		log(load(src[i:])).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func wideSigmoid(dst, src []float32) int {
	if !wide {
		return 0
	}
	n, one := len(src)&^7, all(1)
	for i := 0; i < n; i += 8 {
		r, scale := reduce(clamp(negate(load(src[i:])), minExp, maxExp))
		one.Div(expSeries(r, true).MulAdd(scale, one)).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func wideTanh(dst, src []float32) int {
	if !wide {
		return 0
	}
	n := len(src) &^ 7
	for i := 0; i < n; i += 8 {
		x := clamp(load(src[i:]), -maxTanh, maxTanh)
		r, scale := reduce(x.Add(x))
		e := scale.MulAdd(r.Mul(expSeries(r, false)), scale.Sub(all(1)))
		e.Div(e.Add(all(2))).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func wideSoftplus(dst, src []float32) int {
	if !wide {
		return 0
	}
	n := len(src) &^ 7
	for i := 0; i < n; i += 8 {
		x := load(src[i:])
		size := magnitude(x)
		r, scale := reduce(all(minExp).Max(negate(size)))
		e := expSeries(r, true).Mul(scale)
		s := e.Div(all(2).Add(e))
		q := s.Mul(s)
		p := all(1.0/11).MulAdd(q, all(1.0/9)).MulAdd(q, all(1.0/7)).MulAdd(q, all(1.0/5)).MulAdd(q, all(1.0/3)).MulAdd(q, all(1))
		half := all(0.5)
		s.Add(s).MulAdd(p, x.Mul(half).Add(size.Mul(half))).StoreSlice(dst[i:]) // halved first: the sum could overflow
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func wideAdd(dst, src []float32) int {
	if !wide {
		return 0
	}
	n := len(src) &^ 7
	for i := 0; i < n; i += 8 {
		load(dst[i:]).Add(load(src[i:])).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func wideMulAdd(dst, x, y []float32) int {
	if !wide {
		return 0
	}
	n := len(x) &^ 7
	for i := 0; i < n; i += 8 {
		load(x[i:]).MulAdd(load(y[i:]), load(dst[i:])).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func wideBlend(dst, keep, x []float32, least float32) int {
	if !wide {
		return 0
	}
	n, bound := len(x)&^7, all(least)
	for i := 0; i < n; i += 8 {
		to := load(x[i:])
		v := load(keep[i:]).MulAdd(load(dst[i:]).Sub(to), to)
		v.Masked(magnitude(v).Greater(bound)).StoreSlice(dst[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// magnitude returns |x|.
func magnitude(x floats) floats { return x.AsInt32x8().And(bits(math.MaxInt32)).AsFloat32x8() }

func load(x []float32) floats { return archsimd.LoadFloat32x8Slice(x) }

// negate returns -x. (No kernel subtracts from a zero: the compiler makes that
// with an instruction of the old encoding, which waits for all the registers'
// upper halves; sigmoids took thirty times as long.)
func negate(x floats) floats { return x.AsInt32x8().Xor(bits(math.MinInt32)).AsFloat32x8() }

// clamp bounds x and lets NaN pass: of a pair with a NaN, the instructions
// give the second, which is the receiver.
func clamp(x floats, lo, hi float32) floats { return all(hi).Min(all(lo).Max(x)) }

// reduce returns r and 2^k with x = k ln 2 + r.
func reduce(x floats) (r, scale floats) {
	t := x.MulAdd(all(math.Log2E), all(roundBias))
	k := t.Sub(all(roundBias))
	r = k.MulAdd(all(-ln2Hi), x)
	r = k.MulAdd(all(-ln2Lo), r)
	return r, t.AsInt32x8().ShiftAllLeft(23).Add(bits(expOne)).AsFloat32x8()
}

// expSeries returns (e^r - 1)/r, or with whole e^r.
func expSeries(r floats, whole bool) floats {
	p := all(1.0/720).MulAdd(r, all(1.0/120)).MulAdd(r, all(1.0/24)).MulAdd(r, all(1.0/6)).MulAdd(r, all(1.0/2)).MulAdd(r, all(1))
	if whole {
		p = p.MulAdd(r, all(1))
	}
	return p
}

func log(x floats) floats {
	x = x.Max(all(minNormal))
	b := x.AsInt32x8()
	e := b.Sub(bits(sqrtHalfBits)).ShiftAllRight(23)
	m := b.Sub(e.ShiftAllLeft(23)).AsFloat32x8()
	s := m.Sub(all(1)).Div(m.Add(all(1)))
	q := s.Mul(s)
	p := all(1.0/7).MulAdd(q, all(1.0/5)).MulAdd(q, all(1.0/3)).MulAdd(q, all(1)).Mul(s.Add(s))
	k := e.ConvertToFloat32()
	return k.MulAdd(all(ln2Hi), k.MulAdd(all(ln2Lo), p))
}
