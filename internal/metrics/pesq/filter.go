package pesq

import "math"

// section is a recursive filter of second order with a0 = 1.
type section struct{ b0, b1, b2, a1, a2 float32 }

// run filters x in place from zero state in direct form II:
//
//	w[n] = x[n] - a1 w[n-1] - a2 w[n-2]
//	y[n] = b0 w[n] + b1 w[n-1] + b2 w[n-2]
//
// Every product and sum is rounded to 32 bits, which the explicit conversions guarantee (they forbid fusing): with a large
// constant in the signal the rounding noise of this very form is loud enough for the wide-band model to hear, so another
// form or width changes scores by up to 0.15.
func (s section) run(x []float32) {
	var w1, w2 float32
	for i, v := range x {
		w := float32(float32(v-float32(s.a1*w1)) - float32(s.a2*w2))
		x[i] = float32(float32(float32(s.b0*w)+float32(s.b1*w1)) + float32(s.b2*w2))
		w2, w1 = w1, w
	}
}

// curve is a gain over frequency: points of Hz and dB, joined by lines that are straight in dB over Hz, relative to the
// gain at 1 kHz. It remembers the amplitude factors of the transform length used last.
type curve struct {
	points [][2]float64
	gains  []float64 // of lines 0..len-1, including the 1/n of the inverse transform
}

// dB returns the gain at f Hz. Beyond the ends the outermost lines go on.
func (c *curve) dB(f float64) float64 {
	i := 1
	for i < len(c.points)-1 && f > c.points[i][0] {
		i++
	}
	a, b := c.points[i-1], c.points[i]
	return a[1] + (b[1]-a[1])*(f-a[0])/(b[0]-a[0])
}

// amplitudes returns the factor of each spectral line of a transform of n samples at rate Hz.
func (c *curve) amplitudes(n, rate int) []float64 {
	if len(c.gains) == n/2+1 {
		return c.gains
	}
	c.gains = grow(c.gains, n/2+1)
	at1k := c.dB(1000)
	for i := range c.gains {
		f := float64(i) * float64(rate) / float64(n)
		c.gains[i] = math.Pow(10, (c.dB(f)-at1k)/20) / float64(n)
	}
	return c.gains
}

// filter returns x with the gain of c applied in one transform over its whole length: zero phase, and circular where x
// nearly fills the transform. The result is valid until the next transform.
func (m *Meter) filter(c *curve, x []float64) []float64 {
	n := pow2(len(x))
	plan := m.plan(n)
	m.scratch = grow(m.scratch, n)
	copy(m.scratch, x)
	m.spectrum = grow(m.spectrum, n/2+1)
	plan.Coefficients(m.spectrum, m.scratch)
	for i, g := range c.amplitudes(n, m.grid.rate) {
		m.spectrum[i] *= complex(g, 0)
	}
	return plan.Sequence(m.scratch, m.spectrum)[:len(x)]
}
