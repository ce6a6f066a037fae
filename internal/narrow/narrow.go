// Package narrow multiplies matrices that stay the same with vectors that
// change: what a network does for every hop of live sound.
//
// A hop reads every weight once, so what it costs is reading them and the
// instructions for each. Where the program was built with GOEXPERIMENT=simd and
// the processor has AVX2, a [Matrix] keeps its weights in 8 bits, as multiples of
// a 127th of the largest one of their row, and rounds the vector to 16 bits for
// every product, whose sums are then exact. That is a quarter of the memory of
// float32, and a network of a few hundred units stays in a core's second cache. A
// weight moves by at most one part in 254 of its row's largest, at random, and a
// sum of hundreds by far less; docs/adr/0013 has the scores, docs/adr/0016 what a
// kernel must avoid. Elsewhere the weights stay float32 and gonum multiplies.
package narrow

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Matrix is a fixed matrix. Its methods are not safe for concurrent use.
type Matrix struct {
	rows, cols int
	full       blas32.General // float32, empty when the weights are packed
	packed     packed
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
		m.multiply(y, x)
		return
	}
	blas32.Gemv(blas.NoTrans, 1, m.full, vector(x), 1, vector(y))
}

func vector(v []float32) blas32.Vector { return blas32.Vector{N: len(v), Inc: 1, Data: v} }
