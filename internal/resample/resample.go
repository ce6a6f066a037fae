// Package resample converts sample rates with a linear-phase polyphase filter.
//
// The filter is a Kaiser-windowed sinc: flat to 0.92 of the lower Nyquist frequency, 100 dB down (by design) from that
// Nyquist on, so that nothing aliases. Rates are reduced to lowest terms: 19980 to 16000 Hz runs exactly, as 800/999.
// Ratios whose reduced numerator exceeds 2048 interpolate between 512 phases instead, at the same quality.
//
// Use [Convert] for a whole signal. It is delay-compensated: an event at t seconds stays at t seconds.
// Use [Stream] for blocks in real time. It computes the very same samples, [Stream.Delay] samples later.
package resample

import (
	"math/bits"

	"gonum.org/v1/gonum/blas/blas32"
)

// Convert returns x, sampled at from Hz, at to Hz. The result has ceil(len(x)*to/from) samples, sample n standing for the
// instant n/to seconds; beyond its ends x counts as zero. x itself is returned when the rates are equal. Convert panics
// unless both rates are positive.
func Convert(x []float32, from, to int) []float32 {
	if from == to && from > 0 {
		return x
	}
	f := newFilter(from, to)
	y := make([]float32, outputs(len(x), f.up, f.down))
	edge := make([]float32, 2*f.half)
	centre, rem := 0, 0
	for n := range y {
		first := centre - f.half + 1
		if first >= 0 && first+2*f.half <= len(x) {
			y[n] = f.dot(x[first:first+2*f.half], rem)
		} else {
			y[n] = f.dot(padded(edge, x, first), rem)
		}
		rem += f.down
		centre += rem / f.up
		rem %= f.up
	}
	return y
}

// padded copies x[first:first+len(dst)] to dst, with zeros where x has no samples.
func padded(dst, x []float32, first int) []float32 {
	clear(dst)
	lo, hi := max(first, 0), min(first+len(dst), len(x))
	if lo < hi {
		copy(dst[lo-first:], x[lo:hi])
	}
	return dst
}

// outputs returns ceil(n*up/down) without overflow.
func outputs(n, up, down int) int {
	hi, lo := bits.Mul64(uint64(n), uint64(up))
	lo, carry := bits.Add64(lo, uint64(down)-1, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(down))
	return int(q)
}

// dot returns the inner product of a filter row and as many samples. The order in which gonum's assembly adds depends on the
// address of its second argument modulo 16 bytes. The rows are allocated as one table and are multiples of four float32
// long, so they always start at such a boundary: as second argument they make the result independent of where x lies.
func dot(row, x []float32) float32 {
	return blas32.Dot(blas32.Vector{N: len(x), Data: x, Inc: 1}, blas32.Vector{N: len(row), Data: row, Inc: 1})
}
