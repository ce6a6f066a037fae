package paper

import (
	"math"
	"math/rand/v2"

	"sotto/internal/nn"
)

// scene is what one training of a system draws its mixtures from: all training
// speech, and the noise of one condition, both at the same level.
type scene struct {
	speech, noise []*sound
	bins          int
}

// batch is a set of equally long segments of mixtures, time-major: row t*lanes+b
// is frame t of segment b. Magnitudes are those of the transforms' sums, so
// mixing costs no transform: the noise is cut at whole hops.
type batch struct {
	lanes, steps           int
	mixture, speech, noise nn.Mat // rows x bins
	inPhase                nn.Mat // rows x bins: the share of the speech in phase with the mixture
	speechRows, noiseRows  []int  // frame within its sound, -1 before its start or after its end
	speechOf, noiseOf      []int  // by lane: index of the sound
	gain                   []float32
}

// newBatch makes room for lanes segments of steps frames.
func newBatch(lanes, steps, bins int) *batch {
	rows := lanes * steps
	return &batch{
		lanes: lanes, steps: steps,
		mixture: nn.NewMat(rows, bins), speech: nn.NewMat(rows, bins), noise: nn.NewMat(rows, bins), inPhase: nn.NewMat(rows, bins),
		speechRows: make([]int, rows), noiseRows: make([]int, rows),
		speechOf: make([]int, lanes), noiseOf: make([]int, lanes), gain: make([]float32, lanes),
	}
}

// draw fills the batch with random segments at signal-to-noise ratios uniform
// in dB between low and high.
func (b *batch) draw(s *scene, low, high float64, rng *rand.Rand) {
	for lane := range b.lanes {
		i, j := s.pick(rng), rng.IntN(len(s.noise))
		voice, noise := s.speech[i], s.noise[j]
		from := 0
		if spare := voice.mags.Count - b.steps; spare > 0 {
			from = rng.IntN(spare + 1)
		}
		b.speechOf[lane], b.noiseOf[lane] = i, j
		b.gain[lane] = float32(amplitude(-(low + (high-low)*rng.Float64())))
		b.mix(lane, voice, noise, from, rng.IntN(noise.mags.Count))
	}
}

// pick draws an utterance with a probability in proportion to its length.
func (s *scene) pick(rng *rand.Rand) int {
	at := rng.IntN(s.frames())
	for i, v := range s.speech {
		if at -= v.mags.Count; at < 0 {
			return i
		}
	}
	panic("paper: the utterances hold fewer frames than they hold together")
}

// frames is the number of frames of all speech.
func (s *scene) frames() int {
	n := 0
	for _, v := range s.speech {
		n += v.mags.Count
	}
	return n
}

// mix fills one lane from frame from of the voice and frame at of the noise,
// which goes round when it ends.
func (b *batch) mix(lane int, voice, noise *sound, from, at int) {
	bins, g := voice.mags.Bins, b.gain[lane]
	for t := range b.steps {
		row := t*b.lanes + lane
		n := (at + t) % noise.mags.Count
		b.noiseRows[row], b.speechRows[row] = n, -1
		mixture, speech, out := b.mixture.Row(row), b.speech.Row(row), b.noise.Row(row)
		for k, v := range noise.mags.Row(n) {
			out[k] = g * v
		}
		if from+t >= voice.mags.Count {
			copy(mixture, out)
			clear(speech)
			clear(b.inPhase.Row(row))
			continue
		}
		b.speechRows[row] = from + t
		copy(speech, voice.mags.Row(from+t))
		x, y := voice.spectra[(from+t)*bins:(from+t+1)*bins], noise.spectra[n*bins:(n+1)*bins]
		for k, v := range x {
			re, im := real(v)+g*real(y[k]), imag(v)+g*imag(y[k])
			mixture[k] = float32(math.Sqrt(float64(re*re + im*im)))
			b.inPhase.Row(row)[k] = (real(v)*re + imag(v)*im) / max(mixture[k], tiny)
		}
	}
}

// codes sets dst, rows x (ks+kn), to the activations of the segments' speech
// and noise, which were found once for every sound: activations scale with the
// sound.
func (b *batch) codes(dst nn.Mat, speech, noise []nn.Mat) {
	ks := speech[0].Cols
	for row := range b.steps * b.lanes {
		lane, out := row%b.lanes, dst.Row(row)
		if i := b.speechRows[row]; i >= 0 {
			copy(out[:ks], speech[b.speechOf[lane]].Row(i))
		} else {
			clear(out[:ks])
		}
		for k, v := range noise[b.noiseOf[lane]].Row(b.noiseRows[row]) {
			out[ks+k] = b.gain[lane] * v
		}
	}
}
