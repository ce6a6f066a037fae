package nn

import (
	"math"
	"math/rand/v2"
)

// GRU is a gated recurrent layer (Cho et al. 2014) in the form that applies the
// reset gate after the matrix product, as cuDNN and PyTorch do:
//
//	r  = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
//	z  = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
//	n  = tanh   (W_in x + b_in + r (W_hn h + b_hn))
//	h' = (1 - z) n + z h
//
// The three gates are stacked in the order r, z, n: WeightIH is 3H x In,
// WeightHH is 3H x H. Batches are time-major (see the package comment).
type GRU struct {
	In, Hidden int
	// Lanes is the number of sequences in a batch; Forward's input has a multiple
	// of Lanes rows.
	Lanes                              int
	WeightIH, WeightHH, BiasIH, BiasHH *Param
	// State is the hidden state before the next Forward, Lanes x Hidden: zero at
	// first, and afterwards the state in which the last batch ended. Set rows to
	// zero to start a sequence afresh. No gradient flows through it.
	State Mat

	x      Mat
	hidden Mat // (T+1)*Lanes x H: the initial state, then the output of every step
	gates  Mat // T*Lanes x 3H: r, z, n after their nonlinearities
	inner  Mat // T*Lanes x H: W_hn h + b_hn
	step   Mat // Lanes x 3H: one step's recurrent product
	turned Mat // H x 3H: WeightHH transposed
	dIn    Mat // T*Lanes x 3H: gradient of the input's share of the gates
	dRec   Mat // T*Lanes x 3H: gradient of the recurrent share
	carry  Mat // Lanes x H: gradient that flows back through time
	dx     Mat
}

// NewGRU returns a layer with weights uniform in +-1/sqrt(hidden), PyTorch's
// default. The update gate's bias is drawn from [0, 3], so that the units start
// with memories from one to about twenty frames (the idea of the chrono
// initialisation, Tallec and Ollivier 2018).
func NewGRU(name string, in, hidden int, rng *rand.Rand) *GRU {
	g := &GRU{
		In: in, Hidden: hidden,
		WeightIH: NewParam(name+".weight_ih", 3*hidden, in, true),
		WeightHH: NewParam(name+".weight_hh", 3*hidden, hidden, true),
		BiasIH:   NewParam(name+".bias_ih", 1, 3*hidden, false),
		BiasHH:   NewParam(name+".bias_hh", 1, 3*hidden, false),
	}
	limit := 1 / math.Sqrt(float64(hidden))
	fillUniform(g.WeightIH.Value, limit, rng)
	fillUniform(g.WeightHH.Value, limit, rng)
	for i := range hidden {
		g.BiasIH.Value[hidden+i] = float32(3 * rng.Float64())
	}
	return g
}

// Replica returns a layer that shares g's weights and has its own state.
func (g *GRU) Replica() *GRU {
	return &GRU{
		In: g.In, Hidden: g.Hidden, Lanes: g.Lanes,
		WeightIH: g.WeightIH.Replica(), WeightHH: g.WeightHH.Replica(),
		BiasIH: g.BiasIH.Replica(), BiasHH: g.BiasHH.Replica(),
	}
}

// Params returns the four parameters.
func (g *GRU) Params() []*Param {
	return []*Param{g.WeightIH, g.WeightHH, g.BiasIH, g.BiasHH}
}

// Silence makes the layer's output zero, from a zero state, until it has learned:
// its candidates n become zero whatever it hears, and its gates stay as they are.
// So a layer added to a residual network begins by changing nothing.
func (g *GRU) Silence() {
	for _, p := range g.Params() {
		clear(p.Value[2*len(p.Value)/3:])
	}
}

// Reset makes the state zero for the given number of sequences.
func (g *GRU) Reset(lanes int) {
	g.Lanes = lanes
	g.State = g.State.Resize(lanes, g.Hidden)
	g.State.Zero()
}

// Forward runs the sequences from State and leaves their end in State. The
// output has a row of Hidden values for every input row.
func (g *GRU) Forward(x Mat) Mat {
	b, h := g.Lanes, g.Hidden
	if b == 0 || x.Rows%b != 0 {
		panic("nn: GRU input rows must be a multiple of Lanes")
	}
	if g.State.Rows != b {
		g.Reset(b)
	}
	steps := x.Rows / b
	g.x = x
	g.hidden = g.hidden.Resize(x.Rows+b, h)
	g.gates = g.gates.Resize(x.Rows, 3*h)
	g.inner = g.inner.Resize(x.Rows, h)
	g.step = g.step.Resize(b, 3*h)
	g.turned = g.turned.Resize(h, 3*h)
	g.WeightHH.Mat().transpose(g.turned)
	copy(g.hidden.Data, g.State.Data)
	Gemm(NoTrans, T, 1, x, g.WeightIH.Mat(), 0, g.gates)
	addBias(g.gates, g.BiasIH.Value)
	for t := range steps {
		prev := g.hidden.Slice(t*b, (t+1)*b)
		gemmFewRows(prev, g.turned, 0, g.step)
		for i := range b {
			g.cell(t*b+i, i)
		}
	}
	copy(g.State.Data, g.hidden.Data[x.Rows*h:])
	return g.hidden.Slice(b, x.Rows+b)
}

// Backward is backpropagation through time over the last Forward's sequences.
func (g *GRU) Backward(dy Mat) Mat {
	b, h := g.Lanes, g.Hidden
	steps := dy.Rows / b
	g.dIn = g.dIn.Resize(dy.Rows, 3*h)
	g.dRec = g.dRec.Resize(dy.Rows, 3*h)
	g.carry = g.carry.Resize(b, h)
	g.carry.Zero()
	for t := steps - 1; t >= 0; t-- {
		for i := range b {
			g.cellBackward(dy, t*b+i, i)
		}
		gemmFewRows(g.dRec.Slice(t*b, (t+1)*b), g.WeightHH.Mat(), 1, g.carry)
	}
	before := g.hidden.Slice(0, dy.Rows)
	Gemm(T, NoTrans, 1, g.dIn, g.x, 1, g.WeightIH.GradMat())
	Gemm(T, NoTrans, 1, g.dRec, before, 1, g.WeightHH.GradMat())
	sumRows(g.BiasIH.Grad, g.dIn)
	sumRows(g.BiasHH.Grad, g.dRec)
	g.dx = g.dx.Resize(dy.Rows, g.In)
	Gemm(NoTrans, NoTrans, 1, g.dIn, g.WeightIH.Mat(), 0, g.dx)
	return g.dx
}
