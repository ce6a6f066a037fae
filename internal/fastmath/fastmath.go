// Package fastmath holds the few elementary functions that dominate a small
// recurrent network, in float32: [Exp], [Log], [Sigmoid], [Tanh] and
// [Softplus], each for one number and, with the suffix To, for a slice.
//
// The functions of package math work in float64 and cost 5 to 20 ns each; a
// GRU layer of 256 units needs 768 of them per frame, which would be dearer
// than its matrix products. The kernels here are short, free of tables and
// of data-dependent branches, and the ones that matter inline. The forms for
// slices take eight numbers at a time where the program was built with
// GOEXPERIMENT=simd and the processor has AVX2 (docs/adr/0009).
//
// # Accuracy
//
// The relative error against package math is below 1e-6 wherever the
// arguments are not clamped, which Exp does outside [-87, 88]; the tests
// sweep it. Nothing overflows: arguments beyond the range saturate, so finite
// input gives finite output. NaN gives NaN, except in Log.
//
// # Method
//
// Every coefficient is a reciprocal of a factorial (the exponential series)
// or of an odd integer (the series of the inverse hyperbolic tangent), after
// a reduction of the argument that makes a few terms enough. The comment at
// each truncation states the first term left out.
package fastmath

import "math"

const (
	// maxExp is the largest argument Exp does not clamp: e^88 = 1.65e38 is
	// the last round exponent below the largest float32, 3.4e38, whose
	// power of two still fits the exponent field after rounding.
	maxExp = 88
	// minExp keeps 2^k normal: e^-87 = 1.6e-38 is just above the smallest
	// normal float32, 1.18e-38.
	minExp = -87
	// roundBias is 1.5*2^23: adding it to a float32 of magnitude below 2^22
	// leaves the nearest integer in the low bits of the significand.
	roundBias = 12582912
	// expOne moves an integer in the low bits of roundBias+k to 2^k: the
	// bits shifted out hold the bias, and 127<<23 is the exponent of 1.
	expOne = 127 << 23
	// ln2Hi has 15 significant bits, so that k*ln2Hi is exact for every k
	// that occurs (|k| <= 127); ln2Lo is the rest of ln 2.
	ln2Hi = 0.693145751953125
	ln2Lo = math.Ln2 - ln2Hi
	// minNormal is the smallest normal float32, 2^-126.
	minNormal = 0x1p-126
	// sqrtHalfBits are the bits of the float32 nearest to sqrt(1/2).
	sqrtHalfBits = 0x3f3504f3
	// maxTanh is where tanh rounds to 1 in float32: 1-tanh(9.1) = 2.5e-8.
	maxTanh = 9.1
)

// Exp returns e^x. Arguments are clamped to [-87, 88].
func Exp(x float32) float32 {
	if x > maxExp {
		x = maxExp
	} else if x < minExp {
		x = minExp
	}
	t := x*math.Log2E + roundBias
	k := t - roundBias
	r := x - k*ln2Hi - k*ln2Lo
	// |r| <= ln(2)/2; the first term left out, r^7/5040, is below 1.2e-7.
	p := 1 + r*(1+r*(1.0/2+r*(1.0/6+r*(1.0/24+r*(1.0/120+r*(1.0/720))))))
	return p * math.Float32frombits(math.Float32bits(t)<<23+expOne)
}

// Log returns the natural logarithm of x. Arguments below the smallest
// normal float32, zero and negative ones included, give ln(2^-126) = -87.3;
// positive infinity and NaN give 88.7 or a little more.
func Log(x float32) float32 {
	if x < minNormal {
		x = minNormal
	}
	b := math.Float32bits(x)
	// x = 2^k m with m in [sqrt(1/2), sqrt(2)).
	e := int32(b-sqrtHalfBits) >> 23
	m := math.Float32frombits(b - uint32(e)<<23)
	s := (m - 1) / (m + 1)
	q := s * s
	// ln m = 2 atanh s, |s| <= 0.172; the term left out is s^8/9 < 8.4e-8.
	p := 2 * s * (1 + q*(1.0/3+q*(1.0/5+q*(1.0/7))))
	k := float32(e)
	return k*ln2Hi + (p + k*ln2Lo)
}

// Sigmoid returns 1/(1+e^-x).
func Sigmoid(x float32) float32 { return 1 / (1 + Exp(-x)) }

// Tanh returns the hyperbolic tangent of x, accurate near zero as well:
// with E = e^2x - 1 formed without cancellation, tanh x = E/(E+2).
func Tanh(x float32) float32 {
	if x > maxTanh {
		x = maxTanh
	} else if x < -maxTanh {
		x = -maxTanh
	}
	x += x
	t := x*math.Log2E + roundBias
	k := t - roundBias
	r := x - k*ln2Hi - k*ln2Lo
	// The first term left out is r^6/5040 < 3.5e-7 of the result.
	p := r * (1 + r*(1.0/2+r*(1.0/6+r*(1.0/24+r*(1.0/120+r*(1.0/720))))))
	s := math.Float32frombits(math.Float32bits(t)<<23 + expOne)
	e := s*p + (s - 1)
	return e / (e + 2)
}

// Softplus returns ln(1+e^x), accurate in relative terms for negative x too.
func Softplus(x float32) float32 {
	e := Exp(-math.Float32frombits(math.Float32bits(x) &^ (1 << 31)))
	// ln(1+e) = 2 atanh s with 0 < s <= 1/3; the term left out is
	// s^12/13 < 1.5e-7.
	s := e / (2 + e)
	q := s * s
	p := 1 + q*(1.0/3+q*(1.0/5+q*(1.0/7+q*(1.0/9+q*(1.0/11)))))
	if x > 0 {
		return x + 2*s*p
	}
	return 2 * s * p
}
