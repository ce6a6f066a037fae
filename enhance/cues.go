package enhance

import (
	"time"
)

// Time constants of the noise floor in seconds: it falls within a syllable and
// rises over a sentence, so that speech passes above it. Part of the feature
// definition.
const (
	floorFall = 0.1
	floorRise = 2
)

// floor follows the least level of every band: what a band holds when nobody
// speaks. A network of a few hundred units cannot remember the level of a
// hundred bands one by one; this does it for them. With the level l of a band
// its floor n moves by
//
//	n += a (l - n),   a = hop/0.1 s where l < n, hop/2 s elsewhere,
//
// over the frames that are not silent; it starts at the first of them. The
// feature is l - n, in nepers.
type floor struct {
	fall, rise float32
	level      []float32
	started    bool
}

func newFloor(bands int, hop time.Duration) *floor {
	return &floor{
		fall:  float32(min(hop.Seconds()/floorFall, 1)),
		rise:  float32(min(hop.Seconds()/floorRise, 1)),
		level: make([]float32, bands),
	}
}

// above sets dst to the levels above the floor, after the floor has followed
// them if the frame sounds.
func (f *floor) above(dst, levels []float32, sounds bool) {
	switch {
	case !sounds:
	case !f.started:
		copy(f.level, levels)
		f.started = true
	default:
		for b, l := range levels {
			rate := f.rise
			if l < f.level[b] {
				rate = f.fall
			}
			f.level[b] += rate * (l - f.level[b])
		}
	}
	if !f.started {
		clear(dst)
		return
	}
	for b, l := range levels {
		dst[b] = l - f.level[b]
	}
}

// advance tells how the phase of the low bins went on from frame to frame: its
// rate is the frequency of the partial that rules a bin, far finer than the
// spacing of the bins, and its steadiness tells partials from noise. With the
// spectrum P of the frame before, the feature of bin k is
//
//	2 Y_k P_k* / (|Y_k|^2 + |P_k|^2 + 1e-12),
//
// of modulus 1 for a steady partial and less where the level jumps.
type advance struct {
	past []complex64
}

func newAdvance(bins int) *advance { return &advance{past: make([]complex64, bins)} }

// compute sets dst to the real parts of bins 1 to len(dst)/2 and then to their
// imaginary parts.
func (a *advance) compute(dst []float32, spectrum []complex64) {
	re, im := dst[:len(a.past)], dst[len(a.past):]
	for i, p := range a.past {
		var y complex64
		if k := i + 1; k < len(spectrum) {
			y = spectrum[k]
		}
		if !(power(y) <= maxPower) {
			y = 0
		}
		scale := 2 / (power(y) + power(p) + powerFloor)
		re[i] = scale * (real(y)*real(p) + imag(y)*imag(p))
		im[i] = scale * (imag(y)*real(p) - real(y)*imag(p))
		a.past[i] = y
	}
}
