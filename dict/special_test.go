package dict

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mathext"

	"sotto/internal/testsig"
)

func TestTrigamma(t *testing.T) {
	// Abramowitz and Stegun 6.4: psi'(1) = pi^2/6, psi'(1/2) = pi^2/2, and the
	// recurrence psi'(x+1) = psi'(x) - 1/x^2.
	testsig.NearAt(t, "psi'(1)", trigamma(1), math.Pi*math.Pi/6, 1e-12)
	testsig.NearAt(t, "psi'(1/2)", trigamma(0.5), math.Pi*math.Pi/2, 1e-12)
	testsig.NearAt(t, "psi'(3)", trigamma(3), math.Pi*math.Pi/6-1.25, 1e-12)
	for x := 0.01; x < 1000; x *= 1.3 {
		// The oracle is the Hurwitz zeta function, psi'(x) = zeta(2, x).
		want := mathext.Zeta(2, x)
		testsig.NearAt(t, "psi'/zeta", trigamma(x)/want, 1, 1e-11)
	}
}

func TestDigamma(t *testing.T) {
	const euler = 0.57721566490153286 // Abramowitz and Stegun 6.3.2, 6.3.3.
	testsig.NearAt(t, "psi(1)", mathext.Digamma(1), -euler, 1e-9)
	testsig.NearAt(t, "psi(1/2)", mathext.Digamma(0.5), -euler-2*math.Ln2, 1e-9)
	for x := 0.05; x < 500; x *= 1.7 {
		e := 1e-4 * x
		slope := (mathext.Digamma(x+e) - mathext.Digamma(x-e)) / (2 * e)
		testsig.NearAt(t, "psi' from psi", slope/trigamma(x), 1, 1e-6)
	}
}

// TestTrigammaFused checks the form that drawLatent uses, four terms of the
// recurrence and then the series, at every shape the posterior may have.
func TestTrigammaFused(t *testing.T) {
	for a := minShape; a <= maxShape; a *= 1.1 {
		sum := trigammaTail(a + augment)
		for i := range augment {
			sum += 1 / ((a + float64(i)) * (a + float64(i)))
		}
		testsig.NearAt(t, "fused psi'", sum/trigamma(a), 1, 1e-7)
	}
}

func TestGammaKL(t *testing.T) {
	for _, c := range []struct{ a, b, a0, b0, want float64 }{ // ALGORITHMS 1.6.
		{0.3, 2, 1, 1, 1.8991161413},
		{2.5, 0.7, 0.5, 1, 2.5870864532},
		{8, 3, 1, 0.2, 0.8257125191},
		{1.7, 0.4, 1.7, 0.4, 0},
	} {
		testsig.NearAt(t, "KL", gammaKL(c.a, c.b, c.a0, c.b0), c.want, 1e-9)
		const e = 1e-5
		da, db := gammaKLGrad(c.a, c.b, c.a0, c.b0, trigamma(c.a))
		testsig.NearAt(t, "dKL/da", da, (gammaKL(c.a+e, c.b, c.a0, c.b0)-gammaKL(c.a-e, c.b, c.a0, c.b0))/(2*e), 1e-7)
		testsig.NearAt(t, "dKL/db", db, (gammaKL(c.a, c.b+e, c.a0, c.b0)-gammaKL(c.a, c.b-e, c.a0, c.b0))/(2*e), 1e-7)
	}
}

func TestMarsagliaDerivative(t *testing.T) {
	for _, shape := range []float64{1, 1.5, 4.1, 20, 300} {
		for _, eps := range []float64{-1.4, -0.3, 0, 0.8, 2.5} {
			const e = 1e-6
			hi, _ := marsaglia(eps, shape+e)
			lo, _ := marsaglia(eps, shape-e)
			h, dlog := marsaglia(eps, shape)
			testsig.NearAt(t, "dh/dA", h*dlog, (hi-lo)/(2*e), 1e-6)
			// The same derivative as RSVI writes it (ALGORITHMS 1.3).
			c := 1 / math.Sqrt(9*shape-3)
			v := 1 + c*eps
			testsig.NearAt(t, "RSVI form", h*dlog, v*v*v-13.5*eps*(shape-1.0/3)*v*v*c*c*c, 1e-9)
		}
	}
}

// implicit returns dz/da of a Gamma(a, 1) variate by implicit
// reparameterisation (ALGORITHMS 1.5): -(dP/da)/q with the series for the
// regularised incomplete gamma function P.
func implicit(a, z float64) float64 {
	lnG1, _ := math.Lgamma(a + 1)
	lnG, _ := math.Lgamma(a)
	psi := mathext.Digamma(a + 1)
	term, s, d := 1.0, 1.0, psi
	for n := 1.0; term > 1e-17*s; n++ {
		term *= z / (a + n)
		psi += 1 / (a + n)
		s += term
		d += term * psi
	}
	pre := math.Exp(a*math.Log(z) - z - lnG1)
	q := math.Exp((a-1)*math.Log(z) - z - lnG)
	return -(pre*s*math.Log(z) - pre*d) / q
}

func TestImplicitVectors(t *testing.T) {
	for _, c := range []struct{ a, z, want float64 }{ // ALGORITHMS 1.5.
		{0.3, 0.01, 0.149206954},
		{0.3, 0.5, 1.99208484},
		{1, 1, 1.17356303},
		{2.5, 4, 1.33960820},
		{10, 8, 0.907547718},
		{50, 60, 1.09757958},
	} {
		testsig.NearAt(t, "implicit dz/da", implicit(c.a, c.z)/c.want, 1, 1e-8)
	}
	testsig.NearAt(t, "small z", implicit(0.5, 1e-6), 1e-6*(mathext.Digamma(1.5)-math.Log(1e-6))/0.5, 1e-10)
}

// correction is the factor g of the term that the trainer drops
// (ALGORITHMS 1.4), d/dA of ln q(h; A) - ln r(h; A).
func correction(eps, shape float64) float64 {
	h, dlog := marsaglia(eps, shape)
	b := shape - 1.0/3
	c := 1 / math.Sqrt(9*b)
	lnQ := math.Log(h) + (shape-1)*dlog - h*dlog - mathext.Digamma(shape)
	return lnQ - (-1/(2*b) + 9*eps*c*c*c/(1+c*eps))
}

// acceptedMean integrates fn over the law of an accepted eps, which is that of
// the eps for which h is Gamma(shape, 1).
func acceptedMean(shape float64, fn func(eps float64) float64) float64 {
	b := shape - 1.0/3
	c := 1 / math.Sqrt(9*b)
	lnG, _ := math.Lgamma(shape)
	lo := -1/c + 1e-9
	const n = 20000
	step := (14 - max(lo, -14)) / n
	var sum float64
	for i := range n {
		eps := max(lo, -14) + (float64(i)+0.5)*step
		v := 1 + c*eps
		h := b * v * v * v
		// pi(eps) = q(h; A) dh/deps.
		sum += math.Exp((shape-1)*math.Log(h)-h-lnG) * 3 * b * v * v * c * fn(eps) * step
	}
	return sum
}

// pathwise returns the mean pathwise gradient of E[z^2] for Gamma(a, 1) with
// extra uniform draws, and the term that the correction adds. The expectations
// over the uniforms are exact: E[u^(2/s)] = s/(s+2), E[-ln(u) u^(2/s)] =
// s^2/(s+2)^2.
func pathwise(a float64, extra int) (gradient, dropped float64) {
	shape := a + float64(extra)
	power, slope := 1.0, 0.0
	for i := range extra {
		s := a + float64(i)
		power *= s / (s + 2)
		slope += 1 / (s * (s + 2)) // E[-ln(u) u^(2/s)]/s^2 over E[u^(2/s)]
	}
	square := func(eps float64) float64 { h, _ := marsaglia(eps, shape); return h * h }
	gradient = 2 * power * (acceptedMean(shape, func(eps float64) float64 {
		_, dlog := marsaglia(eps, shape)
		return square(eps) * dlog
	}) + slope*acceptedMean(shape, square))
	dropped = power * acceptedMean(shape, func(eps float64) float64 { return square(eps) * correction(eps, shape) })
	return gradient, dropped
}

func TestBiasTables(t *testing.T) {
	type row struct {
		a       float64
		extra   int
		percent float64
	}
	var rows []row
	for i, a := range []float64{1, 1.2, 1.5, 2, 3, 5, 10} { // ALGORITHMS 1.4, first table.
		rows = append(rows, row{a, 0, []float64{-2.85, -1.96, -1.28, -0.75, -0.35, -0.13, -0.035}[i]})
	}
	for i, a := range []float64{0.1, 0.3, 0.7, 1} { // The second.
		for j, extra := range []int{1, 2, 4, 8} {
			rows = append(rows, row{a, extra, [][]float64{
				{-0.30, -0.050, -0.008, -0.001},
				{-0.49, -0.10, -0.018, -0.003},
				{-0.48, -0.14, -0.029, -0.005},
				{-0.42, -0.14, -0.033, -0.006},
			}[i][j]})
		}
	}
	for _, r := range rows {
		exact := 2*r.a + 1
		got, dropped := pathwise(r.a, r.extra)
		// The tables print two or three digits: half of the last one.
		tol := 0.006
		if math.Abs(r.percent) < 0.1 {
			tol = 0.0006
		}
		testsig.NearAt(t, "bias in percent", 100*(got/exact-1), r.percent, tol)
		testsig.NearAt(t, "with the correction", (got+dropped)/exact, 1, 1e-6)
	}
}
