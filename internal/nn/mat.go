package nn

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"sotto/internal/fastmath"
)

// Mat is a dense row-major matrix: element (i, j) is Data[i*Cols+j].
type Mat struct {
	Rows, Cols int
	Data       []float32
}

// NewMat returns a zero matrix.
func NewMat(rows, cols int) Mat {
	return Mat{Rows: rows, Cols: cols, Data: make([]float32, rows*cols)}
}

// Row returns row i; it shares the matrix's memory.
func (m Mat) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols] }

// Slice returns rows from..to-1 as a matrix that shares the memory.
func (m Mat) Slice(from, to int) Mat {
	return Mat{Rows: to - from, Cols: m.Cols, Data: m.Data[from*m.Cols : to*m.Cols]}
}

// Zero clears the matrix.
func (m Mat) Zero() { clear(m.Data) }

// Resize returns a rows x cols matrix with unspecified contents. It reuses m's
// memory when that is large enough, so a layer's buffers settle after the first
// batch.
func (m Mat) Resize(rows, cols int) Mat {
	n := rows * cols
	if cap(m.Data) < n {
		return NewMat(rows, cols)
	}
	return Mat{Rows: rows, Cols: cols, Data: m.Data[:n]}
}

// Trans says whether Gemm transposes an operand.
type Trans bool

// The two operand forms of [Gemm].
const (
	NoTrans Trans = false
	T       Trans = true
)

func (t Trans) blas() blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}

// Gemm computes c = alpha op(a) op(b) + beta c, op being the identity or the
// transpose. Shapes that do not fit panic.
func Gemm(ta, tb Trans, alpha float32, a, b Mat, beta float32, c Mat) {
	ar, ac := a.Rows, a.Cols
	if ta {
		ar, ac = ac, ar
	}
	br, bc := b.Rows, b.Cols
	if tb {
		br, bc = bc, br
	}
	if ac != br || c.Rows != ar || c.Cols != bc {
		panic(fmt.Sprintf("nn: cannot multiply %dx%d by %dx%d into %dx%d", ar, ac, br, bc, c.Rows, c.Cols))
	}
	if ar == 0 || bc == 0 {
		return
	}
	blas32.Gemm(ta.blas(), tb.blas(), alpha, a.general(), b.general(), beta, c.general())
}

func (m Mat) general() blas32.General {
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Cols, Data: m.Data}
}

// smallProduct is the number of multiply-adds up to which OpenBLAS multiplies
// without first packing its operands (its small-matrix kernels, from 0.3.17).
const smallProduct = 1_000_000

// gemmFewRows computes c = a b + beta c for an a of a few rows, one step of a
// batch of sequences. Packing b would cost more than the product: in blocks of
// columns that the small-matrix kernels take, 6x256 by 256x768 ran at 80
// GFLOP/s on one core instead of 16.
func gemmFewRows(a, b Mat, beta float32, c Mat) {
	block := max(smallProduct/(a.Rows*a.Cols)/64*64, 64)
	for j := 0; j < b.Cols; j += block {
		n := min(block, b.Cols-j)
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, a.general(), b.columns(j, n), beta, c.columns(j, n))
	}
}

// columns returns columns j..j+n-1 as a view.
func (m Mat) columns(j, n int) blas32.General {
	return blas32.General{Rows: m.Rows, Cols: n, Stride: m.Cols, Data: m.Data[j:]}
}

// transpose sets dst, Cols x Rows, to the transpose of m.
func (m Mat) transpose(dst Mat) {
	for i := range m.Rows {
		for j, v := range m.Row(i) {
			dst.Data[j*dst.Cols+i] = v
		}
	}
}

// addBias adds b to every row of m.
func addBias(m Mat, b []float32) {
	for i := range m.Rows {
		fastmath.AddTo(m.Row(i), b)
	}
}

// sumRows adds the rows of m into dst.
func sumRows(dst []float32, m Mat) {
	for i := range m.Rows {
		fastmath.AddTo(dst, m.Row(i))
	}
}
