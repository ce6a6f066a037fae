package corpus

import "math"

// equalise gives x a random low shelf, peak and high shelf of up to limit dB.
func (d *draft) equalise(x []float32, limit float64) {
	if !d.chance(d.cfg.Channel.EQ) {
		return
	}
	gain := Range{-limit, limit}
	filter3(x, [3]biquad{
		lowShelf(d.logarithmic(80, 500), gain.draw(d.rng)),
		peak(d.logarithmic(300, 4000), gain.draw(d.rng), d.logarithmic(0.4, 2)),
		highShelf(d.logarithmic(1500, 6000), gain.draw(d.rng)),
	})
}

// logarithmic draws a value whose logarithm is uniform.
func (d *draft) logarithmic(lo, hi float64) float64 { return lo * math.Pow(hi/lo, d.rng.Float64()) }

// limitBand low-passes what the microphone heard, all alike: speech, noise and, if there is one, the tail of the room. Slowed
// speech ends below 8 kHz by nature: the noise then ends there too, for a target that lacks a band which its noise has would
// teach the network to cut that band.
func (d *draft) limitBand(tailed bool) {
	const top = 0.98 * SampleRate / 2
	cutoff := float64(SampleRate/2) * d.speed
	if c := d.cfg.Channel; d.chance(c.BandLimit) {
		limit := c.Cutoff.draw(d.rng)
		if d.chance(0.5) {
			limit = Range{c.Cutoff.Lo, min(c.Cutoff.Hi, telephone)}.draw(d.rng)
		}
		cutoff = min(cutoff, limit)
	}
	if cutoff >= top {
		return
	}
	s := butterworth8(lowPass, cutoff)
	filter4(d.Clean, s)
	filter4(d.Noisy, s)
	if tailed {
		filter4(d.tail, s)
	}
}

// telephone is where the band of telephones and of 8 kHz files ends, in Hz.
const telephone = 4000

// Early reflections arrive within early samples (30 ms): they strengthen speech, later ones blur it, and the border is commonly put
// at 30 to 50 ms.
const (
	early       = SampleRate * 30 / 1000
	reflections = 5
)

// reverberate puts the speech in a small room: Clean gets a few early reflections, tail the late reverberation.
func (d *draft) reverberate() {
	c := &d.cfg.Channel
	t60 := c.T60.draw(d.rng)
	d.hall.run(d.tail, d.Clean, t60)
	d.reflect(t60)
	late, direct := float64(power(d.tail)), float64(power(d.Clean))
	if late < minPower || direct < minPower {
		clear(d.tail)
		return
	}
	scale(d.tail, amplitude(c.TailLevel.draw(d.rng))*float32(math.Sqrt(direct/late)))
}

// reflect adds delayed copies to Clean, weaker the later they come. It runs backwards, so that only the direct sound is copied.
func (d *draft) reflect(t60 float64) {
	var delay [reflections]int
	var gain [reflections]float32
	for k := range delay {
		delay[k] = SampleRate/500 + d.rng.IntN(early-SampleRate/500)
		g := amplitude(-60*float64(delay[k])/SampleRate/t60 - 4)
		gain[k] = g * float32(2*d.rng.Float64()-1)
	}
	x := d.Clean
	for i := len(x) - 1; i >= early; i-- {
		v := x[i]
		for k, n := range delay {
			v += gain[k] * x[i-n]
		}
		x[i] = v
	}
}

// hall is a feedback delay network (Jot and Chaigne, "Digital delay networks for designing artificial reverberators", AES 1991): eight
// delay lines that feed each other through a Hadamard matrix, each damped so that all decay by 60 dB in the reverberation time.
type hall struct {
	lines [8][hallSize]float32
}

const (
	hallSize = 1024
	// hallDelay keeps the tail behind the early reflections: together with the shortest line it starts after 30 ms.
	hallDelay = SampleRate * 15 / 1000
)

// hallDelays are primes of 15 to 47 ms, so that echoes do not coincide.
var hallDelays = [8]int{241, 307, 373, 433, 521, 601, 683, 757}

// run fills dst with the late reverberation of src.
func (h *hall) run(dst, src []float32, t60 float64) {
	clear(h.lines[:])
	var gain [8]float32
	for k, n := range hallDelays {
		gain[k] = amplitude(-60 * float64(n) / SampleRate / t60)
	}
	var damp [8]float32
	var v [8]float32
	for i := range dst {
		in := float32(noDenormal)
		if i >= hallDelay {
			in += src[i-hallDelay]
		}
		var out float32
		for k := range v {
			// High frequencies decay faster: a one-pole low-pass at about 4 kHz in every loop.
			damp[k] = 0.25*damp[k] + 0.75*gain[k]*h.lines[k][(i-hallDelays[k])&(hallSize-1)]
			v[k] = damp[k]
			if k&1 == 0 {
				out += damp[k]
			} else {
				out -= damp[k]
			}
		}
		dst[i] = out
		hadamard(&v)
		for k := range v {
			h.lines[k][i&(hallSize-1)] = v[k] + in
		}
	}
}

// hadamard multiplies v by the orthonormal Hadamard matrix of order eight.
func hadamard(v *[8]float32) {
	const norm = 0.35355339 // 1/sqrt(8)
	a0, a1, a2, a3 := v[0]+v[4], v[1]+v[5], v[2]+v[6], v[3]+v[7]
	a4, a5, a6, a7 := v[0]-v[4], v[1]-v[5], v[2]-v[6], v[3]-v[7]
	b0, b1, b2, b3 := a0+a2, a1+a3, a0-a2, a1-a3
	b4, b5, b6, b7 := a4+a6, a5+a7, a4-a6, a5-a7
	v[0], v[1], v[2], v[3] = norm*(b0+b1), norm*(b0-b1), norm*(b2+b3), norm*(b2-b3)
	v[4], v[5], v[6], v[7] = norm*(b4+b5), norm*(b4-b5), norm*(b6+b7), norm*(b6-b7)
}
