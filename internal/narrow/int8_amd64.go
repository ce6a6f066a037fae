//go:build goexperiment.simd

package narrow

import (
	"math"
	"simd/archsimd"
)

var (
	// packs says whether the processor has the vectors that the packed form needs.
	packs = archsimd.X86.AVX2() && archsimd.X86.FMA()
	// wide says whether it also has those of sixteen numbers.
	wide = packs && archsimd.X86.AVX512()
)

const (
	// lanes is how many rows the longest vector of sums holds, a row in each lane.
	lanes = 16
	// rows is how many a tile has: those that are multiplied at once, so that x is
	// loaded once for all of them.
	rows = 2 * lanes
	// block is the number of values of x that are rounded at once.
	block = 16
	// largest is the absolute value of a row's largest weight in units of its step.
	largest = math.MaxInt8
	// farthest is the largest absolute value of x in units of its own; beyond
	// roomy columns it is less, for a sum of products to stay within an int32.
	farthest = math.MaxInt16
	roomy    = math.MaxInt32 / (largest * farthest)
	// faint is a size of x that counts as silence: it has no unit in float32, and
	// no bias is so small that such products would be heard beside it.
	faint = 1e-30
)

type (
	// weights are what a tile has in two columns, the two of a row side by side.
	weights [2][2 * lanes]int8
	// sums are a tile's products.
	sums [rows]int32
)

// packed is a matrix as the kernels read it, from the first weight to the last.
type packed struct {
	// weights are in steps of their rows, all pairs of columns of a tile after
	// another. What is missing to whole tiles and blocks is zero.
	weights []weights
	steps   []float32 // of every row
	x       []float32 // the vector, filled up to whole blocks
	pairs   []int32   // x in units of a common size, two values of 16 bits in each, in the order of round
	sums    []int32   // of every row
	span    float32   // the largest of the values in pairs
	unit    float32   // the size of x at which such a value is 1
}

// pack rounds the weights.
func (m *Matrix) pack(w []float32) {
	tiles, blocks := (m.rows+rows-1)/rows, (m.cols+block-1)/block
	p := &m.packed
	p.steps, p.sums = make([]float32, m.rows), make([]int32, tiles*rows)
	p.x, p.pairs = make([]float32, blocks*block), make([]int32, blocks*block/2)
	p.weights = make([]weights, tiles*len(p.pairs))
	for i := range m.rows {
		tile := p.weights[i/rows*len(p.pairs):][:len(p.pairs)]
		p.steps[i] = p.packRow(tile, i%rows, w[i*m.cols:(i+1)*m.cols])
	}
	p.span = float32(math.Floor(farthest * min(1, float64(roomy)/float64(len(p.x))))) // whole: the largest value must not be rounded up
}

// packRow rounds the weights of a row into its tile, by the way of a vector and so in
// the order of its values, and returns their step.
func (p *packed) packRow(tile []weights, i int, row []float32) float32 {
	copy(p.x, row)
	p.span = largest
	p.round()
	for j, pair := range p.pairs {
		of := tile[j][i/lanes][i%lanes*2:][:2]
		of[0], of[1] = int8(pair), int8(pair>>16)
	}
	return p.unit
}

// multiply adds the product with x to y.
func (m *Matrix) multiply(y, x []float32) {
	p := &m.packed
	copy(p.x, x)
	p.round()
	n, w, sum := len(p.pairs), p.weights, p.sums
	for ; wide && len(sum) >= 2*rows; w, sum = w[2*n:], sum[2*rows:] {
		twoTiles((*sums)(sum), (*sums)(sum[rows:]), w[:n], w[n:2*n], p.pairs)
	}
	for ; len(sum) > 0; w, sum = w[n:], sum[rows:] {
		tile((*sums)(sum), w[:n], p.pairs)
	}
	archsimd.ClearAVXUpperBits()
	p.addTo(y)
}

// round sets pairs and unit. Packing two times eight numbers, each half on its own,
// changes their order (VPACKSSDW); that of the weights is the same.
func (p *packed) round() {
	peak := p.peak()
	if !(peak > faint) {
		peak = 1 // any unit will do, for silence and for NaN
	}
	p.unit = peak / p.span
	perUnit := archsimd.BroadcastFloat32x8(p.span / peak)
	x := p.x
	for out := p.pairs; len(out) >= 8 && len(x) >= block; out, x = out[8:], x[block:] {
		lo := archsimd.LoadFloat32x8Slice(x).Mul(perUnit).RoundToEven().ConvertToInt32()
		hi := archsimd.LoadFloat32x8Slice(x[8:]).Mul(perUnit).RoundToEven().ConvertToInt32()
		lo.SaturateToInt16ConcatGrouped(hi).AsInt32x8().StoreSlice(out)
	}
	archsimd.ClearAVXUpperBits()
}

// peak returns the largest absolute value of x.
func (p *packed) peak() float32 {
	sign := archsimd.BroadcastInt32x8(math.MinInt32)
	top := archsimd.LoadFloat32x8Slice(p.x).AsInt32x8().AndNot(sign).AsFloat32x8()
	for x := p.x[8:]; len(x) >= 8; x = x[8:] {
		top = top.Max(archsimd.LoadFloat32x8Slice(x).AsInt32x8().AndNot(sign).AsFloat32x8())
	}
	var tops [8]float32
	top.Store(&tops)
	archsimd.ClearAVXUpperBits() // or every scalar below waits for them, half a microsecond in all
	return max(tops[0], tops[1], tops[2], tops[3], tops[4], tops[5], tops[6], tops[7])
}

// tile sets y to the products of a tile with x, of which it takes some pairs of
// columns a turn: where two threads share a core, every instruction counts. (The loop
// has no scalar float32, either, for the reason above.)
func tile(y *sums, w []weights, x []int32) {
	zero := archsimd.BroadcastInt32x8(x[0])
	s0 := zero.Xor(zero) // package fastmath says why not a plain zero
	s1, s2, s3 := s0, s0, s0
	for len(w) >= 2 && len(x) >= 2 {
		a, b := archsimd.BroadcastInt32x8(x[0]).AsInt16x16(), archsimd.BroadcastInt32x8(x[1]).AsInt16x16()
		s0 = s0.Add(eight(w[0][0][:lanes], a)).Add(eight(w[1][0][:lanes], b))
		s1 = s1.Add(eight(w[0][0][lanes:], a)).Add(eight(w[1][0][lanes:], b))
		s2 = s2.Add(eight(w[0][1][:lanes], a)).Add(eight(w[1][1][:lanes], b))
		s3 = s3.Add(eight(w[0][1][lanes:], a)).Add(eight(w[1][1][lanes:], b))
		w, x = w[2:], x[2:]
	}
	s0.Store((*[lanes / 2]int32)(y[:]))
	s1.Store((*[lanes / 2]int32)(y[lanes/2:]))
	s2.Store((*[lanes / 2]int32)(y[lanes:]))
	s3.Store((*[lanes / 2]int32)(y[lanes+lanes/2:]))
}

// eight returns the products of eight rows' weights with a pair of values.
func eight(w []int8, pair archsimd.Int16x16) archsimd.Int32x8 {
	return archsimd.LoadInt8x16((*[lanes]int8)(w)).ExtendToInt16().DotProductPairs(pair)
}

// twoTiles is tile for two of them at once, with the vectors of AVX-512.
func twoTiles(y, z *sums, w, v []weights, x []int32) {
	zero := archsimd.BroadcastInt32x16(x[0])
	s0 := zero.Xor(zero)
	s1, s2, s3 := s0, s0, s0
	for len(w) >= 4 && len(v) >= 4 && len(x) >= 4 {
		a, b := archsimd.BroadcastInt32x16(x[0]).AsInt16x32(), archsimd.BroadcastInt32x16(x[1]).AsInt16x32()
		c, d := archsimd.BroadcastInt32x16(x[2]).AsInt16x32(), archsimd.BroadcastInt32x16(x[3]).AsInt16x32()
		s0 = s0.Add(sixteen(&w[0][0], a)).Add(sixteen(&w[1][0], b)).Add(sixteen(&w[2][0], c)).Add(sixteen(&w[3][0], d))
		s1 = s1.Add(sixteen(&w[0][1], a)).Add(sixteen(&w[1][1], b)).Add(sixteen(&w[2][1], c)).Add(sixteen(&w[3][1], d))
		s2 = s2.Add(sixteen(&v[0][0], a)).Add(sixteen(&v[1][0], b)).Add(sixteen(&v[2][0], c)).Add(sixteen(&v[3][0], d))
		s3 = s3.Add(sixteen(&v[0][1], a)).Add(sixteen(&v[1][1], b)).Add(sixteen(&v[2][1], c)).Add(sixteen(&v[3][1], d))
		w, v, x = w[4:], v[4:], x[4:]
	}
	s0.Store((*[lanes]int32)(y[:]))
	s1.Store((*[lanes]int32)(y[lanes:]))
	s2.Store((*[lanes]int32)(z[:]))
	s3.Store((*[lanes]int32)(z[lanes:]))
}

// sixteen returns the products of sixteen rows' weights with a pair of values.
func sixteen(w *[2 * lanes]int8, pair archsimd.Int16x32) archsimd.Int32x16 {
	return archsimd.LoadInt8x32(w).ExtendToInt16().DotProductPairs(pair)
}

// addTo adds the sums in units of x and of their rows to y.
func (p *packed) addTo(y []float32) {
	unit := archsimd.BroadcastFloat32x8(p.unit)
	s, steps := p.sums, p.steps
	for ; len(y) >= 8 && len(s) >= 8 && len(steps) >= 8; y, s, steps = y[8:], s[8:], steps[8:] {
		v := archsimd.LoadInt32x8Slice(s).ConvertToFloat32().Mul(archsimd.LoadFloat32x8Slice(steps)).Mul(unit)
		archsimd.LoadFloat32x8Slice(y).Add(v).StoreSlice(y)
	}
	archsimd.ClearAVXUpperBits()
	for i := range y {
		y[i] += float32(s[i]) * steps[i] * p.unit
	}
}
