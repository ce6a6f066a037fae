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
	// block is the number of columns that are multiplied at once.
	block = 32
	// together is how many rows are multiplied at once, so that a block of x is
	// loaded once for all of them.
	together = 4
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

// packed is a matrix as the kernels read it.
type packed struct {
	// weights are in steps of their rows, by groups of rows, a block of each row
	// after the other. What is missing to whole groups and blocks is zero.
	weights []int8
	steps   []float32 // of every row
	x       []float32 // the vector, filled up to whole blocks
	rounded []int16   // x in units of a common size, in the order of columns
	y       []float32 // the product, filled up to whole groups
	span    float32   // the largest of rounded
	unit    float32   // the size of x at which rounded is 1
}

// columns says where in a block of x the values come from that packing two times
// eight numbers, each half on its own, puts side by side (VPACKSSDW).
var columns = func() (at [block]int) {
	for j := range at {
		quarter := j % 16 / 4
		at[j] = j + 4*[4]int{0, 1, -1, 0}[quarter]
	}
	return at
}()

// pack rounds the weights.
func (m *Matrix) pack(w []float32) {
	groups, blocks := (m.rows+together-1)/together, (m.cols+block-1)/block
	p := &m.packed
	p.weights = make([]int8, groups*blocks*together*block)
	p.steps, p.y = make([]float32, groups*together), make([]float32, groups*together)
	p.x, p.rounded = make([]float32, blocks*block), make([]int16, blocks*block)
	p.span = float32(math.Floor(farthest * min(1, float64(roomy)/float64(len(p.x))))) // whole: the largest value must not be rounded up
	for g := range groups {
		group := p.weights[g*blocks*together*block:][:blocks*together*block]
		for row := range min(together, m.rows-g*together) {
			i := g*together + row
			p.steps[i] = p.packRow(group[row*block:], w[i*m.cols:(i+1)*m.cols])
		}
	}
}

// packRow rounds the weights of a row into its blocks and returns their step.
func (p *packed) packRow(blocks []int8, row []float32) float32 {
	copy(p.x, row)
	step := step(row)
	if step == 0 {
		return 0
	}
	for from := 0; from < len(p.x); from += block {
		for j, c := range &columns {
			blocks[from*together+j] = int8(math.RoundToEven(float64(p.x[from+c] / step)))
		}
	}
	return step
}

// step returns the unit in which the weights of a row reach largest.
func step(row []float32) float32 {
	var peak float32
	for _, v := range row {
		peak = max(peak, v, -v)
	}
	return peak / largest
}

// multiply adds the product with x to y.
func (m *Matrix) multiply(y, x []float32) {
	p := &m.packed
	copy(p.x, x)
	p.round()
	w, steps := p.weights, p.steps
	for out := p.y; len(out) >= together; out, steps = out[together:], steps[together:] {
		group := w[:len(p.x)*together]
		w = w[len(group):]
		if wide {
			multiply512(out, group, p.rounded, steps)
		} else {
			multiply256(out, group, p.rounded, steps)
		}
	}
	archsimd.ClearAVXUpperBits()
	unit := p.unit // read not before here: in the loop it would cost as package fastmath says of a plain zero
	for i, v := range p.y[:len(y)] {
		y[i] += v * unit
	}
}

// round sets rounded and unit.
func (p *packed) round() {
	sign := archsimd.BroadcastInt32x8(math.MinInt32)
	top := archsimd.LoadFloat32x8Slice(p.x).AsInt32x8().AndNot(sign).AsFloat32x8()
	for x := p.x[8:]; len(x) >= 8; x = x[8:] {
		top = top.Max(archsimd.LoadFloat32x8Slice(x).AsInt32x8().AndNot(sign).AsFloat32x8())
	}
	var tops [8]float32
	top.Store(&tops)
	peak := max(tops[0], tops[1], tops[2], tops[3], tops[4], tops[5], tops[6], tops[7])
	if !(peak > faint) {
		peak = 1 // any unit will do, for silence and for NaN
	}
	perUnit := archsimd.BroadcastFloat32x8(p.span / peak)
	x := p.x
	for out := p.rounded; len(out) >= 16 && len(x) >= 16; out, x = out[16:], x[16:] {
		lo := archsimd.LoadFloat32x8Slice(x).Mul(perUnit).RoundToEven().ConvertToInt32()
		hi := archsimd.LoadFloat32x8Slice(x[8:]).Mul(perUnit).RoundToEven().ConvertToInt32()
		lo.SaturateToInt16ConcatGrouped(hi).StoreSlice(out)
	}
	p.unit = peak / p.span
}

// multiply512 sets y to the product of a group of rows with x, in units of its own.
func multiply512(y []float32, w []int8, x []int16, steps []float32) {
	zero := archsimd.LoadInt16x32Slice(x)
	s0 := zero.Xor(zero).AsInt32x16() // package fastmath says why not a plain zero
	s1, s2, s3 := s0, s0, s0
	for len(x) >= block && len(w) >= together*block {
		v := archsimd.LoadInt16x32Slice(x)
		s0 = s0.Add(archsimd.LoadInt8x32Slice(w).ExtendToInt16().DotProductPairs(v))
		s1 = s1.Add(archsimd.LoadInt8x32Slice(w[block:]).ExtendToInt16().DotProductPairs(v))
		s2 = s2.Add(archsimd.LoadInt8x32Slice(w[2*block:]).ExtendToInt16().DotProductPairs(v))
		s3 = s3.Add(archsimd.LoadInt8x32Slice(w[3*block:]).ExtendToInt16().DotProductPairs(v))
		x, w = x[block:], w[together*block:]
	}
	storeSums(y, s0.GetLo().Add(s0.GetHi()), s1.GetLo().Add(s1.GetHi()), s2.GetLo().Add(s2.GetHi()), s3.GetLo().Add(s3.GetHi()), steps)
}

// multiply256 is multiply512 by halves of a block.
func multiply256(y []float32, w []int8, x []int16, steps []float32) {
	zero := archsimd.LoadInt16x16Slice(x)
	s0 := zero.Xor(zero).AsInt32x8()
	s1, s2, s3 := s0, s0, s0
	for len(x) >= block && len(w) >= together*block {
		for at := 0; at < block; at += block / 2 {
			v := archsimd.LoadInt16x16Slice(x[at:])
			s0 = s0.Add(archsimd.LoadInt8x16Slice(w[at:]).ExtendToInt16().DotProductPairs(v))
			s1 = s1.Add(archsimd.LoadInt8x16Slice(w[block+at:]).ExtendToInt16().DotProductPairs(v))
			s2 = s2.Add(archsimd.LoadInt8x16Slice(w[2*block+at:]).ExtendToInt16().DotProductPairs(v))
			s3 = s3.Add(archsimd.LoadInt8x16Slice(w[3*block+at:]).ExtendToInt16().DotProductPairs(v))
		}
		x, w = x[block:], w[together*block:]
	}
	storeSums(y, s0, s1, s2, s3, steps)
}

// storeSums sets y to the sums over each of four vectors times their rows' steps.
func storeSums(y []float32, s0, s1, s2, s3 archsimd.Int32x8, steps []float32) {
	s := s0.AddPairsGrouped(s1).AddPairsGrouped(s2.AddPairsGrouped(s3)) // four sums in each half
	s.GetLo().Add(s.GetHi()).ConvertToFloat32().Mul(archsimd.LoadFloat32x4Slice(steps)).StoreSlice(y)
}
