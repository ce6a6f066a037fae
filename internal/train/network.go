package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"sotto/enhance"
	"sotto/internal/fastmath"
	"sotto/internal/nn"
)

// NetShape is the size of the estimator.
type NetShape struct {
	// Hidden is the width of the input layer and of the recurrent layers, Layers
	// the number of recurrent layers.
	Hidden, Layers int
	// Refine adds the per-bin stage after the Wiener mask.
	Refine bool
	// FilterTaps is the number of frames of the filter of the low bins, FilterBins
	// the number of these; no taps, no filter.
	FilterTaps, FilterBins int
}

// filtered returns the number of bins that the filter changes.
func (s NetShape) filtered() int {
	if s.FilterTaps == 0 {
		return 0
	}
	return s.FilterBins
}

// network is the estimator with the mask on top, in the form that learns: the
// trainable twin of what enhance runs (enhance.Network describes the layers).
// All its matrices are time-major batches.
type network struct {
	in     *nn.Dense
	act    *nn.LeakyReLU
	gru    []*nn.GRU
	out    *nn.Dense
	refine *nn.Dense // nil when absent
	filter *nn.Dense // nil when absent
	// speech and noise are the dictionaries as softplus(U), bins x rank.
	speech, noise *dictionary
	exponent      float64

	sums   []nn.Mat // the residual stream: after the input layer, after each GRU
	h      nn.Mat   // activations of both dictionaries
	hs, hn nn.Mat   // h split by dictionary
	xs, xn nn.Mat   // reconstructions
	gain   nn.Mat   // mask

	dh, dhs, dhn, dxs, dxn nn.Mat
}

// dictionary is a nonnegative matrix under training, W = softplus(U). The
// product uses W; gradients reach U through the softplus's slope.
type dictionary struct {
	u *nn.Param // bins x rank
	w nn.Mat
}

func newDictionary(name string, b *enhance.Basis) *dictionary {
	d := &dictionary{u: nn.NewParam(name, b.Bins, b.Rank, false), w: nn.NewMat(b.Bins, b.Rank)}
	for i, v := range b.W {
		d.u.Value[i] = inverseSoftplus(v)
	}
	d.refresh()
	return d
}

// inverseSoftplus returns u with softplus(u) = v; values below 1e-8 are raised
// to it.
func inverseSoftplus(v float32) float32 {
	x := math.Max(float64(v), 1e-8)
	return float32(x + math.Log(-math.Expm1(-x)))
}

// refresh recomputes W after U has moved.
func (d *dictionary) refresh() { fastmath.SoftplusTo(d.w.Data, d.u.Value) }

func (d *dictionary) replica() *dictionary { return &dictionary{u: d.u.Replica(), w: d.w} }

// backward adds dL/dW = dx' h to U's gradient.
func (d *dictionary) backward(dx, h nn.Mat) {
	dw := nn.NewMat(d.u.Rows, d.u.Cols)
	nn.Gemm(nn.T, nn.NoTrans, 1, dx, h, 0, dw)
	for i, g := range dw.Data {
		// softplus'(u) = sigmoid(u) = 1 - e^-w.
		d.u.Grad[i] += g * (1 - fastmath.Exp(-d.w.Data[i]))
	}
}

// reluSlope is the leak of the input layer's activation, part of the model
// format (enhance.Network).
const reluSlope = enhance.LeakySlope

// newNetwork returns a network with random weights over the two dictionaries.
func newNetwork(shape NetShape, features int, speech, noise *enhance.Basis, exponent float64, rng *rand.Rand) *network {
	n := &network{
		in: nn.NewDense("net.in", features, shape.Hidden, rng), act: nn.NewLeakyReLU(reluSlope),
		out:    nn.NewDense("net.out", shape.Hidden, speech.Rank+noise.Rank, rng),
		speech: newDictionary(speechName, speech), noise: newDictionary(noiseName, noise),
		exponent: exponent,
	}
	for l := range shape.Layers {
		n.gru = append(n.gru, nn.NewGRU(fmt.Sprintf("net.gru.%d", l), shape.Hidden, shape.Hidden, rng))
	}
	n.startOpen(speech.Rank, speech.Bins)
	if shape.Refine {
		n.refine = newStage(refineName, shape.Hidden, speech.Bins, rng)
	}
	if shape.FilterTaps > 0 {
		n.filter = newStage(filterName, shape.Hidden, 2*shape.FilterTaps*shape.FilterBins, rng)
	}
	return n
}

// startOpen sets the output biases so that the mask starts near 0.8: an
// estimator that begins by letting the voice through does not first have to
// unlearn silence.
func (n *network) startOpen(speechRank, bins int) {
	bias := n.out.B.Value
	noiseRank := len(bias) - speechRank
	// With unit-L1 atoms a reconstruction averages rank*h/bins: 2 for speech and
	// 1 for noise make a mask of 4/5 at exponent 2.
	for k := range bias {
		if k < speechRank {
			bias[k] = inverseSoftplus(2 * float32(bins) / float32(speechRank))
		} else {
			bias[k] = inverseSoftplus(float32(bins) / float32(noiseRank))
		}
	}
}

// newStage returns the head of an optional stage; it begins by doing nothing.
func newStage(name string, in, out int, rng *rand.Rand) *nn.Dense {
	d := nn.NewDense(name, in, out, rng)
	clear(d.W.Value)
	return d
}

// isStage reports whether a parameter belongs to an optional stage.
func isStage(name string) bool { return isOf(name, refineName) || isOf(name, filterName) }

// isOf reports whether a parameter belongs to a layer.
func isOf(name, layer string) bool {
	of, _, _ := strings.Cut(name, ".")
	return of == layer
}

// replica returns a network that shares the weights and has its own gradients
// and buffers.
func (n *network) replica() *network {
	r := &network{
		in: n.in.Replica(), act: n.act.Replica(), out: n.out.Replica(),
		speech: n.speech.replica(), noise: n.noise.replica(), exponent: n.exponent,
	}
	for _, g := range n.gru {
		r.gru = append(r.gru, g.Replica())
	}
	if n.refine != nil {
		r.refine = n.refine.Replica()
	}
	if n.filter != nil {
		r.filter = n.filter.Replica()
	}
	return r
}

// params returns all parameters, dictionaries last.
func (n *network) params() []*nn.Param {
	layers := []nn.Layer{n.in}
	for _, g := range n.gru {
		layers = append(layers, g)
	}
	layers = append(layers, n.out)
	if n.refine != nil {
		layers = append(layers, n.refine)
	}
	if n.filter != nil {
		layers = append(layers, n.filter)
	}
	return append(nn.Params(layers...), n.speech.u, n.noise.u)
}

// activations runs the estimator on features and returns h.
func (n *network) activations(features nn.Mat) nn.Mat {
	if n.sums == nil {
		n.sums = make([]nn.Mat, len(n.gru)+1)
	}
	x := n.act.Forward(n.in.Forward(features))
	n.sums[0] = x
	for l, g := range n.gru {
		y := g.Forward(x)
		sum := n.sums[l+1].Resize(y.Rows, y.Cols)
		copy(sum.Data, x.Data)
		fastmath.AddTo(sum.Data, y.Data)
		n.sums[l+1], x = sum, sum
	}
	pre := n.out.Forward(x)
	n.h = n.h.Resize(pre.Rows, pre.Cols)
	fastmath.SoftplusTo(n.h.Data, pre.Data)
	return n.h
}

// activationsBackward takes dL/dh, which it overwrites as it does h, back to the
// weights. extra, when it is not
// empty, is a gradient that reaches the residual stream by another way (the
// refinement, the filter).
func (n *network) activationsBackward(dh, extra nn.Mat) {
	// softplus'(u) = 1 - e^-softplus(u).
	for i, h := range n.h.Data {
		n.h.Data[i] = -h
	}
	for i, e := range fastmath.ExpTo(n.h.Data, n.h.Data) {
		dh.Data[i] *= 1 - e
	}
	d := n.out.Backward(dh)
	if extra.Data != nil {
		fastmath.AddTo(d.Data, extra.Data)
	}
	for _, g := range slices.Backward(n.gru) {
		fastmath.AddTo(d.Data, g.Backward(d).Data)
	}
	n.in.BackwardParams(n.act.Backward(d))
}

// split copies the columns of h into the parts of the two dictionaries.
func (n *network) split(h nn.Mat) (hs, hn nn.Mat) {
	ks := n.speech.u.Cols
	n.hs = n.hs.Resize(h.Rows, ks)
	n.hn = n.hn.Resize(h.Rows, n.noise.u.Cols)
	for i := range h.Rows {
		row := h.Row(i)
		copy(n.hs.Row(i), row[:ks])
		copy(n.hn.Row(i), row[ks:])
	}
	return n.hs, n.hn
}

// join is the inverse of split, for gradients.
func (n *network) join(dhs, dhn nn.Mat) nn.Mat {
	n.dh = n.dh.Resize(dhs.Rows, dhs.Cols+dhn.Cols)
	for i := range dhs.Rows {
		row := n.dh.Row(i)
		copy(row, dhs.Row(i))
		copy(row[dhs.Cols:], dhn.Row(i))
	}
	return n.dh
}

// mask runs the whole network and returns the gains, one row of bins a frame.
func (n *network) mask(features nn.Mat) nn.Mat {
	hs, hn := n.split(n.activations(features))
	n.xs = n.xs.Resize(hs.Rows, n.speech.w.Rows)
	n.xn = n.xn.Resize(hn.Rows, n.noise.w.Rows)
	nn.Gemm(nn.NoTrans, nn.T, 1, hs, n.speech.w, 0, n.xs)
	nn.Gemm(nn.NoTrans, nn.T, 1, hn, n.noise.w, 0, n.xn)
	n.gain = n.gain.Resize(hs.Rows, n.xs.Cols)
	if n.refine != nil {
		fastmath.ExpTo(n.gain.Data, n.refine.Forward(n.sums[len(n.gru)]).Data)
	} else {
		for i := range n.gain.Data {
			n.gain.Data[i] = 1
		}
	}
	for i, r := range n.gain.Data {
		s := r * n.power(n.xs.Data[i])
		n.gain.Data[i] = s / (s + n.power(n.xn.Data[i]))
	}
	return n.gain
}

// coefficients returns the filter of the frames that mask was given last, or no
// rows.
func (n *network) coefficients() nn.Mat {
	if n.filter == nil {
		return nn.Mat{}
	}
	return n.filter.Forward(n.sums[len(n.gru)])
}

// power returns x^p + d, the Wiener gain's term of one source.
func (n *network) power(x float32) float32 {
	switch n.exponent {
	case 1:
		return x + enhance.MaskFloor
	case 2:
		return x*x + enhance.MaskFloor
	}
	return fastmath.Exp(float32(n.exponent)*fastmath.Log(x)) + enhance.MaskFloor
}

// maskBackward takes dL/dG, which it overwrites, and the gradient of the
// coefficients, if there are any, back to the weights, and to the dictionaries
// when tuneDictionaries is set.
func (n *network) maskBackward(dg, dc nn.Mat, tuneDictionaries bool) {
	n.dxs = n.dxs.Resize(dg.Rows, dg.Cols)
	n.dxn = n.dxn.Resize(dg.Rows, dg.Cols)
	p := float32(n.exponent)
	for i, d := range dg.Data {
		g := n.gain.Data[i]
		// With u = ln(Xs^p e^r) - ln(Xn^p): dG/du = G (1 - G), and
		// du/dX = +-p X^(p-1)/(X^p + d) = +-p (1 - d/(X^p + d))/X.
		u := d * g * (1 - g)
		dg.Data[i] = u
		n.dxs.Data[i] = u * n.slope(n.xs.Data[i], p)
		n.dxn.Data[i] = -u * n.slope(n.xn.Data[i], p)
	}
	if tuneDictionaries {
		n.speech.backward(n.dxs, n.hs)
		n.noise.backward(n.dxn, n.hn)
	}
	n.dhs = n.dhs.Resize(dg.Rows, n.hs.Cols)
	n.dhn = n.dhn.Resize(dg.Rows, n.hn.Cols)
	nn.Gemm(nn.NoTrans, nn.NoTrans, 1, n.dxs, n.speech.w, 0, n.dhs)
	nn.Gemm(nn.NoTrans, nn.NoTrans, 1, n.dxn, n.noise.w, 0, n.dhn)
	var extra nn.Mat
	if n.refine != nil {
		extra = n.refine.Backward(dg)
	}
	if n.filter != nil {
		d := n.filter.Backward(dc)
		if extra.Data != nil {
			fastmath.AddTo(d.Data, extra.Data)
		}
		extra = d
	}
	n.activationsBackward(n.join(n.dhs, n.dhn), extra)
}

// slope returns d ln(x^p + d)/dx.
func (n *network) slope(x, p float32) float32 {
	s := n.power(x)
	return p * (s - enhance.MaskFloor) / ((x + 1e-12) * s)
}

// setLanes prepares the recurrent layers for batches of that many sequences,
// from a zero state.
func (n *network) setLanes(lanes int) {
	for _, g := range n.gru {
		g.Reset(lanes)
	}
}

// forget sets one lane's recurrent state to zero.
func (n *network) forget(lane int) {
	for _, g := range n.gru {
		clear(g.State.Row(lane))
	}
}
