package dict

import (
	"fmt"
	"math"

	"sotto/internal/fastmath"
)

// Divergence is the measure of misfit between data x and model y; as a
// likelihood, its noise model. All three are beta-divergences.
type Divergence int

const (
	// KL is the generalised Kullback-Leibler divergence, x ln(x/y) - x + y
	// (beta = 1): a Poisson likelihood, for magnitudes.
	KL Divergence = iota
	// Frobenius is half the squared error, (x-y)^2/2 (beta = 2): a Gaussian
	// likelihood.
	Frobenius
	// ItakuraSaito is x/y - ln(x/y) - 1 (beta = 0): an exponential likelihood,
	// for powers. It does not depend on scale.
	ItakuraSaito
)

var divergenceNames = [...]string{"kl", "frobenius", "itakura-saito"}

// String returns the name that [ParseDivergence] takes.
func (d Divergence) String() string {
	if d < 0 || int(d) >= len(divergenceNames) {
		return fmt.Sprintf("Divergence(%d)", int(d))
	}
	return divergenceNames[d]
}

// ParseDivergence is the inverse of String.
func ParseDivergence(name string) (Divergence, error) {
	for i, n := range divergenceNames {
		if n == name {
			return Divergence(i), nil
		}
	}
	return 0, fmt.Errorf("dict: unknown divergence %q: want kl, frobenius or itakura-saito", name)
}

// floor bounds every model spectrum from below, so that no ratio divides by
// zero (the value is that of ALGORITHMS 3.1; data are scaled to mean 1).
const floor = 1e-9

// Value returns the sum of the divergences of y from x. The slices have equal
// length; y counts as at least 1e-9, and so does x in Itakura-Saito.
func (d Divergence) Value(x, y []float32) float64 {
	var sum float64
	switch d {
	case KL:
		for i, v := range x {
			m := max(y[i], floor)
			sum += float64(m) - float64(v)
			if v > 0 {
				sum += float64(v) * float64(fastmath.Log(v/m))
			}
		}
	case Frobenius:
		for i, v := range x {
			e := float64(v) - float64(y[i])
			sum += e * e / 2
		}
	case ItakuraSaito:
		for i, v := range x {
			r := max(v, floor) / max(y[i], floor)
			sum += float64(r) - float64(fastmath.Log(r)) - 1
		}
	}
	return sum
}

// gradient replaces y by the derivative of the divergence with respect to y.
func (d Divergence) gradient(x, y []float32) {
	switch d {
	case KL:
		for i, v := range x {
			y[i] = 1 - v/max(y[i], likelihoodFloor)
		}
	case Frobenius:
		for i, v := range x {
			y[i] -= v
		}
	case ItakuraSaito:
		for i, v := range x {
			m := max(y[i], likelihoodFloor)
			y[i] = (m - v) / (m * m)
		}
	}
}

// likelihoodFloor is the least model value in the gradient of a likelihood.
// It is above floor because a gradient of -x/y at y = 1e-9 would throw the
// optimiser about; -100 dB below the mean is beneath any recording's noise.
const likelihoodFloor = 1e-5

// squaredError returns the sum of (x-y)^2.
func squaredError(x, y []float32) float64 {
	return 2 * Frobenius.Value(x, y)
}

// gaussianNats is the normalising term of a Gaussian likelihood for n values
// of variance s2.
func gaussianNats(n int, s2 float64) float64 {
	return float64(n) / 2 * math.Log(2*math.Pi*s2)
}
