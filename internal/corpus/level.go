package corpus

import "math"

// levelFrame is the length in samples (20 ms) of the frames that levels are measured over.
const levelFrame = SampleRate / 50

// activeMargin separates speech from pauses: a frame is active when it is at most 15.9 dB below the active level, the margin of
// ITU-T P.56.
const activeMargin = 0.0257 // 10^(-15.9/10)

// framePowers appends the mean power of every 20 ms frame of x to dst[:0]. A last incomplete frame is left out.
func framePowers(dst []float32, x []float32) []float32 {
	dst = dst[:0]
	for ; len(x) >= levelFrame; x = x[levelFrame:] {
		dst = append(dst, power(x[:levelFrame]))
	}
	return dst
}

// power is the mean square of x, 0 for an empty x.
func power(x []float32) float32 {
	if len(x) == 0 {
		return 0
	}
	var a, b, c, d float32
	y := x
	for len(y) >= 4 {
		a += y[0] * y[0]
		b += y[1] * y[1]
		c += y[2] * y[2]
		d += y[3] * y[3]
		y = y[4:]
	}
	for _, v := range y {
		a += v * v
	}
	return (a + b + c + d) / float32(len(x))
}

// activePower is the mean power over the active frames, given the powers of all: the fixed point of raising the threshold to
// activeMargin below the mean of the frames above it.
func activePower(frames []float32) float32 {
	var threshold, level float32
	for range 8 {
		var sum float32
		var n int
		for _, p := range frames {
			if p > threshold {
				sum += p
				n++
			}
		}
		if n == 0 {
			return level
		}
		next := sum / float32(n)
		if next == level {
			break
		}
		level, threshold = next, next*activeMargin
	}
	return level
}

// decibels converts a power to dB; no power is -Inf.
func decibels(p float64) float64 { return 10 * math.Log10(p) }

// amplitude converts dB to a factor.
func amplitude(db float64) float32 { return float32(math.Pow(10, db/20)) }

// largest is the largest absolute value in x. Bit patterns of positive floats are in the order of the floats, and comparing them
// spares a branch on the sign of every sample.
func largest(x []float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	return math.Float32frombits(top)
}
