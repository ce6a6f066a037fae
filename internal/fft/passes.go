package fft

import "math"

// four is a pass of radix 4 from x to y.
func (p *pass) four(y, x parts) {
	if p.wideFour(y, x) {
		return
	}
	size := p.count * p.stride
	for i := range p.count {
		w1r, w1i := p.twiddle[0].re[i], p.twiddle[0].im[i]
		w2r, w2i := p.twiddle[1].re[i], p.twiddle[1].im[i]
		w3r, w3i := p.twiddle[2].re[i], p.twiddle[2].im[i]
		for q := range p.stride {
			a, b := i*p.stride+q, 4*i*p.stride+q
			ar, ai := x.re[a], x.im[a]
			br, bi := x.re[a+size], x.im[a+size]
			cr, ci := x.re[a+2*size], x.im[a+2*size]
			dr, di := x.re[a+3*size], x.im[a+3*size]
			sr, si, tr, ti := ar+cr, ai+ci, ar-cr, ai-ci
			ur, ui, vr, vi := br+dr, bi+di, br-dr, bi-di
			y.re[b], y.im[b] = sr+ur, si+ui
			y.re[b+p.stride], y.im[b+p.stride] = times(tr+vi, ti-vr, w1r, w1i)
			y.re[b+2*p.stride], y.im[b+2*p.stride] = times(sr-ur, si-ui, w2r, w2i)
			y.re[b+3*p.stride], y.im[b+3*p.stride] = times(tr-vi, ti+vr, w3r, w3i)
		}
	}
}

// three is a pass of radix 3 from x to y.
func (p *pass) three(y, x parts) {
	if p.wideThree(y, x) {
		return
	}
	const half = 1.0 / 2 // -cos(2 pi/3)
	sin := math.Sqrt(3) / 2
	size := p.count * p.stride
	for i := range p.count {
		w1r, w1i := p.twiddle[0].re[i], p.twiddle[0].im[i]
		w2r, w2i := p.twiddle[1].re[i], p.twiddle[1].im[i]
		for q := range p.stride {
			a, b := i*p.stride+q, 3*i*p.stride+q
			ar, ai := x.re[a], x.im[a]
			br, bi := x.re[a+size], x.im[a+size]
			cr, ci := x.re[a+2*size], x.im[a+2*size]
			sr, si, dr, di := br+cr, bi+ci, float64(sin*(br-cr)), float64(sin*(bi-ci))
			tr, ti := ar-float64(half*sr), ai-float64(half*si)
			y.re[b], y.im[b] = ar+sr, ai+si
			y.re[b+p.stride], y.im[b+p.stride] = times(tr+di, ti-dr, w1r, w1i)
			y.re[b+2*p.stride], y.im[b+2*p.stride] = times(tr-di, ti+dr, w2r, w2i)
		}
	}
}

// two is a pass of radix 2 from x to y.
func (p *pass) two(y, x parts) {
	if p.wideTwo(y, x) {
		return
	}
	size := p.count * p.stride
	for i := range p.count {
		wr, wi := p.twiddle[0].re[i], p.twiddle[0].im[i]
		for q := range p.stride {
			a, b := i*p.stride+q, 2*i*p.stride+q
			ar, ai := x.re[a], x.im[a]
			br, bi := x.re[a+size], x.im[a+size]
			y.re[b], y.im[b] = ar+br, ai+bi
			y.re[b+p.stride], y.im[b+p.stride] = times(ar-br, ai-bi, wr, wi)
		}
	}
}

// times returns the product of a and b. The conversions, here and in three, keep
// compilers from fusing products and sums where the processor could: every build
// gives the same bits.
func times(ar, ai, br, bi float64) (re, im float64) {
	return float64(ar*br) - float64(ai*bi), float64(ar*bi) + float64(ai*br)
}
