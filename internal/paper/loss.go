package paper

import (
	"math"

	"sotto/dict"
	"sotto/internal/fastmath"
	"sotto/internal/nn"
)

// head turns a network's raw outputs into activations of two dictionaries, and
// losses of those into gradients of the outputs.
type head struct {
	speech, noise nn.Mat    // bins x rank; no rows: the identity
	unit          []float32 // of every activation
	exponent      float32   // p of the mask
	gamma         float32   // of the discriminative term
	phase         bool      // aim at the shares in phase with the mixture
	compression   float32   // c of the loss on activations
	weight        []float32 // of every activation in that loss

	h, dh          nn.Mat
	hs, hn         nn.Mat
	xs, xn, ds, dn nn.Mat
}

// activationFloor keeps the gradient of h^c finite where h is 0.
const activationFloor = 1e-3

// newHead returns the head over two dictionaries. typical are activations such
// as will be estimated, one mixture's frame per row; they set the units.
func newHead(p pair, typical nn.Mat, cfg *DNN) *head {
	ks, kn := p.speech.Rank, p.noise.Rank
	h := &head{
		speech:   nn.Mat{Rows: p.speech.Bins, Cols: ks, Data: p.speech.W},
		noise:    nn.Mat{Rows: p.noise.Bins, Cols: kn, Data: p.noise.W},
		exponent: float32(cfg.Exponent), gamma: float32(cfg.Training.Discriminate), phase: cfg.Training.Phase, compression: float32(cfg.Compression),
		unit: make([]float32, ks+kn), weight: make([]float32, ks+kn),
	}
	sum := make([]float64, ks+kn)
	for i := range typical.Rows {
		for k, v := range typical.Row(i) {
			sum[k] += float64(v)
		}
	}
	norms := append(norms(p.speech), norms(p.noise)...)
	total := 0.0
	for k, s := range sum {
		h.unit[k] = float32(max(s/float64(typical.Rows), 1e-9)) // an atom that never sounds may stay silent.
		w := norms[k] * norms[k] * math.Pow(float64(h.unit[k]), 2*cfg.Compression)
		h.weight[k] = float32(w)
		total += w
	}
	for k := range h.weight {
		h.weight[k] *= float32(float64(len(h.weight)) / total)
	}
	return h
}

// newFreeHead returns the head of a network whose outputs are the spectra of
// speech and noise themselves.
func newFreeHead(bins int, cfg *Training) *head {
	h := &head{unit: make([]float32, 2*bins), exponent: 1, gamma: float32(cfg.Discriminate), phase: cfg.Phase}
	for k := range h.unit {
		h.unit[k] = 1
	}
	return h
}

// norms returns the L2 norms of the atoms.
func norms(d *dict.Dictionary) []float64 {
	sum := make([]float64, d.Rank)
	for i, v := range d.W {
		sum[i%d.Rank] += float64(v) * float64(v)
	}
	for k, v := range sum {
		sum[k] = math.Sqrt(v)
	}
	return sum
}

// onActivations is the loss sum_k w_k (h_k^c - h*_k^c)^2 with h in its units,
// mean over rows and atoms (ALGORITHMS 2.3, stage 1), and its gradient with
// respect to raw.
func (h *head) onActivations(raw, target nn.Mat) (float64, nn.Mat) {
	h.dh = h.dh.Resize(raw.Rows, raw.Cols)
	c, scale := h.compression, 1/float32(len(raw.Data))
	var loss float64
	for i := range raw.Rows {
		d, t := h.dh.Row(i), target.Row(i)
		for k, r := range raw.Row(i) {
			u := fastmath.Softplus(r) + activationFloor
			e := power(u, c) - power(t[k]/h.unit[k]+activationFloor, c)
			loss += float64(h.weight[k] * e * e * scale)
			d[k] = 2 * scale * h.weight[k] * e * c * power(u, c) / u * fastmath.Sigmoid(r)
		}
	}
	return loss, h.dh
}

// onMask is the loss of Huang et al. on the magnitudes that the mask makes,
//
//	|G m - s|^2 + |(1-G) m - n|^2 - gamma (|G m - n|^2 + |(1-G) m - s|^2),
//
// relative to the energy of the mixtures, and its gradient with respect to raw.
// With phase, s and n are the shares of speech and noise in phase with the
// mixture, which sum to m: what a real mask can do best (ALGORITHMS 6.2).
func (h *head) onMask(raw nn.Mat, b *batch) (float64, nn.Mat) {
	h.reconstruct(raw)
	var energy float64
	for _, m := range b.mixture.Data {
		energy += float64(m) * float64(m)
	}
	scale := float32(1 / max(energy, 1e-30))
	var loss float64
	g := h.gamma
	for i, m := range b.mixture.Data {
		s, n := b.speech.Data[i], b.noise.Data[i]
		if h.phase {
			s, n = b.inPhase.Data[i], m-b.inPhase.Data[i]
		}
		xs, xn := h.xs.Data[i]+tiny, h.xn.Data[i]+tiny
		ratio := power(xn/xs, h.exponent)
		gain := 1 / (1 + ratio)
		y1, y2 := gain*m, (1-gain)*m
		loss += float64(scale * (sq(y1-s) + sq(y2-n) - g*(sq(y1-n)+sq(y2-s))))
		dgain := 2 * scale * m * ((y1 - s) - (y2 - n) - g*((y1-n)-(y2-s)))
		d := dgain * h.exponent * gain * (1 - gain)
		h.ds.Data[i], h.dn.Data[i] = d/xs, -d/xn
	}
	return loss, h.throughSoftplus(raw)
}

// tiny keeps quotients of spectra finite; magnitudes of sound are far above it.
const tiny = 1e-9

func sq(x float32) float32 { return x * x }

// reconstruct sets xs and xn to the spectra that raw stands for.
func (h *head) reconstruct(raw nn.Mat) {
	h.h = h.h.Resize(raw.Rows, raw.Cols)
	for i := range raw.Rows {
		activate(h.h.Row(i), raw.Row(i), h.unit)
	}
	h.hs, h.hn = h.split(h.h, h.hs, h.hn)
	bins := h.hs.Cols
	if h.speech.Rows > 0 {
		bins = h.speech.Rows
	}
	for _, m := range []*nn.Mat{&h.xs, &h.xn, &h.ds, &h.dn} {
		*m = m.Resize(raw.Rows, bins)
	}
	if h.speech.Rows == 0 {
		copy(h.xs.Data, h.hs.Data)
		copy(h.xn.Data, h.hn.Data)
		return
	}
	nn.Gemm(nn.NoTrans, nn.T, 1, h.hs, h.speech, 0, h.xs)
	nn.Gemm(nn.NoTrans, nn.T, 1, h.hn, h.noise, 0, h.xn)
}

// split copies the two halves of every row.
func (h *head) split(m, s, n nn.Mat) (nn.Mat, nn.Mat) {
	ks := h.speech.Cols
	if h.speech.Rows == 0 {
		ks = m.Cols / 2
	}
	s, n = s.Resize(m.Rows, ks), n.Resize(m.Rows, m.Cols-ks)
	for i := range m.Rows {
		copy(s.Row(i), m.Row(i)[:ks])
		copy(n.Row(i), m.Row(i)[ks:])
	}
	return s, n
}

// throughSoftplus returns the gradient of raw from that of the spectra.
func (h *head) throughSoftplus(raw nn.Mat) nn.Mat {
	if h.speech.Rows == 0 {
		copy(h.hs.Data, h.ds.Data)
		copy(h.hn.Data, h.dn.Data)
	} else {
		nn.Gemm(nn.NoTrans, nn.NoTrans, 1, h.ds, h.speech, 0, h.hs)
		nn.Gemm(nn.NoTrans, nn.NoTrans, 1, h.dn, h.noise, 0, h.hn)
	}
	h.dh = h.dh.Resize(raw.Rows, raw.Cols)
	ks := h.hs.Cols
	for i := range raw.Rows {
		d := h.dh.Row(i)
		copy(d[:ks], h.hs.Row(i))
		copy(d[ks:], h.hn.Row(i))
		for k, r := range raw.Row(i) {
			d[k] *= h.unit[k] * fastmath.Sigmoid(r)
		}
	}
	return h.dh
}
