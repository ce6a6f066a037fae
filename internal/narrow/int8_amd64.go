//go:build goexperiment.simd

package narrow

import (
	"simd/archsimd"
)

var (
	// packs says whether the processor can unpack as fast as it can multiply.
	packs = archsimd.X86.AVX2() && archsimd.X86.FMA()
	// wide says whether it does so with sixteen numbers at a time.
	wide = packs && archsimd.X86.AVX512()
)

const (
	// words is how many words of two weights a row has in a block of columns.
	// Word j has column j in its lower half and column j+words in its upper one.
	words = 16
	// block is the number of columns in a block.
	block = 2 * words
	// together is how many rows are multiplied at once, so that a block of x is
	// loaded once for all of them.
	together = 4
)

// pack rounds the weights and lays them out by groups of rows, a block of each
// row after the other. What is missing to whole groups and blocks is zero.
func (m *Matrix) pack(w []float32) {
	groups, blocks := (m.rows+together-1)/together, (m.cols+block-1)/block
	m.packed = make([]uint32, groups*blocks*together*words)
	m.x, m.y = make([]float32, blocks*block), make([]float32, groups*together)
	at := func(i, j int) uint32 {
		if i >= m.rows || j >= m.cols {
			return 0
		}
		return round(w[i*m.cols+j])
	}
	k := 0
	for g := range groups {
		for b := range blocks {
			for row := range together {
				for j := range words {
					i, j := g*together+row, b*block+j
					m.packed[k] = at(i, j) | at(i, j+words)<<16
					k++
				}
			}
		}
	}
}

// multiply adds the product with m.x to y.
func (m *Matrix) multiply(y []float32) {
	w := m.packed
	for rows := m.y; len(rows) >= together; rows = rows[together:] {
		group := w[:len(m.x)*together/2]
		w = w[len(group):]
		if wide {
			multiply512(rows, group, m.x)
		} else {
			multiply256(rows, group, m.x)
		}
	}
	archsimd.ClearAVXUpperBits()
	for i, v := range m.y[:len(y)] {
		y[i] += v
	}
}

// multiply512 sets y to the product of a group of rows with x.
func multiply512(y []float32, w []uint32, x []float32) {
	upper := archsimd.BroadcastUint32x16(0xffff0000)
	s0 := upper.Xor(upper).AsFloat32x16() // package fastmath says why not a plain zero
	s1, s2, s3 := s0, s0, s0
	for len(x) >= block && len(w) >= together*words {
		lo, hi := archsimd.LoadFloat32x16Slice(x), archsimd.LoadFloat32x16Slice(x[words:])
		w0, w1 := archsimd.LoadUint32x16Slice(w), archsimd.LoadUint32x16Slice(w[words:])
		w2, w3 := archsimd.LoadUint32x16Slice(w[2*words:]), archsimd.LoadUint32x16Slice(w[3*words:])
		x, w = x[block:], w[together*words:]
		s0 = w0.ShiftAllLeft(16).AsFloat32x16().MulAdd(lo, s0)
		s1 = w1.ShiftAllLeft(16).AsFloat32x16().MulAdd(lo, s1)
		s2 = w2.ShiftAllLeft(16).AsFloat32x16().MulAdd(lo, s2)
		s3 = w3.ShiftAllLeft(16).AsFloat32x16().MulAdd(lo, s3)
		s0 = w0.And(upper).AsFloat32x16().MulAdd(hi, s0)
		s1 = w1.And(upper).AsFloat32x16().MulAdd(hi, s1)
		s2 = w2.And(upper).AsFloat32x16().MulAdd(hi, s2)
		s3 = w3.And(upper).AsFloat32x16().MulAdd(hi, s3)
	}
	storeSums(y, s0.GetLo().Add(s0.GetHi()), s1.GetLo().Add(s1.GetHi()), s2.GetLo().Add(s2.GetHi()), s3.GetLo().Add(s3.GetHi()))
}

// multiply256 is multiply512 by halves of a block's words.
func multiply256(y []float32, w []uint32, x []float32) {
	upper := archsimd.BroadcastUint32x8(0xffff0000)
	s0 := upper.Xor(upper).AsFloat32x8()
	s1, s2, s3 := s0, s0, s0
	for len(x) >= block && len(w) >= together*words {
		for at := 0; at < words; at += words / 2 {
			lo, hi := archsimd.LoadFloat32x8Slice(x[at:]), archsimd.LoadFloat32x8Slice(x[words+at:])
			w0, w1 := archsimd.LoadUint32x8Slice(w[at:]), archsimd.LoadUint32x8Slice(w[words+at:])
			w2, w3 := archsimd.LoadUint32x8Slice(w[2*words+at:]), archsimd.LoadUint32x8Slice(w[3*words+at:])
			s0 = w0.ShiftAllLeft(16).AsFloat32x8().MulAdd(lo, s0)
			s1 = w1.ShiftAllLeft(16).AsFloat32x8().MulAdd(lo, s1)
			s2 = w2.ShiftAllLeft(16).AsFloat32x8().MulAdd(lo, s2)
			s3 = w3.ShiftAllLeft(16).AsFloat32x8().MulAdd(lo, s3)
			s0 = w0.And(upper).AsFloat32x8().MulAdd(hi, s0)
			s1 = w1.And(upper).AsFloat32x8().MulAdd(hi, s1)
			s2 = w2.And(upper).AsFloat32x8().MulAdd(hi, s2)
			s3 = w3.And(upper).AsFloat32x8().MulAdd(hi, s3)
		}
		x, w = x[block:], w[together*words:]
	}
	storeSums(y, s0, s1, s2, s3)
}

// storeSums sets y to the sums over each of four vectors.
func storeSums(y []float32, s0, s1, s2, s3 archsimd.Float32x8) {
	s := s0.AddPairsGrouped(s1).AddPairsGrouped(s2.AddPairsGrouped(s3)) // four sums in each half
	s.GetLo().Add(s.GetHi()).StoreSlice(y)
}
