// Package fft computes the discrete Fourier transform of real frames, the same
// length over and over, without allocating.
//
// A frame of n = 2m real samples is taken as m complex ones; their transform is
// Stockham's, in which every pass reads and writes in order and none permutes
// (Cochran et al., "What is the fast Fourier transform?", 1967; Van Loan,
// Computational Frameworks for the FFT, 1992, 1.7), with passes of radix 4, 3 and
// 2; the spectrum of the real frame follows by symmetry. All is float64
// (docs/adr/0005). Passes and symmetry take four numbers at a time where the
// program was built with GOEXPERIMENT=simd and the processor has AVX2
// (docs/adr/0016). Lengths with other factors go to gonum, which is right for any
// and three to five times slower.
package fft

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Real is the transform of real frames of one length. It must not be used by
// two goroutines at once.
type Real struct {
	n      int
	passes []pass
	// turn holds e^(-2 pi i k/n) for k <= n/4.
	turn       parts
	data, work parts
	other      *fourier.FFT // for lengths that the passes cannot do
	frame      []float64
	spectrum   []complex128
}

// parts are complex numbers by their real and imaginary parts.
type parts struct{ re, im []float64 }

func newParts(n int) parts { return parts{make([]float64, n), make([]float64, n)} }

// unit sets element k to e^(-2 pi i angle).
func (p parts) unit(k int, angle float64) {
	sin, cos := math.Sincos(-2 * math.Pi * angle)
	p.re[k], p.im[k] = cos, sin
}

// pass is one pass over m complex numbers: butterflies of radix points that lie
// m/radix apart, count of them with different factors, each on stride numbers.
type pass struct {
	radix, count, stride int
	// twiddle[j-1] holds e^(-2 pi i j p/(radix count)) for p < count.
	twiddle [3]parts
}

// NewReal returns the transform for frames of n samples; n < 1 panics.
func NewReal(n int) *Real {
	if n < 1 {
		panic(fmt.Sprintf("fft: a frame of %d samples", n))
	}
	t := &Real{n: n}
	if n%2 != 0 || !t.plan(n/2) {
		t.other = fourier.NewFFT(n)
		t.frame, t.spectrum = make([]float64, n), make([]complex128, n/2+1)
		return t
	}
	t.turn = newParts(n/4 + 1)
	for k := range t.turn.re {
		t.turn.unit(k, float64(k)/float64(n))
	}
	t.data, t.work = newParts(n/2), newParts(n/2)
	return t
}

// plan splits m into passes and reports whether 2, 3 and 4 are enough.
func (t *Real) plan(m int) bool {
	for left, stride := m, 1; left > 1; {
		radix := 0
		for _, r := range []int{4, 2, 3} {
			if left%r == 0 {
				radix = r
				break
			}
		}
		if radix == 0 {
			t.passes = nil
			return false
		}
		p := pass{radix: radix, count: left / radix, stride: stride}
		for j := range radix - 1 {
			p.twiddle[j] = newParts(p.count)
			for i := range p.count {
				p.twiddle[j].unit(i, float64((j+1)*i%left)/float64(left))
			}
		}
		t.passes = append(t.passes, p)
		left, stride = left/radix, stride*radix
	}
	return true
}

// Len returns the length of a frame in samples.
func (t *Real) Len() int { return t.n }

// Forward sets spectrum, of n/2+1 values, to sum_i frame[i] e^(-2 pi i k/n) for
// every k from zero to half the sample rate. Slices of other lengths panic.
func (t *Real) Forward(spectrum []complex64, frame []float64) {
	t.check(len(spectrum), len(frame))
	if t.other != nil {
		for k, v := range t.other.Coefficients(t.spectrum, frame) {
			spectrum[k] = complex64(v)
		}
		return
	}
	t.split(frame)
	t.transform(false)
	m, sum, difference := t.n/2, t.data.re[0]+t.data.im[0], t.data.re[0]-t.data.im[0]
	spectrum[0], spectrum[m] = complex(float32(sum), 0), complex(float32(difference), 0)
	t.part()
	im := t.work.im[:m]
	for k, re := range t.work.re[1:m] {
		spectrum[k+1] = complex(float32(re), float32(im[k+1]))
	}
}

// Backward sets frame to the frame that has the spectrum, times n. Imaginary
// parts at zero and, with an even n, at half the sample rate have no effect.
func (t *Real) Backward(frame []float64, spectrum []complex64) {
	t.check(len(spectrum), len(frame))
	if t.other != nil {
		for k, v := range spectrum {
			t.spectrum[k] = complex128(v)
		}
		t.other.Sequence(frame, t.spectrum)
		return
	}
	m := t.n / 2
	re, im := t.work.re[:m], t.work.im[:m]
	for k, v := range spectrum[:m] {
		re[k], im[k] = float64(real(v)), float64(imag(v))
	}
	t.join()
	first, last := float64(real(spectrum[0])), float64(real(spectrum[m]))
	t.data.re[0], t.data.im[0] = first+last, first-last
	t.transform(true)
	t.merge(frame)
}

// split sets data to the complex numbers that the frame is taken as.
func (t *Real) split(frame []float64) {
	if t.wideSplit(frame) {
		return
	}
	for i := range t.data.re {
		t.data.re[i], t.data.im[i] = frame[2*i], frame[2*i+1]
	}
}

// merge is the way back, from data to the frame.
func (t *Real) merge(frame []float64) {
	if t.wideMerge(frame) {
		return
	}
	for i := range t.data.re {
		frame[2*i], frame[2*i+1] = t.data.re[i], t.data.im[i]
	}
}

// part sets work to the spectrum of the real frame, but for its ends, from the
// transform in data.
func (t *Real) part() {
	if t.widePart() {
		return
	}
	z, y := t.data, t.work
	for k, l := 1, t.n/2-1; k <= l; k, l = k+1, l-1 {
		// Even and odd samples' spectra at k: E = (Z_k + Z_l*)/2, O = (Z_k - Z_l*)/2i.
		er, ei := (z.re[k]+z.re[l])/2, (z.im[k]-z.im[l])/2
		or, oi := (z.im[k]+z.im[l])/2, (z.re[l]-z.re[k])/2
		pr, pi := times(or, oi, t.turn.re[k], t.turn.im[k])
		y.re[k], y.im[k] = er+pr, ei+pi
		y.re[l], y.im[l] = er-pr, pi-ei
	}
}

// join is the way back, from work to data, times two.
func (t *Real) join() {
	if t.wideJoin() {
		return
	}
	z, y := t.data, t.work
	for k, l := 1, t.n/2-1; k <= l; k, l = k+1, l-1 {
		er, ei := y.re[k]+y.re[l], y.im[k]-y.im[l]
		pr, pi := y.re[k]-y.re[l], y.im[k]+y.im[l]
		or, oi := times(pr, pi, t.turn.re[k], -t.turn.im[k])
		z.re[k], z.im[k] = er-oi, ei+or
		z.re[l], z.im[l] = er+oi, or-ei
	}
}

func (t *Real) check(bins, samples int) {
	if bins != t.n/2+1 || samples != t.n {
		panic(fmt.Sprintf("fft: %d bins and %d samples: want %d and %d", bins, samples, t.n/2+1, t.n))
	}
}

// transform replaces data by its transform, or by its inverse times m: the
// inverse is the transform with real and imaginary parts exchanged.
func (t *Real) transform(inverse bool) {
	x, y := t.data, t.work
	if inverse {
		x.re, x.im, y.re, y.im = x.im, x.re, y.im, y.re
	}
	for i := range t.passes {
		p := &t.passes[i]
		switch p.radix {
		case 4:
			p.four(y, x)
		case 3:
			p.three(y, x)
		default:
			p.two(y, x)
		}
		x, y = y, x
	}
	if inverse {
		x.re, x.im, y.re, y.im = x.im, x.re, y.im, y.re
	}
	t.data, t.work = x, y
}
