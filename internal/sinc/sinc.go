// Package sinc has the two functions that windowed-sinc filters are made of:
// the ideal low-pass filter's impulse response and the Kaiser window.
package sinc

import "math"

// Sinc returns sin(pi x)/(pi x), which is 1 at 0.
func Sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// Kaiser returns the Kaiser window of shape beta at u: 1 in the middle, u = 0,
// falling to 1/I_0(beta) at u = -1 and 1, and 0 outside.
func Kaiser(u, beta float64) float64 {
	if u < -1 || u > 1 {
		return 0
	}
	return bessel0(beta*math.Sqrt(1-u*u)) / bessel0(beta)
}

// bessel0 is the modified Bessel function of the first kind and order zero by
// its power series, sum_k ((x/2)^k/k!)^2 (Abramowitz and Stegun 9.6.12), for
// the small x of a window.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= x / (2 * k) * (x / (2 * k))
		sum += term
	}
	return sum
}
