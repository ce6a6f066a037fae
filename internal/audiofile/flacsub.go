package audiofile

import "errors"

// subframe decodes one channel of a frame into x, samples of depth bits (RFC 9639, section 9.2).
func (f *flacFrame) subframe(x []int64, depth uint) error {
	b := f.b
	if b.read(1) != 0 {
		return errFlacReserved
	}
	kind := int(b.read(6))
	wasted := uint(0)
	if b.read(1) != 0 {
		if w := b.unary() + 1; w < uint64(depth) {
			wasted = uint(w)
		} else {
			return errors.New("more wasted bits than a sample has")
		}
	}
	depth -= wasted
	if err := f.predicted(x, kind, depth); err != nil {
		return err
	}
	if wasted > 0 {
		for i := range x {
			x[i] <<= wasted
		}
	}
	return nil
}

// predicted decodes the body of a subframe of the given kind (RFC 9639, table 19).
func (f *flacFrame) predicted(x []int64, kind int, depth uint) error {
	b := f.b
	switch {
	case kind == 0:
		v := b.signed(depth)
		for i := range x {
			x[i] = v
		}
	case kind == 1:
		for i := range x {
			x[i] = b.signed(depth)
		}
	case kind >= 8 && kind <= 12:
		return f.fixed(x, kind-8, depth)
	case kind >= 32:
		return f.linear(x, kind-31, depth)
	default:
		return errFlacReserved
	}
	return nil
}

// warmUp reads the first samples, which stand for themselves.
func (f *flacFrame) warmUp(x []int64, order int, depth uint) error {
	if order > len(x) {
		return errors.New("a predictor longer than its block")
	}
	for i := range x[:order] {
		x[i] = f.b.signed(depth)
	}
	return nil
}

// fixed decodes a subframe predicted by a polynomial of order 0 to 4.
func (f *flacFrame) fixed(x []int64, order int, depth uint) error {
	if err := f.warmUp(x, order, depth); err != nil {
		return err
	}
	if err := f.residual(x, order); err != nil {
		return err
	}
	switch order {
	case 1:
		for i := 1; i < len(x); i++ {
			x[i] += x[i-1]
		}
	case 2:
		for i := 2; i < len(x); i++ {
			x[i] += 2*x[i-1] - x[i-2]
		}
	case 3:
		for i := 3; i < len(x); i++ {
			x[i] += 3*(x[i-1]-x[i-2]) + x[i-3]
		}
	case 4:
		for i := 4; i < len(x); i++ {
			x[i] += 4*(x[i-1]+x[i-3]) - 6*x[i-2] - x[i-4]
		}
	}
	return nil
}

// linear decodes a subframe predicted by stored coefficients, order 1 to 32.
func (f *flacFrame) linear(x []int64, order int, depth uint) error {
	if err := f.warmUp(x, order, depth); err != nil {
		return err
	}
	b := f.b
	precision := uint(b.read(4)) + 1
	shift := b.signed(5)
	if precision == 16 || shift < 0 {
		return errFlacReserved
	}
	var coefs [32]int64 // The last one belongs to the newest sample; zeros before the first are harmless.
	for i := range order {
		coefs[31-i] = b.signed(precision)
	}
	if err := f.residual(x, order); err != nil {
		return err
	}
	predict(x, &coefs, order, uint(shift))
	return nil
}

// predict adds to each sample behind the first order its prediction from those before it. Orders are rounded up to a
// multiple of four where the samples for it exist: encoders use 8 and 12, and a loop of fixed length is twice as fast.
func predict(x []int64, coefs *[32]int64, order int, shift uint) {
	begin := min((order+3)&^3, len(x))
	predictAny(x[:begin], coefs[32-order:], shift)
	switch begin {
	case 4:
		c := (*[4]int64)(coefs[28:])
		for i := 4; i < len(x); i++ {
			p := (*[4]int64)(x[i-4:])
			x[i] += (c[0]*p[0] + c[1]*p[1] + c[2]*p[2] + c[3]*p[3]) >> shift
		}
	case 8:
		c := (*[8]int64)(coefs[24:])
		for i := 8; i < len(x); i++ {
			p := (*[8]int64)(x[i-8:])
			x[i] += (c[0]*p[0] + c[1]*p[1] + c[2]*p[2] + c[3]*p[3] + c[4]*p[4] + c[5]*p[5] + c[6]*p[6] + c[7]*p[7]) >> shift
		}
	case 12:
		c := (*[12]int64)(coefs[20:])
		for i := 12; i < len(x); i++ {
			p := (*[12]int64)(x[i-12:])
			x[i] += (c[0]*p[0] + c[1]*p[1] + c[2]*p[2] + c[3]*p[3] + c[4]*p[4] + c[5]*p[5] + c[6]*p[6] + c[7]*p[7] +
				c[8]*p[8] + c[9]*p[9] + c[10]*p[10] + c[11]*p[11]) >> shift
		}
	default:
		predictAny(x[begin-order:], coefs[32-order:], shift)
	}
}

// predictAny is predict for any number of coefficients.
func predictAny(x, coefs []int64, shift uint) {
	for i := len(coefs); i < len(x); i++ {
		past := x[i-len(coefs) : i]
		var s int64
		for k, c := range coefs {
			s += c * past[k]
		}
		x[i] += s >> shift
	}
}

// residual reads the differences from the prediction into x[order:] (RFC 9639, section 9.2.7).
func (f *flacFrame) residual(x []int64, order int) error {
	b := f.b
	method := b.read(2)
	if method > 1 {
		return errFlacReserved
	}
	width := uint(4 + method) // of the Rice parameter; all ones is the escape to plain numbers.
	parts := 1 << b.read(4)
	size := len(x) / parts
	if size*parts != len(x) || size < order {
		return errors.New("partitions that do not fit their block")
	}
	for p := range parts {
		part := x[p*size : (p+1)*size]
		if p == 0 {
			part = part[order:]
		}
		k := uint(b.read(width))
		if k == 1<<width-1 {
			plain := uint(b.read(5))
			for i := range part {
				part[i] = b.signed(plain)
			}
		} else {
			b.rice(part, k)
		}
		if b.err != nil {
			return b.err
		}
	}
	return nil
}
