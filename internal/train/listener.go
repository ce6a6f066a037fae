package train

import (
	"math"
	"time"

	"sotto/internal/fastmath"
	"sotto/internal/metrics/pesq"
	"sotto/internal/nn"
)

// listenerFrame is the length of the frames that the listener's bands are made for.
const listenerFrame = pesq.FrameLength * time.Second / pesq.FrameRate

// listener computes how far the output is from the clean voice in the ears of
// the perceptual model of ITU-T P.862.2: what the raw score lacks to 4.5.
// Martín-Doñas et al. (IEEE Signal Processing Letters 25, 2018) found that such a
// term raises PESQ. What does not fit a loss is different:
//
//   - the bound of a frame's disturbance is soft, for hopeless frames must learn;
//   - frames count by their mean square, not by the worst of every 320 ms, which
//     would leave most of them without a slope;
//   - the jump in the weight of additions, where they begin to count, has none;
//   - frames are those of the trainer (window, hop), its segments have no silent
//     ends to leave out, and both signals have the level of the clean one;
//   - a frame's gain forgets the one before, steady colouring is not forgiven, and
//     nothing is aligned.
type listener struct {
	bands []pesq.Band
	width float32 // of all bands but the lowest, Bark
	level []float32
	// Of every row: the disturbance, that of additions alone, both softened, and
	// the slopes of the lane's disturbance by them.
	symmetric, added             []float32
	symmetricWeight, addedWeight []float32
	// rows x bands: the slopes of the row's disturbances by the powers of bands.
	symmetricSlope, addedSlope nn.Mat
	// Of the row at hand, of bands, at the listening level: the clean voice, the
	// output, and the output at the voice's loudness.
	reference, output, levelled []float32
	// Of the row at hand, by band: loudness, and its slope for the output; the
	// argument of its power law; the weight of additions.
	referenceLoud, outputLoud []float32
	slope, base, addition     []float32
}

func newListener() *listener {
	h := &listener{bands: pesq.WideBands()}
	for _, b := range h.bands[1:] {
		h.width += float32(b.Width)
	}
	for _, v := range []*[]float32{
		&h.reference, &h.output, &h.levelled, &h.referenceLoud, &h.outputLoud, &h.slope, &h.base, &h.addition,
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

// start makes room for a batch.
func (h *listener) start(b *batch) {
	rows := b.lanes * b.frames
	for _, v := range []*[]float32{&h.symmetric, &h.added, &h.symmetricWeight, &h.addedWeight} {
		*v = resized(*v, rows)
	}
	h.symmetricSlope = h.symmetricSlope.Resize(rows, len(h.bands))
	h.addedSlope = h.addedSlope.Resize(rows, len(h.bands))
	h.level = resized(h.level, b.lanes)
	for lane, s := range b.scales {
		h.level[lane] = s.level(b.frames)
	}
}

func (h *listener) hears(lane int) bool { return h.level[lane] > 0 }

// hear sets the disturbance of a row, and its slopes by the powers of its bands
// before the level is set.
func (h *listener) hear(b *batch, row int, power []float32) {
	level := h.level[row%b.lanes]
	bandPowers(h.output, h.bands, power)
	for i, p := range b.bandRow(row) {
		h.reference[i] = level * p
		h.output[i] *= level
	}
	audible := h.audible(h.reference)
	gain, gainSlope := followGain(audible, h.audible(h.output))
	for i, v := range h.output {
		h.levelled[i] = gain * v
	}
	h.loudness(h.referenceLoud, h.reference)
	h.loudness(h.outputLoud, h.levelled) // last: h.slope belongs to it
	h.weighAdditions()
	soft := float32(math.Pow((float64(audible)+pesq.SoftOffset)/pesq.SoftScale, -pesq.SoftPower))
	h.compare(row, soft)
	h.throughGain(h.symmetricSlope.Row(row), gain, gainSlope, level)
	h.throughGain(h.addedSlope.Row(row), gain, gainSlope, level)
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

// followGain returns the gain that brings an output to the reference's loudness,
// given the audible powers of both, and its slope by that of the output.
func followGain(reference, output float32) (gain, slope float32) {
	gain = (reference + pesq.GainOffset) / (output + pesq.GainOffset)
	if gain < pesq.LeastGain || gain > pesq.MostGain {
		return min(max(gain, pesq.LeastGain), pesq.MostGain), 0
	}
	return gain, -gain / (output + pesq.GainOffset)
}

// loudness writes the loudness of powers, pesq.Loudness.Of for all bands at once,
// and sets h.slope to its derivative.
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

// weighAdditions sets h.addition, without its bounds.
func (h *listener) weighAdditions() {
	for i, v := range h.levelled {
		h.addition[i] = (v + pesq.AdditionOffset) / (h.reference[i] + pesq.AdditionOffset)
	}
	fastmath.PowTo(h.addition, h.addition, pesq.AdditionPower)
}

// compare sets a row's disturbances and their slopes by h.levelled.
func (h *listener) compare(row int, soft float32) {
	bySymmetric, byAdded := h.symmetricSlope.Row(row), h.addedSlope.Row(row)
	var squares, added float32
	bySymmetric[0], byAdded[0] = 0, 0
	for i := 1; i < len(h.bands); i++ {
		d, slope := h.difference(i)
		squares += d * d
		bySymmetric[i] = d * slope
		weight, weightSlope := h.weightOf(i)
		added += weight * d
		byAdded[i] = soft * (weight*slope + d*weightSlope)
	}
	symmetric := float32(math.Sqrt(float64(h.width * squares)))
	h.symmetric[row], h.added[row] = soft*symmetric, soft*added
	scale := soft * h.width / max(symmetric, 1e-6)
	for i := range bySymmetric {
		bySymmetric[i] *= scale
	}
}

// difference returns how much the loudness of a band differs beyond what is
// masked, and the slope by its power.
func (h *listener) difference(band int) (d, slope float32) {
	output, reference, width := h.outputLoud[band], h.referenceLoud[band], float32(h.bands[band].Width)
	if output >= reference {
		d, slope = output-(1+pesq.MaskShare)*reference, h.slope[band]
	} else {
		d, slope = reference-(1+pesq.MaskShare)*output, -(1+pesq.MaskShare)*h.slope[band]
	}
	if d <= 0 {
		return 0, 0
	}
	return d * width, slope * width
}

// weightOf returns the weight of what was added in a band, and its slope.
func (h *listener) weightOf(band int) (weight, slope float32) {
	switch r := h.addition[band]; {
	case r < pesq.LeastAddition:
		return 0, 0
	case r >= pesq.MostAddition:
		return pesq.MostAddition, 0
	default:
		return r, pesq.AdditionPower * r / (h.levelled[band] + pesq.AdditionOffset)
	}
}

// throughGain turns slopes by h.levelled into slopes by the powers of bands before
// the level was set.
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

// judge returns the disturbance of a lane in points, and sets the weights of its rows.
func (h *listener) judge(b *batch, lane int) float64 {
	return pesq.SymmetricShare*meanSquare(h.symmetricWeight, h.symmetric, pesq.SymmetricShare, b, lane) +
		pesq.AdditionShare*meanSquare(h.addedWeight, h.added, pesq.AdditionShare, b, lane)
}

// meanSquare returns the root of the mean square of a lane's rows, softly bounded,
// and writes its slopes times share.
func meanSquare(slopes, x []float32, share float64, b *batch, lane int) float64 {
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

// softBound returns x, bent so that it stays below the bound, and the slope.
func softBound(x float32) (y, slope float32) {
	r := x / pesq.MostDisturbance
	root := float32(math.Sqrt(float64(1 + r*r)))
	return x / root, 1 / (root * root * root)
}

func (h *listener) addSlopes(slopes []float32, row int, scale float32) {
	ws, wa := scale*h.symmetricWeight[row], scale*h.addedWeight[row]
	symmetric, added := h.symmetricSlope.Row(row), h.addedSlope.Row(row)
	k := 0
	for i := range h.bands {
		v := ws*symmetric[i] + wa*added[i]
		for _, w := range h.bands[i].Lines {
			slopes[k] += v * float32(w)
			k++
		}
	}
}
