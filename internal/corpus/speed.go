package corpus

import (
	"math"

	"sotto/internal/sinc"
)

// Speed changes read a clip at fractional positions through a table of windowed sinc kernels, one per fraction. The nearest of 256
// fractions is at most 1/512 sample away: an error below -50 dB up to 7 kHz.
const (
	kernelTaps   = 16
	kernelPhases = 256
	// kernelBefore is the number of taps that lie before the position.
	kernelBefore = kernelTaps/2 - 1
	// kaiserBeta gives side lobes near -60 dB (Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974).
	kaiserBeta = 5.6
	// speedStep is the distance of the speeds that have a kernel of their own: faster playback needs a lower cut-off.
	speedStep = 0.05
	minSpeed  = 0.5
	maxSpeed  = 2.0
)

type kernel [kernelPhases][kernelTaps]float32

// speeder holds the kernels for cut-offs 1, 1/1.05, 1/1.10, ...
type speeder struct{ kernels []kernel }

// newSpeeder builds the kernels for speeds up to top.
func newSpeeder(top float64) *speeder {
	n := 1 + int(math.Ceil(max(top-1, 0)/speedStep-1e-9))
	s := &speeder{kernels: make([]kernel, n)}
	for i := range s.kernels {
		s.kernels[i].design(1 / (1 + speedStep*float64(i)))
	}
	return s
}

// design fills the table for a cut-off given as a fraction of the Nyquist frequency.
func (k *kernel) design(cutoff float64) {
	for phase := range k {
		var sum float64
		var taps [kernelTaps]float64
		for t := range taps {
			x := float64(t-kernelBefore) - float64(phase)/kernelPhases
			taps[t] = sinc.Sinc(cutoff*x) * sinc.Kaiser(2*x/kernelTaps, kaiserBeta)
			sum += taps[t]
		}
		for t := range taps {
			k[phase][t] = float32(taps[t] / sum)
		}
	}
}

// needed is how many samples of a clip n output samples take at a speed, the kernel's reach included.
func needed(n int, speed float64) int { return int(float64(n)*speed) + kernelTaps + 1 }

// render adds gain times src, played from position from at the given speed, to dst and returns how many samples it wrote: fewer
// than len(dst) where src ends. scratch holds at least needed(len(dst), speed) samples.
func (s *speeder) render(dst []float32, src []int16, from int, speed float64, gain float32, scratch []float32) int {
	if speed == 1 {
		n := min(len(dst), max(len(src)-from, 0))
		in, out := src[from:from+n], dst[:n]
		for i, v := range in {
			out[i] += gain * float32(v)
		}
		return n
	}
	first := max(from-kernelBefore, 0)
	in := src[first:min(len(src), first+needed(len(dst), speed))]
	if len(in) <= kernelTaps {
		return 0
	}
	x := scratch[:len(in)]
	for i, v := range in {
		x[i] = gain * float32(v)
	}
	index := max(int(math.Ceil((speed-1)/speedStep-1e-9)), 0)
	return interpolate(dst, x, &s.kernels[min(index, len(s.kernels)-1)], speed)
}

// interpolate adds x at positions 0, speed, 2 speed, ... (counted from x[kernelBefore]) to dst as far as the kernel stays inside x.
func interpolate(dst, x []float32, k *kernel, speed float64) int {
	const one = 1 << 32
	step, last := uint64(speed*one), len(x)-kernelTaps
	pos := uint64(one / kernelPhases / 2) // Half a phase ahead, so that cutting off the rest rounds.
	for i := range dst {
		at := int(pos >> 32)
		if at > last {
			return i
		}
		h := &k[uint8(pos>>24)]
		v := (*[kernelTaps]float32)(x[at:])
		a := h[0]*v[0] + h[1]*v[1] + h[2]*v[2] + h[3]*v[3]
		b := h[4]*v[4] + h[5]*v[5] + h[6]*v[6] + h[7]*v[7]
		c := h[8]*v[8] + h[9]*v[9] + h[10]*v[10] + h[11]*v[11]
		d := h[12]*v[12] + h[13]*v[13] + h[14]*v[14] + h[15]*v[15]
		dst[i] += (a + b) + (c + d)
		pos += step
	}
	return len(dst)
}
