package dict

import (
	"fmt"
	"math"
	"math/rand/v2"

	"sotto/internal/fastmath"
	"sotto/internal/nn"
)

const (
	// featureFloor is added to the scaled magnitudes before the logarithm
	// (eps_x in ALGORITHMS 1.2): 80 dB below the mean.
	featureFloor = 1e-4
	// leak is the slope of the hidden units' negative side.
	leak = 0.01
	// encodeBlock is how many frames are encoded in one product.
	encodeBlock = 512
)

// Encoder maps a frame to the posterior of its activations: logarithm,
// standardisation per bin, fully connected layers with leaky ReLUs, and for
// every atom the shape a and the rate b of a Gamma distribution.
type Encoder struct {
	scale     float64   // data are divided by it
	mean, std []float32 // of the logarithms, per bin
	norms     []float32 // what each atom's activation is multiplied by
	layers    []*nn.Dense
}

// newEncoder returns an untrained encoder for frames scaled by scale. Its
// output starts at a = 1 and a/b = 1, the prior of a rank-K model whose atoms
// sum to the mean spectrum.
func newEncoder(f *Frames, scale float64, hidden []int, rank int, rng *rand.Rand) *Encoder {
	e := &Encoder{scale: scale, norms: make([]float32, rank)}
	for k := range e.norms {
		e.norms[k] = 1
	}
	e.standardise(f)
	in := f.Bins
	for i, n := range append(append([]int(nil), hidden...), 2*rank) {
		e.layers = append(e.layers, nn.NewDense(fmt.Sprintf("encoder.%d", i), in, n, rng))
		in = n
	}
	out := e.layers[len(e.layers)-1]
	for i := range out.W.Value {
		out.W.Value[i] *= 0.1 // start near the prior whatever the input
	}
	for i := range out.B.Value {
		out.B.Value[i] = 0.5402 // softplus(0.5402) + 1e-3 = 1
	}
	return e
}

// standardise measures mean and deviation of the features over at most 20000
// frames, spread evenly.
func (e *Encoder) standardise(f *Frames) {
	sum, sq := make([]float64, f.Bins), make([]float64, f.Bins)
	stride := max(1, f.Count/20000)
	inv := float32(1 / e.scale)
	n := 0.0
	for i := 0; i < f.Count; i += stride {
		for j, v := range f.Row(i) {
			x := float64(fastmath.Log(v*inv + featureFloor))
			sum[j] += x
			sq[j] += x * x
		}
		n++
	}
	e.mean, e.std = make([]float32, f.Bins), make([]float32, f.Bins)
	for j := range sum {
		m := sum[j] / n
		e.mean[j] = float32(m)
		e.std[j] = float32(math.Sqrt(max(sq[j]/n-m*m, 1e-4)))
	}
}

// features sets dst to the encoder's input for scaled frames x.
func (e *Encoder) features(dst, x nn.Mat) {
	for i := range x.Rows {
		out := dst.Row(i)
		for j, v := range x.Row(i) {
			out[j] = (fastmath.Log(v+featureFloor) - e.mean[j]) / e.std[j]
		}
	}
}

// Rank returns the number of activations per frame.
func (e *Encoder) Rank() int { return len(e.norms) }

// Encode returns the posterior means a/b of the activations of every frame,
// Count x Rank, such that the dictionary's W times a row approximates the
// frame. The result goes to dst, which is allocated when nil; another length
// panics. Encode may run concurrently.
func (e *Encoder) Encode(dst []float32, f *Frames) []float32 {
	rank := e.Rank()
	if dst == nil {
		dst = make([]float32, f.Count*rank)
	}
	if len(dst) != f.Count*rank || f.Bins != len(e.mean) {
		panic(fmt.Sprintf("dict: encoding %d frames of %d bins into %d values, want frames of %d bins and %d values",
			f.Count, f.Bins, len(dst), len(e.mean), f.Count*rank))
	}
	parallel(defaultWorkers, f.Count, func(_, from, to int) {
		net := newMLP(e.layers).replica()
		var x nn.Mat
		for start := from; start < to; start += encodeBlock {
			end := min(start+encodeBlock, to)
			x = x.Resize(end-start, f.Bins)
			for i, v := range f.Data[start*f.Bins : end*f.Bins] {
				x.Data[i] = v / float32(e.scale)
			}
			e.features(x, x)
			e.means(dst[start*rank:end*rank], net.forward(x))
		}
	})
	return dst
}

// means writes the posterior means that the raw outputs r stand for.
func (e *Encoder) means(dst []float32, r nn.Mat) {
	rank := e.Rank()
	scale := float32(e.scale)
	for i := range r.Rows {
		raw := r.Row(i)
		for k, norm := range e.norms {
			a, b := bounded(raw[k], minShape, maxShape), bounded(raw[rank+k], minRate, maxRate)
			dst[i*rank+k] = a / b * norm * scale
		}
	}
}

// mlp is the encoder's network with its activations.
type mlp struct {
	dense []*nn.Dense
	act   []*nn.LeakyReLU
}

func newMLP(layers []*nn.Dense) *mlp {
	m := &mlp{dense: layers}
	for range len(layers) - 1 {
		m.act = append(m.act, nn.NewLeakyReLU(leak))
	}
	return m
}

// replica returns a network that shares the weights.
func (m *mlp) replica() *mlp {
	var layers []*nn.Dense
	for _, d := range m.dense {
		layers = append(layers, d.Replica())
	}
	return newMLP(layers)
}

func (m *mlp) params() []*nn.Param {
	var p []*nn.Param
	for _, d := range m.dense {
		p = append(p, d.Params()...)
	}
	return p
}

func (m *mlp) forward(x nn.Mat) nn.Mat {
	for i, d := range m.dense {
		x = d.Forward(x)
		if i < len(m.act) {
			x = m.act[i].Forward(x)
		}
	}
	return x
}

func (m *mlp) backward(dy nn.Mat) {
	for i := len(m.dense) - 1; i > 0; i-- {
		dy = m.act[i-1].Backward(m.dense[i].Backward(dy))
	}
	m.dense[0].BackwardParams(dy)
}
