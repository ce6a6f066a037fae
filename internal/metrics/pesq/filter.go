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
// form or width changes scores by up to 0.15. What has faded far below hearing is taken for zero: after speech the state
// would otherwise circle among denormal numbers for ever, at 15 times the cost of others.
func (s section) run(x []float32) {
	const inaudible = 1e-30 // on the 16-bit scale
	var w1, w2 float32
	for i, v := range x {
		w := float32(float32(v-float32(s.a1*w1)) - float32(s.a2*w2))
		if w < inaudible && w > -inaudible {
			w = 0
		}
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

// amplitudes returns the factor of each spectral line of a transform of n samples at rate Hz.
func (c *curve) amplitudes(n, rate int) []float64 {
	if len(c.gains) == n/2+1 {
		return c.gains
	}
	c.gains = grow(c.gains, n/2+1)
	at1k := c.dB(1000, c.segment(1000, 1))
	segment := 1
	for i := range c.gains {
		f := float64(i) * float64(rate) / float64(n)
		segment = c.segment(f, segment)
		c.gains[i] = math.Exp((c.dB(f, segment)-at1k)*(math.Ln10/20)) / float64(n)
	}
	return c.gains
}

// segment returns the number, from 1 and not below from, of the line on which f Hz lies; beyond the last point that is the last.
func (c *curve) segment(f float64, from int) int {
	for from < len(c.points)-1 && f > c.points[from][0] {
		from++
	}
	return from
}

// dB returns the gain at f Hz on the line of the given number.
func (c *curve) dB(f float64, segment int) float64 {
	a, b := c.points[segment-1], c.points[segment]
	return a[1] + (b[1]-a[1])*(f-a[0])/(b[0]-a[0])
}

// filter applies the gain of c to x and y, each in one transform over its whole length: zero phase, and circular where the
// signal nearly fills the transform.
func (m *Meter) filter(c *curve, x, y []float64) {
	n := pow2(len(x))
	if n != pow2(len(y)) {
		m.filter(c, x, x)
		m.filter(c, y, y)
		return
	}
	m.scratch = zeros(m.scratch, n)
	z := m.scratch
	for i, v := range x {
		z[i] = complex(v, 0)
	}
	for i, v := range y {
		z[i] = complex(real(z[i]), v)
	}
	forward(z)
	for k, g := range c.amplitudes(n, m.grid.rate) {
		z[k] *= complex(g, 0)
		if k > 0 && k < n/2 {
			z[n-k] *= complex(g, 0)
		}
	}
	inverse(z)
	for i := range x {
		x[i] = real(z[i])
	}
	for i := range y {
		y[i] = imag(z[i])
	}
}
