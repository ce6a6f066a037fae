package pesq

import (
	"math/bits"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Two real signals travel through one complex transform, one as the real and one as the imaginary part: filters with real
// gains act on both at once, and correlations and powers fall out of the sum and difference of opposite lines. With the
// in-place transforms of powers of two this takes less than half the time of transforms of real sequences, and it needs no
// plans. The rounding error of these transforms, relative, is 1e-14 for 1024 points and 2e-12 for 2^18.

// forward replaces z, whose length is a power of two, by its unnormalised discrete Fourier transform.
func forward(z []complex128) {
	if bits.TrailingZeros(uint(len(z)))%2 == 0 {
		fourier.CoefficientsRadix4(z)
		return
	}
	fourier.CoefficientsRadix2(z)
}

// inverse undoes forward, but for the factor len(z).
func inverse(z []complex128) {
	if bits.TrailingZeros(uint(len(z)))%2 == 0 {
		fourier.SequenceRadix4(z)
		return
	}
	fourier.SequenceRadix2(z)
}

// crossSpectrum replaces the transform z of x + iy by that of the circular cross-correlation of x and y, scaled for
// inverse: element q (modulo the length) becomes the sum of x[t] y[t+q].
func crossSpectrum(z []complex128) {
	n := len(z)
	// With a and b the lines k and n-k of z, line k of x is (a + b*)/2, that of y is (a - b*)/2i, and the correlation's is
	// the former's conjugate times the latter.
	scale := complex(0, -0.25/float64(n))
	for k := 0; k <= n/2; k++ {
		a, b := z[k], z[(n-k)%n]
		line := (conj(a) + b) * (a - conj(b)) * scale
		z[k], z[(n-k)%n] = line, conj(line)
	}
}

// correlate replaces z = x + iy by the circular cross-correlation of x and y, in the real parts. x and y should be of
// similar size: the rounding of the one is heard in the other.
func correlate(z []complex128) {
	forward(z)
	crossSpectrum(z)
	inverse(z)
}

// correlateTwo does the work of correlate on a and b with one transform less: the real parts of a become the correlation of
// the signals in a, its imaginary parts that of the signals in b, which is left as scratch.
func correlateTwo(a, b []complex128) {
	forward(a)
	crossSpectrum(a)
	forward(b)
	crossSpectrum(b)
	for i, v := range b {
		a[i] += complex(-imag(v), real(v))
	}
	inverse(a)
}

func conj(a complex128) complex128 { return complex(real(a), -imag(a)) }

// powers returns the powers of line k of x and y, given the transform z of x + iy.
func powers(z []complex128, k int) (x, y float64) {
	a, b := z[k], conj(z[len(z)-k])
	s, d := a+b, a-b
	return (real(s)*real(s) + imag(s)*imag(s)) / 4, (real(d)*real(d) + imag(d)*imag(d)) / 4
}

// pow2 returns the smallest power of two that is at least n.
func pow2(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// grow returns a slice of n values, in the memory of s if that is large enough. What they hold is not defined.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// zeros is grow with every value set to zero.
func zeros[T any](s []T, n int) []T {
	s = grow(s, n)
	clear(s)
	return s
}
