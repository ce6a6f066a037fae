package bsseval

import "math"

// factor is the lower Cholesky factor of a symmetric positive definite matrix of Toeplitz blocks of size taps, kept by columns: column p
// holds the rows p, p+1, ...
type factor struct {
	taps    int
	columns [][]float64
}

// lags gives the cross-correlation of sources i and j: at(i, j)[k] = sum_t s_i(t) s_j(t+k) for k = 0 ... taps-1. The Toeplitz block
// (i, j) has the element at(i, j)[k-l] in row k and column l, which for k < l is at(j, i)[l-k].
type lags [][][]float64

// factorise returns the factor of the matrix that the lags describe, with ridge times its diagonal added to the diagonal, or false when
// that is not positive definite in float64.
//
// A general Cholesky factorisation of an n x n matrix takes n^3/3 operations. This one takes about 9 n^2, by the generalised Schur
// algorithm: with Z the matrix that shifts each block down by one row, G - Z G Z' = P P' - Q Q' has only the rank 2 blocks, and the
// factor can be read off while P and Q are kept in a form where row p has one element that is not zero. Orthogonal rotations
// concentrate the row in one column of P and one of Q, and a hyperbolic rotation in its mixed form, which is the numerically stable
// one, removes the second. See T. Kailath and A. H. Sayed, "Displacement structure: theory and applications", SIAM Review 37(3), 1995,
// and A. W. Bojanczyk et al., "On the stability of the Bareiss and related Toeplitz factorization algorithms", SIAM J. Matrix Anal.
// Appl. 16(1), 1995.
func factorise(r lags, ridge float64) (*factor, bool) {
	blocks, taps := len(r), len(r[0][0])
	n := blocks * taps
	pos, neg, ok := generators(r, ridge)
	if !ok {
		return nil, false
	}
	f := &factor{taps: taps, columns: make([][]float64, n)}
	slab := make([]float64, 0, n*(n+1)/2)
	for p := range n {
		gather(pos, p)
		gather(neg, p)
		if !annihilate(pos[0][p:], neg[0][p:]) {
			return nil, false
		}
		slab = append(slab, pos[0][p:]...)
		f.columns[p] = slab[len(slab)-(n-p):]
		// Shift each block down by one row. The shift moves nothing into row p, which the next step must find empty.
		for b := p / taps; b < blocks; b++ {
			block := pos[0][b*taps : (b+1)*taps]
			copy(block[1:], block)
			block[0] = 0
		}
		pos[0][p] = 0
	}
	return f, true
}

// generators returns the columns of P and Q. With C = R'R the matrix of the zero lags, U the first columns of the blocks, and E the
// first columns of the identity's blocks: G - Z G Z' = U E' + E U' - E C E', P = U inv(R) and Q = P - E R'.
func generators(r lags, ridge float64) (pos, neg [][]float64, ok bool) {
	blocks, taps := len(r), len(r[0][0])
	zero := make([][]float64, blocks)
	for i := range zero {
		zero[i] = make([]float64, blocks)
		for j := range zero[i] {
			zero[i][j] = r[i][j][0]
		}
		zero[i][i] *= 1 + ridge
	}
	low, ok := cholesky(zero) // R'
	if !ok {
		return nil, nil, false
	}
	pos, neg = make([][]float64, blocks), make([][]float64, blocks)
	for j := range blocks {
		pos[j], neg[j] = make([]float64, blocks*taps), make([]float64, blocks*taps)
		for i := range blocks {
			for k := range taps {
				// Row k of block (i, j) in its first column is r_ij(k).
				v := r[i][j][k]
				if k == 0 {
					v = zero[i][j]
				}
				for l := range j {
					v -= pos[l][i*taps+k] * low[j][l]
				}
				v /= low[j][j]
				pos[j][i*taps+k] = v
				if k > 0 {
					neg[j][i*taps+k] = v
				}
			}
		}
	}
	return pos, neg, true
}

// cholesky returns the lower factor of a small matrix.
func cholesky(a [][]float64) (low [][]float64, ok bool) {
	low = make([][]float64, len(a))
	for i := range a {
		low[i] = make([]float64, len(a))
		for j := range i + 1 {
			v := a[i][j]
			for k := range j {
				v -= low[i][k] * low[j][k]
			}
			switch {
			case i != j:
				low[i][j] = v / low[j][j]
			case !(v > 0):
				return nil, false
			default:
				low[i][i] = math.Sqrt(v)
			}
		}
	}
	return low, true
}

// gather rotates the columns from row p on so that in row p only the first is not zero.
func gather(columns [][]float64, p int) {
	first := columns[0][p:]
	for _, c := range columns[1:] {
		c = c[p:len(columns[0])]
		if c[0] == 0 {
			continue
		}
		h := math.Hypot(first[0], c[0])
		cos, sin := first[0]/h, c[0]/h
		for i, v := range c {
			u := first[i]
			first[i] = cos*u + sin*v
			c[i] = cos*v - sin*u
		}
	}
}

// annihilate turns the pair by a hyperbolic rotation so that neg begins with zero, and makes pos begin with a positive number. It
// reports false when there is no such rotation: the matrix is not positive definite.
func annihilate(pos, neg []float64) bool {
	rho := neg[0] / pos[0]
	c := math.Sqrt((1 - rho) * (1 + rho))
	if !(c > 0) {
		return false
	}
	scale := 1 / c
	if pos[0] < 0 {
		// The factor's diagonal is positive; the sign of a generator is free, so turn pos round and with it rho.
		rho = -rho
		for i := range pos {
			pos[i] = -pos[i]
		}
	}
	for i, q := range neg {
		v := (pos[i] - rho*q) * scale
		pos[i] = v
		neg[i] = c*q - rho*v
	}
	return pos[0] > 0
}

// solve returns the solution of the leading blocks of the system for the right-hand side d: the leading rows and columns of the
// factor are the factor of the leading rows and columns of the matrix.
func (f *factor) solve(d []float64, blocks int) []float64 {
	n := blocks * f.taps
	x := append([]float64(nil), d[:n]...)
	for p := range n {
		column := f.columns[p][:n-p]
		x[p] /= column[0]
		v, rest := x[p], x[p+1:]
		for i, c := range column[1:] {
			rest[i] -= v * c
		}
	}
	for p := n - 1; p >= 0; p-- {
		column := f.columns[p][:n-p]
		v, rest := x[p], x[p+1:]
		for i, c := range column[1:] {
			v -= rest[i] * c
		}
		x[p] = v / column[0]
	}
	return x
}
