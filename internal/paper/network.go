package paper

import (
	"fmt"
	"math"
	"math/rand/v2"

	"sotto/enhance"
	"sotto/internal/fastmath"
	"sotto/internal/nn"
)

// network maps standardised frames to raw outputs, which a softplus makes
// activations.
type network interface {
	// begin forgets the past; the next batches hold that many segments.
	begin(lanes int)
	forward(x nn.Mat) nn.Mat
	// backward takes the gradient of the last forward's output.
	backward(dy nn.Mat)
	params() []*nn.Param
	// replica shares the weights, has a past of its own and drops nothing out.
	replica() network
}

// dense is the frame-wise network: fully connected layers with leaky ReLUs.
type dense struct {
	layers []*nn.Dense
	act    []*nn.LeakyReLU
	drop   []*dropout
}

// leak is the slope of the hidden units' negative side, as in the code that
// the paper points to.
const leak = 0.1

func newDense(in int, hidden []int, out int, drop float64, rng *rand.Rand) *dense {
	d := &dense{}
	for range hidden {
		d.drop = append(d.drop, newDropout(drop, rng))
	}
	for i, n := range append(append([]int(nil), hidden...), out) {
		d.layers = append(d.layers, nn.NewDense(fmt.Sprintf("dense.%d", i), in, n, rng))
		d.act = append(d.act, nn.NewLeakyReLU(leak))
		in = n
	}
	return d
}

func (d *dense) begin(int) {}

func (d *dense) forward(x nn.Mat) nn.Mat {
	last := len(d.layers) - 1
	for i, l := range d.layers[:last] {
		x = d.drop[i].forward(d.act[i].Forward(l.Forward(x)))
	}
	return d.layers[last].Forward(x)
}

func (d *dense) backward(dy nn.Mat) {
	for i := len(d.layers) - 1; i > 0; i-- {
		dy = d.act[i-1].Backward(d.drop[i-1].backward(d.layers[i].Backward(dy)))
	}
	d.layers[0].BackwardParams(dy)
}

func (d *dense) params() (p []*nn.Param) {
	for _, l := range d.layers {
		p = append(p, l.Params()...)
	}
	return p
}

func (d *dense) replica() network {
	r := &dense{drop: make([]*dropout, len(d.drop))}
	for i, l := range d.layers {
		r.layers = append(r.layers, l.Replica())
		r.act = append(r.act, d.act[i].Replica())
	}
	return r
}

// recurrent is the network of Huang et al., a dense and a recurrent layer, with
// gates in the recurrent one: easier to train, and so the harder rival.
type recurrent struct {
	in, out *nn.Dense
	act     *nn.LeakyReLU
	gru     *nn.GRU
	drop    [2]*dropout
}

func newRecurrent(in, hidden, out int, drop float64, rng *rand.Rand) *recurrent {
	return &recurrent{
		drop: [2]*dropout{newDropout(drop, rng), newDropout(drop, rng)},
		in:   nn.NewDense("in", in, hidden, rng), act: nn.NewLeakyReLU(leak),
		gru: nn.NewGRU("gru", hidden, hidden, rng), out: nn.NewDense("out", hidden, out, rng),
	}
}

func (r *recurrent) begin(lanes int) { r.gru.Reset(lanes) }

func (r *recurrent) forward(x nn.Mat) nn.Mat {
	x = r.drop[0].forward(r.act.Forward(r.in.Forward(x)))
	return r.out.Forward(r.drop[1].forward(r.gru.Forward(x)))
}

func (r *recurrent) backward(dy nn.Mat) {
	dy = r.gru.Backward(r.drop[1].backward(r.out.Backward(dy)))
	r.in.BackwardParams(r.act.Backward(r.drop[0].backward(dy)))
}

func (r *recurrent) params() []*nn.Param { return nn.Params(r.in, r.gru, r.out) }

func (r *recurrent) replica() network {
	return &recurrent{in: r.in.Replica(), out: r.out.Replica(), act: r.act.Replica(), gru: r.gru.Replica()}
}

// dropout silences a share of a layer's outputs at random in training
// (Srivastava et al. 2014). A nil one does nothing.
type dropout struct {
	share float64
	rng   *rand.Rand
	gain  nn.Mat // of every output of the last forward
	out   nn.Mat
}

func newDropout(share float64, rng *rand.Rand) *dropout {
	if share == 0 {
		return nil
	}
	return &dropout{share: share, rng: rng}
}

// forward lets what is left grow, so that the mean stays.
func (d *dropout) forward(x nn.Mat) nn.Mat {
	if d == nil {
		return x
	}
	d.gain, d.out = d.gain.Resize(x.Rows, x.Cols), d.out.Resize(x.Rows, x.Cols)
	kept, limit := float32(1/(1-d.share)), uint32(d.share*(1<<32))
	for i := range x.Data {
		d.gain.Data[i] = 0
		if d.rng.Uint32() >= limit {
			d.gain.Data[i] = kept
		}
		d.out.Data[i] = x.Data[i] * d.gain.Data[i]
	}
	return d.out
}

func (d *dropout) backward(dy nn.Mat) nn.Mat {
	if d != nil {
		for i, g := range d.gain.Data {
			dy.Data[i] *= g
		}
	}
	return dy
}

// inputFloor is added to magnitudes before the logarithm: 40 dB below a
// typical bin of speech at -26 dBFS.
const inputFloor = 1e-5

// input turns magnitudes into what networks read: logarithms, standardised per
// bin, with those of past frames beside them.
type input struct {
	mean, std []float32
	context   int
}

// newInput measures the statistics of the mixtures of a batch.
func newInput(b *batch, context int) *input {
	bins := b.mixture.Cols
	in := &input{make([]float32, bins), make([]float32, bins), context}
	sum, sq := make([]float64, bins), make([]float64, bins)
	for i := range b.mixture.Rows {
		for k, v := range b.mixture.Row(i) {
			l := float64(fastmath.Log(v + inputFloor))
			sum[k] += l
			sq[k] += l * l
		}
	}
	n := float64(b.mixture.Rows)
	for k := range sum {
		m := sum[k] / n
		in.mean[k] = float32(m)
		in.std[k] = float32(math.Sqrt(max(sq[k]/n-m*m, 1e-4))) // a bin that never changes stays small.
	}
	return in
}

// width is the length of a row of input.
func (in *input) width() int { return len(in.mean) * (1 + in.context) }

// frame writes the present frame's values.
func (in *input) frame(dst, magnitudes []float32) {
	for k, v := range magnitudes {
		dst[k] = (fastmath.Log(v+inputFloor) - in.mean[k]) / in.std[k]
	}
}

// batch fills dst, time-major in segments; before a segment lies its mean.
func (in *input) batch(dst, magnitudes nn.Mat, lanes int) {
	bins := magnitudes.Cols
	for row := range magnitudes.Rows {
		out := dst.Row(row)
		in.frame(out[:bins], magnitudes.Row(row))
		for c := 1; c <= in.context; c++ {
			past := out[c*bins : (c+1)*bins]
			if row < c*lanes {
				clear(past)
				continue
			}
			copy(past, dst.Row(row - c*lanes)[:bins])
		}
	}
}

// networked is the estimator of a trained network.
type networked struct {
	net    network
	in     *input
	unit   []float32 // of every activation
	window nn.Mat    // 1 x width, the latest frame first
	mags   []float32
}

func newNetworked(net network, in *input, unit []float32) *networked {
	n := &networked{net: net.replica(), in: in, unit: unit, window: nn.NewMat(1, in.width()), mags: make([]float32, len(in.mean))}
	n.Reset()
	return n
}

// Estimate implements [enhance.Estimator].
func (n *networked) Estimate(h []float32, spectrum []complex64) {
	for k, c := range spectrum {
		re, im := real(c), imag(c)
		n.mags[k] = float32(math.Sqrt(float64(re*re + im*im)))
	}
	bins := len(n.mags)
	copy(n.window.Data[bins:], n.window.Data[:n.window.Cols-bins])
	n.in.frame(n.window.Data[:bins], n.mags)
	activate(h, n.net.forward(n.window).Data, n.unit)
}

// Reset implements [enhance.Estimator].
func (n *networked) Reset() {
	n.window.Zero()
	n.net.begin(1)
}

// activate sets h to softplus(raw) in units of unit.
func activate(h, raw, unit []float32) {
	fastmath.SoftplusTo(h, raw)
	for k, u := range unit {
		h[k] *= u
	}
}

var (
	_ enhance.Estimator = (*networked)(nil)
	_ enhance.Estimator = (*multiplicative)(nil)
)
