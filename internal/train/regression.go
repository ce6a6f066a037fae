package train

import (
	"math"

	"sotto/dict"
	"sotto/internal/nn"
)

// encodingExponent compresses activations in the regression, so that the loud
// frames do not decide alone (ALGORITHMS 2.3 names it c).
const encodingExponent = 0.5

// regression is the paper's step: the network learns the encodings that the
// dictionaries' own encoders give to the clean speech and to the scaled noise,
// each seen alone.
type regression struct {
	speech, noise *dict.Encoder
	// energy is ||W_k||^2 for every atom of both dictionaries, with mean 1: an
	// atom's error counts by what it adds to the spectrum.
	energy []float32
	dh     nn.Mat
}

func newRegression(speech, noise *dict.Dictionary) *regression {
	r := &regression{speech: speech.Encoder, noise: noise.Encoder}
	r.energy = append(atomEnergies(speech), atomEnergies(noise)...)
	var sum float64
	for _, e := range r.energy {
		sum += float64(e)
	}
	for k := range r.energy {
		r.energy[k] *= float32(float64(len(r.energy)) / sum)
	}
	return r
}

func atomEnergies(d *dict.Dictionary) []float32 {
	e := make([]float32, d.Rank)
	for i, w := range d.W {
		e[i%d.Rank] += w * w
	}
	return e
}

// loss returns the mean of energy_k (h_k^c - h*_k^c)^2 over frames and atoms,
// relative to that of the targets alone, and its gradient with respect to h.
func (r *regression) loss(b *batch, h nn.Mat) (float64, nn.Mat) {
	hs := r.speech.Encode(nil, &dict.Frames{Bins: b.speech.Cols, Count: b.speech.Rows, Data: b.speech.Data})
	hn := r.noise.Encode(nil, &dict.Frames{Bins: b.noise.Cols, Count: b.noise.Rows, Data: b.noise.Data})
	ks, kn := r.speech.Rank(), r.noise.Rank()
	r.dh = r.dh.Resize(h.Rows, h.Cols)
	var sum, reference float64
	for i := range h.Rows {
		row, d := h.Row(i), r.dh.Row(i)
		e1, t1 := r.row(row[:ks], hs[i*ks:(i+1)*ks], d[:ks], r.energy[:ks])
		e2, t2 := r.row(row[ks:], hn[i*kn:(i+1)*kn], d[ks:], r.energy[ks:])
		sum += e1 + e2
		reference += t1 + t2
	}
	reference = math.Max(reference, 1e-9)
	for i := range r.dh.Data {
		r.dh.Data[i] *= float32(1 / reference)
	}
	return sum / reference, r.dh
}

func (r *regression) row(h, target, d, energy []float32) (err, reference float64) {
	for k, v := range h {
		// The floor bounds the slope of the root where h is almost zero.
		root := float32(math.Sqrt(float64(max(v, 1e-6))))
		want := float32(math.Sqrt(float64(max(target[k], 0))))
		diff := root - want
		err += float64(energy[k] * diff * diff)
		reference += float64(energy[k] * want * want)
		d[k] = energy[k] * 2 * diff * encodingExponent / root
	}
	return err, reference
}
