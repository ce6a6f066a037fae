package train

import (
	"math"
	"time"

	"sotto/internal/fastmath"
	"sotto/internal/metrics/pesq"
	"sotto/internal/nn"
)

// Constants of the perceptual model, as ITU-T P.862 has them.
const (
	maskShare       = 0.25 // of the softer of two loudnesses: smaller differences are masked
	gainOffset      = 5000 // keeps silent frames at gain 1
	gainMemory      = 0.2
	leastGain       = 3e-4
	mostGain        = 5
	ratioOffset     = 50 // of powers in the weight of additions
	ratioPower      = 1.2
	leastRatio      = 3 // of the weight of additions; below it they do not count
	mostRatio       = 12
	levelOffset     = 1e5 // of the power that softens loud frames
	levelScale      = 1e7
	levelPower      = 0.04
	symmetricShare  = 0.1
	addedShare      = 0.0309
	mostDisturbance = 45 // of a frame
)

// The spectra that the bands of the perceptual model are made for.
const (
	listenerRate  = 16000
	listenerFrame = 32 * time.Millisecond
)

// listener computes how far the output is from the clean voice in the ears of
// the perceptual model of ITU-T P.862.2: what lacks its raw score to 4.5, but for
// what does not fit a loss. Signals count as aligned; the level is that of the
// clean voice over the sequence; steady colouring is not forgiven; a
// frame's gain forgets the one before; the bound of a
// frame's disturbance is soft, for hopeless frames must learn too; and the frames
// of a sequence count by their mean square, not by the worst of every 320 ms,
// which would leave most frames without a slope.
// Martín-Doñas et al. (2018) found that such a term raises PESQ.
type listener struct {
	bands []pesq.Band
	width float32 // of all bands but the lowest, Bark
	// By row: the disturbance, and its part that is additions, both softened by
	// the level, and the weight of either in the loss. Rows x bands: their slopes.
	symmetric, added             []float32
	symmetricWeight, addedWeight []float32
	symmetricSlope, addedSlope   []float32
	// A row: the powers of bins, of bands, of bands at the reference's level, and
	// what the loudnesses are made of.
	power                           []float32
	reference, output, levelled     []float32
	referenceLoud, outputLoud, base []float32
	slope, ratio                    []float32
}

func newListener(bins int) *listener {
	h := &listener{bands: pesq.WideBands(), power: make([]float32, bins)}
	for _, b := range h.bands[1:] {
		h.width += float32(b.Width)
	}
	for _, v := range []*[]float32{
		&h.reference, &h.output, &h.levelled, &h.referenceLoud, &h.outputLoud, &h.base, &h.slope, &h.ratio,
	} {
		*v = make([]float32, len(h.bands))
	}
	return h
}

// bandPowers writes the power of every band of a spectrum of powers.
func bandPowers(dst []float32, bands []pesq.Band, power []float32) {
	k := 0
	for b := range bands {
		var sum float32
		for _, w := range bands[b].Lines {
			sum += float32(w) * power[k]
			k++
		}
		dst[b] = sum
	}
}

// speechBand sums the powers of the lines that set the level, 350 to 3250 Hz.
func speechBand(power []float32) float32 {
	const first, last = 12, 104 // of lines 31.25 Hz apart
	var sum float32
	for _, p := range power[first : last+1] {
		sum += p
	}
	return sum
}

// start makes room for a batch.
func (h *listener) start(b *batch) {
	rows := b.lanes * b.frames
	for _, v := range []*[]float32{&h.symmetric, &h.added, &h.symmetricWeight, &h.addedWeight} {
		*v = resized(*v, rows)
	}
	for _, v := range []*[]float32{&h.symmetricSlope, &h.addedSlope} {
		*v = resized(*v, rows*len(h.bands))
	}
}

func resized(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}

// row returns a row of slopes.
func (h *listener) row(slopes []float32, row int) []float32 {
	return slopes[row*len(h.bands):][:len(h.bands)]
}

// hear sets the disturbance of a row, whose output has the powers h.power, and
// its slopes by the band powers before the level is set.
func (h *listener) hear(b *batch, row int) {
	level := b.scales[row%b.lanes].level(b.frames)
	for i, p := range b.bandRow(row) {
		h.reference[i] = level * p
	}
	bandPowers(h.output, h.bands, h.power)
	for i := range h.output {
		h.output[i] *= level
	}
	loudness := h.audible(h.reference)
	gain, gainSlope := follow(loudness, h.audible(h.output))
	for i, v := range h.output {
		h.levelled[i] = gain * v
	}
	h.loudness(h.referenceLoud, h.reference)
	h.loudness(h.outputLoud, h.levelled) // last: the slopes belong to it
	h.weighAdditions()
	soft := float32(math.Pow((float64(loudness)+levelOffset)/levelScale, -levelPower))
	h.compare(row, soft)
	for _, s := range [][]float32{h.row(h.symmetricSlope, row), h.row(h.addedSlope, row)} {
		h.throughGain(s, gain, gainSlope, level)
	}
}

// audible sums the powers over the threshold, in all bands but the lowest.
func (h *listener) audible(powers []float32) float32 {
	var sum float32
	for i, p := range powers[1:] {
		if p > float32(h.bands[i+1].Threshold) {
			sum += p
		}
	}
	return sum
}

// follow returns the gain that brings an output to the reference's level, given
// the audible powers of both, and its slope by that of the output.
func follow(reference, output float32) (gain, slope float32) {
	gain = (reference + gainOffset) / (output + gainOffset)
	if gain < leastGain || gain > mostGain {
		return min(max(gain, leastGain), mostGain), 0
	}
	return gain, -gain / (output + gainOffset)
}

// loudness writes the loudness of band powers and sets h.slope to its derivative.
func (h *listener) loudness(dst, powers []float32) {
	for i, p := range powers {
		h.base[i] = max(0.5+0.5*p/float32(h.bands[i].Threshold), 1)
	}
	fastmath.LogTo(dst, h.base)
	for i := range dst {
		dst[i] *= float32(h.bands[i].Exponent)
	}
	fastmath.ExpTo(dst, dst)
	for i, x := range h.base {
		band := &h.bands[i]
		h.slope[i] = 0
		if x > 1 {
			h.slope[i] = float32(band.Scale*band.Exponent*0.5/band.Threshold) * dst[i] / x
		}
		dst[i] = float32(band.Scale) * (dst[i] - 1)
	}
}

// weighAdditions sets h.ratio to the unbounded weight of additions.
func (h *listener) weighAdditions() {
	for i, v := range h.levelled {
		h.ratio[i] = (v + ratioOffset) / (h.reference[i] + ratioOffset)
	}
	fastmath.PowTo(h.ratio, h.ratio, ratioPower)
}

// compare sets a row's disturbances and their slopes by h.levelled.
func (h *listener) compare(row int, soft float32) {
	bySymmetric, byAdded := h.row(h.symmetricSlope, row), h.row(h.addedSlope, row)
	var squares, added float32
	bySymmetric[0], byAdded[0] = 0, 0
	for i := 1; i < len(h.bands); i++ {
		bySymmetric[i], byAdded[i] = 0, 0
		excess := h.outputLoud[i] - h.referenceLoud[i]
		d := excess - maskShare*h.referenceLoud[i]
		slope := h.slope[i]
		if excess < 0 {
			d = -excess - maskShare*h.outputLoud[i]
			slope *= -(1 + maskShare)
		}
		if d <= 0 {
			continue
		}
		width := float32(h.bands[i].Width)
		d, slope = d*width, slope*width
		squares += d * d
		bySymmetric[i] = d * slope
		if r := h.ratio[i]; r >= leastRatio {
			factor := min(r, mostRatio)
			added += factor * d
			byAdded[i] = soft * factor * slope
			if r < mostRatio {
				byAdded[i] += soft * d * ratioPower * r / (h.levelled[i] + ratioOffset)
			}
		}
	}
	symmetric := float32(math.Sqrt(float64(h.width * squares)))
	h.symmetric[row], h.added[row] = soft*symmetric, soft*added
	scale := soft * h.width / max(symmetric, 1e-6)
	for i := range bySymmetric {
		bySymmetric[i] *= scale
	}
}

// throughGain turns slopes by h.levelled into slopes by the output's powers
// before the level was set.
func (h *listener) throughGain(slopes []float32, gain, gainSlope, level float32) {
	var byGain float32
	for i, s := range slopes {
		byGain += s * h.output[i]
	}
	for i := range slopes {
		slopes[i] *= gain
		if i > 0 && h.output[i] > float32(h.bands[i].Threshold) {
			slopes[i] += byGain * gainSlope
		}
		slopes[i] *= level
	}
}

// disturbance returns that of a lane, and sets the weights of its rows: its
// slopes by the rows' disturbances.
func (h *listener) disturbance(b *batch, lane int) float64 {
	return symmetricShare*h.norm(h.symmetricWeight, h.symmetric, symmetricShare, b, lane) +
		addedShare*h.norm(h.addedWeight, h.added, addedShare, b, lane)
}

// norm returns the root of the mean square of a lane's rows, softly bounded, and
// writes its slopes times share.
func (h *listener) norm(slopes, x []float32, share float64, b *batch, lane int) float64 {
	var squares float64
	for row := lane; row < len(x); row += b.lanes {
		v, _ := softBound(x[row])
		squares += float64(v * v)
	}
	total := math.Sqrt(squares / float64(b.frames))
	scale := float32(share / (float64(b.frames)*total + 1e-9))
	for row := lane; row < len(x); row += b.lanes {
		v, slope := softBound(x[row])
		slopes[row] = scale * v * slope
	}
	return total
}

// softBound returns x, bent so that it stays below mostDisturbance, and the slope.
func softBound(x float32) (y, slope float32) {
	r := x / mostDisturbance
	root := float32(math.Sqrt(float64(1 + r*r)))
	return x / root, 1 / (root * root * root)
}

// slopes sets h.power to the slopes of the loss by the powers of a row's bins.
func (h *listener) slopes(row int, scale float32) []float32 {
	ws, wa := scale*h.symmetricWeight[row], scale*h.addedWeight[row]
	symmetric, added := h.row(h.symmetricSlope, row), h.row(h.addedSlope, row)
	clear(h.power)
	k := 0
	for i := range h.bands {
		v := ws*symmetric[i] + wa*added[i]
		for _, w := range h.bands[i].Lines {
			h.power[k] = v * float32(w)
			k++
		}
	}
	return h.power
}

// listen adds the gradient of the perceptual term to those of the masks and of
// the filter's output, and returns its mean over the lanes that hold speech.
func (l *maskLoss) listen(b *batch, g nn.Mat, low int) float64 {
	h := l.listener
	h.start(b)
	for row := range b.lanes * b.frames {
		if b.scales[row%b.lanes].level(b.frames) == 0 {
			continue
		}
		gr := g.Row(row)
		for k, z := range l.low.rowOf(row, low) {
			h.power[k] = gr[k] * gr[k] * power(z)
		}
		for k, t := range b.targetRow(row, g.Cols)[low:] {
			h.power[low+k] = gr[low+k] * gr[low+k] * t.power
		}
		h.hear(b, row)
	}
	var sum, lanes float64
	for lane := range b.lanes {
		if b.scales[lane].level(b.frames) > 0 {
			sum += h.disturbance(b, lane)
			lanes++
		}
	}
	if lanes == 0 {
		return 0
	}
	for row := range b.lanes * b.frames {
		if b.scales[row%b.lanes].level(b.frames) == 0 {
			continue
		}
		gr, dg := g.Row(row), l.dg.Row(row)
		slopes := h.slopes(row, float32(2*l.cfg.Listening/lanes))
		z, dd := l.low.rowOf(row, low), l.low.gradientOf(row, low)
		for k := range z {
			dd[k] += scaled(slopes[k]*gr[k], z[k])
		}
		for k, t := range b.targetRow(row, g.Cols)[low:] {
			dg[low+k] += slopes[low+k] * gr[low+k] * t.power
		}
	}
	return sum / lanes
}
