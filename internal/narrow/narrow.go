// Package narrow multiplies matrices that stay the same with vectors that
// change: what a network does for every hop of live sound.
//
// A hop reads every weight once, so reading them is what it costs. Where the
// program was built with GOEXPERIMENT=simd and the processor has AVX2, a
// [Matrix] keeps its weights as bfloat16, the upper half of a float32: half the
// memory to read, and a shift or a mask makes them float32 again. The product is
// taken in float32. Rounding changes a weight by at most one part in 256, at
// random, and a sum of hundreds by far less; docs/adr/0009 has the scores.
// Elsewhere the weights stay float32 and gonum multiplies.
package narrow

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Matrix is a fixed matrix. Its methods are not safe for concurrent use.
type Matrix struct {
	rows, cols int
	full       blas32.General // float32, empty when the weights are packed
	packed     []uint32
	x, y       []float32 // vector and product, filled up to whole blocks
}

// New returns the rows x cols matrix w, which is row-major and stays the
// caller's; it panics if w has another length.
func New(rows, cols int, w []float32) *Matrix {
	if len(w) != rows*cols {
		panic(fmt.Sprintf("narrow: %d weights for a %dx%d matrix", len(w), rows, cols))
	}
	m := &Matrix{rows: rows, cols: cols}
	if packs {
		m.pack(w)
	} else {
		m.full = blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: w}
	}
	return m
}

// AddTo adds the product of the matrix and x to y. It panics if x does not have
// as many values as the matrix columns, or y as it has rows.
func (m *Matrix) AddTo(y, x []float32) {
	if len(x) != m.cols || len(y) != m.rows {
		panic(fmt.Sprintf("narrow: a %dx%d matrix times %d values into %d", m.rows, m.cols, len(x), len(y)))
	}
	if packs {
		copy(m.x, x)
		m.multiply(y)
		return
	}
	blas32.Gemv(blas.NoTrans, 1, m.full, vector(x), 1, vector(y))
}

// Round rounds finite weights to the nearest bfloat16, of two equally near the even
// one.
func Round(w []float32) {
	for i, v := range w {
		w[i] = math.Float32frombits(round(v) << 16)
	}
}

// round returns the upper 16 bits of the nearest bfloat16.
func round(v float32) uint32 {
	b := math.Float32bits(v)
	return (b + 0x7fff + b>>16&1) >> 16
}

func vector(v []float32) blas32.Vector { return blas32.Vector{N: len(v), Inc: 1, Data: v} }
