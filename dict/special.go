package dict

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// trigamma returns psi'(x), the derivative of the digamma function, for x > 0.
// It recurs up to x >= 6 and sums the asymptotic series (Abramowitz and Stegun
// 6.4.6, 6.4.12); the relative error is below 1e-12.
func trigamma(x float64) float64 {
	var sum float64
	for ; x < 6; x++ {
		sum += 1 / (x * x)
	}
	return sum + trigammaTail(x)
}

// trigammaTail is the asymptotic series of psi' (Abramowitz and Stegun 6.4.12),
// whose coefficients are the Bernoulli numbers B_2..B_14.
func trigammaTail(x float64) float64 {
	r := 1 / x
	s := r * r
	return r + s/2 + r*s*(1.0/6+s*(-1.0/30+s*(1.0/42+s*(-1.0/30+s*(5.0/66+s*(-691.0/2730+s*7.0/6))))))
}

// gammaKL returns the divergence of Gamma(a0, b0) from Gamma(a, b), in nats,
// shapes and rates in this order (ALGORITHMS 1.6):
//
//	(a-a0) psi(a) - ln G(a) + ln G(a0) + a0 (ln b - ln b0) + a (b0-b)/b
func gammaKL(a, b, a0, b0 float64) float64 {
	lnGa, _ := math.Lgamma(a)
	lnGa0, _ := math.Lgamma(a0)
	return (a-a0)*mathext.Digamma(a) - lnGa + lnGa0 + a0*math.Log(b/b0) + a*(b0-b)/b
}

// gammaKLGrad returns the derivatives of [gammaKL] with respect to a and b,
// given psi'(a).
func gammaKLGrad(a, b, a0, b0, trigammaA float64) (da, db float64) {
	q := b0 / b
	return (a-a0)*trigammaA + q - 1, (a0 - a*q) / b
}

// marsaglia returns h = (A-1/3)(1 + eps/sqrt(9A-3))^3, the proposal of
// Marsaglia and Tsang 2000 for a Gamma(A, 1) variate with A >= 1, and the
// derivative of ln h with respect to A (ALGORITHMS 1.3). h is 0 where the cube
// is not positive; such a proposal is never accepted.
func marsaglia(eps, shape float64) (h, dlog float64) {
	b := shape - 1.0/3
	c := eps / (3 * math.Sqrt(b))
	v := 1 + c
	if v <= 0 {
		return 0, 0
	}
	return b * v * v * v, (1 - c/2) / (b * v)
}

// accepted reports whether the proposal for eps is kept, given a uniform u: the
// squeeze of Marsaglia and Tsang decides nearly always without a logarithm.
func accepted(eps, u, shape float64) bool {
	b := shape - 1.0/3
	v := 1 + eps/(3*math.Sqrt(b))
	if v <= 0 {
		return false
	}
	e2 := eps * eps
	if u < 1-0.0331*e2*e2 { // Marsaglia and Tsang 2000, section 4.
		return true
	}
	v3 := v * v * v
	return math.Log(u) < e2/2+b-b*v3+b*math.Log(v3)
}
