package nn

import (
	"math"
	"math/rand/v2"
)

// Dense is a fully connected layer, y = x W' + b, with W of shape Out x In.
type Dense struct {
	In, Out int
	W, B    *Param
	x, y    Mat
	dx      Mat
}

// NewDense returns a layer with Glorot-uniform weights (Glorot and Bengio 2010)
// and zero biases. Its parameters are called name.weight and name.bias.
func NewDense(name string, in, out int, rng *rand.Rand) *Dense {
	d := &Dense{In: in, Out: out, W: NewParam(name+".weight", out, in, true), B: NewParam(name+".bias", 1, out, false)}
	fillUniform(d.W.Value, math.Sqrt(6/float64(in+out)), rng)
	return d
}

func fillUniform(v []float32, limit float64, rng *rand.Rand) {
	for i := range v {
		v[i] = float32((2*rng.Float64() - 1) * limit)
	}
}

// Replica returns a layer that shares d's weights.
func (d *Dense) Replica() *Dense {
	return &Dense{In: d.In, Out: d.Out, W: d.W.Replica(), B: d.B.Replica()}
}

// Params returns the weight and the bias.
func (d *Dense) Params() []*Param { return []*Param{d.W, d.B} }

// Forward returns x W' + b; x has In columns.
func (d *Dense) Forward(x Mat) Mat {
	d.x, d.y = x, d.y.Resize(x.Rows, d.Out)
	Gemm(NoTrans, T, 1, x, d.W.Mat(), 0, d.y)
	addBias(d.y, d.B.Value)
	return d.y
}

// Backward takes dL/dy, adds to the gradients of W and b, and returns dL/dx.
func (d *Dense) Backward(dy Mat) Mat {
	d.BackwardParams(dy)
	d.dx = d.dx.Resize(dy.Rows, d.In)
	Gemm(NoTrans, NoTrans, 1, dy, d.W.Mat(), 0, d.dx)
	return d.dx
}

// BackwardParams is Backward without dL/dx, for a network's first layer.
func (d *Dense) BackwardParams(dy Mat) {
	Gemm(T, NoTrans, 1, dy, d.x, 1, d.W.GradMat())
	sumRows(d.B.Grad, dy)
}

// LeakyReLU is max(x, slope x), element by element.
type LeakyReLU struct {
	Slope float32
	y, dx Mat
}

// NewLeakyReLU returns the activation; slope is 0 for a plain ReLU.
func NewLeakyReLU(slope float32) *LeakyReLU { return &LeakyReLU{Slope: slope} }

// Replica returns an activation with buffers of its own.
func (l *LeakyReLU) Replica() *LeakyReLU { return NewLeakyReLU(l.Slope) }

// Params returns nil: there is nothing to learn.
func (l *LeakyReLU) Params() []*Param { return nil }

// Forward returns the activation of x.
func (l *LeakyReLU) Forward(x Mat) Mat {
	l.y = l.y.Resize(x.Rows, x.Cols)
	for i, v := range x.Data {
		l.y.Data[i] = max(v, l.Slope*v)
	}
	return l.y
}

// Backward returns dL/dx; a positive slope keeps the sign, so the output tells
// which branch was taken.
func (l *LeakyReLU) Backward(dy Mat) Mat {
	l.dx = l.dx.Resize(dy.Rows, dy.Cols)
	for i, g := range dy.Data {
		if l.y.Data[i] <= 0 {
			g *= l.Slope
		}
		l.dx.Data[i] = g
	}
	return l.dx
}
