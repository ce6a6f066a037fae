package corpus

import "math"

// biquad holds the coefficients of one second-order section, normalised so that a0 = 1.
type biquad struct{ b0, b1, b2, a1, a2 float32 }

// The designs below are those of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter coefficients".

// lowShelf raises everything below about f Hz by gain dB, with the steepest slope that has no bump (S = 1).
func lowShelf(f, gain float64) biquad { return shelf(f, gain, 1) }

// highShelf raises everything above about f Hz by gain dB.
func highShelf(f, gain float64) biquad { return shelf(f, gain, -1) }

// shelf is a low shelf for sign = 1 and its mirror image in frequency for sign = -1.
func shelf(f, gain, sign float64) biquad {
	a := math.Pow(10, gain/40)
	sin, cos := math.Sincos(2 * math.Pi * f / SampleRate)
	c := sign * cos
	k := 2 * math.Sqrt(a) * sin / 2 * math.Sqrt2
	return normalised(
		a*((a+1)-(a-1)*c+k), sign*2*a*((a-1)-(a+1)*c), a*((a+1)-(a-1)*c-k),
		(a+1)+(a-1)*c+k, -sign*2*((a-1)+(a+1)*c), (a+1)+(a-1)*c-k)
}

// peak raises the surroundings of f Hz by gain dB with quality q.
func peak(f, gain, q float64) biquad {
	a := math.Pow(10, gain/40)
	sin, cos := math.Sincos(2 * math.Pi * f / SampleRate)
	alpha := sin / (2 * q)
	return normalised(1+alpha*a, -2*cos, 1-alpha*a, 1+alpha/a, -2*cos, 1-alpha/a)
}

// lowPass passes what lies below f Hz; q = 1/sqrt(2) is a Butterworth filter of order two.
func lowPass(f, q float64) biquad {
	sin, cos := math.Sincos(2 * math.Pi * f / SampleRate)
	alpha := sin / (2 * q)
	return normalised((1-cos)/2, 1-cos, (1-cos)/2, 1+alpha, -2*cos, 1-alpha)
}

// highPass passes what lies above f Hz.
func highPass(f, q float64) biquad {
	sin, cos := math.Sincos(2 * math.Pi * f / SampleRate)
	alpha := sin / (2 * q)
	return normalised((1+cos)/2, -1-cos, (1+cos)/2, 1+alpha, -2*cos, 1-alpha)
}

func normalised(b0, b1, b2, a0, a1, a2 float64) biquad {
	return biquad{float32(b0 / a0), float32(b1 / a0), float32(b2 / a0), float32(a1 / a0), float32(a2 / a0)}
}

// butterworth8 returns the sections of an eighth-order Butterworth filter made of the given design: q_k = 1/(2 cos((2k+1) pi/16)).
func butterworth8(design func(f, q float64) biquad, f float64) (s [4]biquad) {
	for k := range s {
		s[k] = design(f, 1/(2*math.Cos(float64(2*k+1)*math.Pi/16)))
	}
	return s
}

// butterworth6 is the same of order six.
func butterworth6(design func(f, q float64) biquad, f float64) (s [3]biquad) {
	for k := range s {
		s[k] = design(f, 1/(2*math.Cos(float64(2*k+1)*math.Pi/12)))
	}
	return s
}

// noDenormal is added to the input of recursive filters: without it their state decays through denormal numbers in every pause,
// where each operation costs a hundred times as much. It lies 360 dB below full scale.
const noDenormal = 1e-18

// filter3 runs x through three sections in place, in one pass (transposed direct form II).
func filter3(x []float32, s [3]biquad) {
	p, q, r := s[0], s[1], s[2]
	var p1, p2, q1, q2, r1, r2 float32
	for i, v := range x {
		v += noDenormal
		y := p.b0*v + p1
		p1 = p.b1*v - p.a1*y + p2
		p2 = p.b2*v - p.a2*y
		z := q.b0*y + q1
		q1 = q.b1*y - q.a1*z + q2
		q2 = q.b2*y - q.a2*z
		w := r.b0*z + r1
		r1 = r.b1*z - r.a1*w + r2
		r2 = r.b2*z - r.a2*w
		x[i] = w
	}
}

// filter4 runs x through four sections in place.
func filter4(x []float32, s [4]biquad) {
	filter3(x, [3]biquad{s[0], s[1], s[2]})
	p := s[3]
	var p1, p2 float32
	for i, v := range x {
		v += noDenormal
		y := p.b0*v + p1
		p1 = p.b1*v - p.a1*y + p2
		p2 = p.b2*v - p.a2*y
		x[i] = y
	}
}
