package fastmath

// ExpTo sets dst[i] = Exp(src[i]) and returns dst[:len(src)]. The slices may
// be the same; a dst shorter than src panics. So for the functions below. A
// result may differ from that of the function for one number in its last bits.
func ExpTo(dst, src []float32) []float32 {
	dst = dst[:len(src)]
	for i := wideExp(dst, src); i < len(src); i++ {
		dst[i] = Exp(src[i])
	}
	return dst
}

// LogTo sets dst[i] = Log(src[i]) and returns dst[:len(src)].
func LogTo(dst, src []float32) []float32 {
	dst = dst[:len(src)]
	for i := wideLog(dst, src); i < len(src); i++ {
		dst[i] = Log(src[i])
	}
	return dst
}

// SigmoidTo sets dst[i] = Sigmoid(src[i]) and returns dst[:len(src)].
func SigmoidTo(dst, src []float32) []float32 {
	dst = dst[:len(src)]
	for i := wideSigmoid(dst, src); i < len(src); i++ {
		dst[i] = Sigmoid(src[i])
	}
	return dst
}

// TanhTo sets dst[i] = Tanh(src[i]) and returns dst[:len(src)].
func TanhTo(dst, src []float32) []float32 {
	dst = dst[:len(src)]
	for i := wideTanh(dst, src); i < len(src); i++ {
		dst[i] = Tanh(src[i])
	}
	return dst
}

// SoftplusTo sets dst[i] = Softplus(src[i]) and returns dst[:len(src)].
func SoftplusTo(dst, src []float32) []float32 {
	dst = dst[:len(src)]
	for i := wideSoftplus(dst, src); i < len(src); i++ {
		dst[i] = Softplus(src[i])
	}
	return dst
}

// AddTo adds src[i] to dst[i] and returns dst[:len(src)].
func AddTo(dst, src []float32) []float32 {
	dst = dst[:len(src)]
	for i := wideAdd(dst, src); i < len(src); i++ {
		dst[i] += src[i]
	}
	return dst
}

// MulAddTo adds x[i] y[i] to dst[i] and returns dst[:len(x)].
func MulAddTo(dst, x, y []float32) []float32 {
	dst, y = dst[:len(x)], y[:len(x)]
	for i := wideMulAdd(dst, x, y); i < len(x); i++ {
		dst[i] += x[i] * y[i]
	}
	return dst
}

// BlendTo moves dst[i] to x[i] but for the share keep[i] of the way, and to 0 where it
// is then NaN or its size not larger than least; it returns dst[:len(x)].
func BlendTo(dst, keep, x []float32, least float32) []float32 {
	dst, keep = dst[:len(x)], keep[:len(x)]
	for i := wideBlend(dst, keep, x, least); i < len(x); i++ {
		v := x[i] + keep[i]*(dst[i]-x[i])
		if !(v > least || v < -least) {
			v = 0
		}
		dst[i] = v
	}
	return dst
}

// PowTo sets dst[i] = src[i]^p for src[i] >= 0 and returns dst[:len(src)];
// arguments below the smallest normal float32 count as that.
func PowTo(dst, src []float32, p float32) []float32 {
	dst = LogTo(dst, src)
	for i := range dst {
		dst[i] *= p
	}
	return ExpTo(dst, dst)
}
