package enhance

import (
	"slices"

	"sotto/internal/fastmath"
	"sotto/internal/narrow"
)

// Estimator tells how active every atom of the two dictionaries is in a
// frame.
//
// Estimate takes in the spectrum of the next frame and sets h, whose first
// values belong to the speech dictionary and the rest to the noise
// dictionary. Only the proportions within a frame matter: h is in whatever
// unit makes a typical reconstruction about 1. A spectrum may be shorter
// than the dictionaries, at a low sample rate; the missing bins are empty.
// Estimate neither allocates nor fails, and h is finite and not negative.
//
// Reset forgets everything about earlier frames.
type Estimator interface {
	Estimate(h []float32, spectrum []complex64)
	Reset()
}

// refiner is the optional part of an Estimator that goes beyond a mask from the
// dictionaries. Its methods belong to the frame of the last Estimate.
type refiner interface {
	// refine returns the correction of the logit of the mask per bin, valid
	// until the next Estimate, or nil.
	refine() []float32
	// filter returns what the [Filter] adds to the lowest bins of the frame's
	// spectrum, valid until the next one, or nil. It must see every frame.
	filter(spectrum []complex64) []complex64
}

var (
	_ Estimator = (*Recurrent)(nil)
	_ refiner   = (*Recurrent)(nil)
	_ Estimator = (*alternating)(nil)
	_ refiner   = (*alternating)(nil)
	_ Estimator = (*NMF)(nil)
)

// tiny is where a state counts as zero: far below what a float32 sum with
// values near 1 can see, far above the denormal numbers that slow a CPU down.
const tiny = 1e-20

// Recurrent is the trained Estimator: the network of a model with its state.
type Recurrent struct {
	features *Features
	in, out  affine
	layers   []recurrence
	x        []float32
	input    []float32
	refining *affine // nil: no refinement stage
	logit    []float32
	filters  *multiframe // nil: none
}

// NewRecurrent returns the estimator of a valid model.
func NewRecurrent(m *Model) *Recurrent {
	width := m.Network.Width()
	r := &Recurrent{
		features: NewFeatures(m.Features, m.Grid.Hop),
		in:       newAffine(&m.Network.In),
		out:      newAffine(&m.Network.Out),
		x:        make([]float32, width),
		input:    make([]float32, m.Features.Inputs()),
	}
	for l := range m.Network.GRU {
		r.layers = append(r.layers, newRecurrence(&m.Network.GRU[l]))
	}
	if m.Refine != nil {
		a := newAffine(m.Refine)
		r.refining, r.logit = &a, make([]float32, m.Refine.Out)
	}
	if m.Filter != nil {
		r.filters = newMultiframe(m.Filter)
	}
	return r
}

// twin returns an estimator of the same model with a past of its own. It shares the
// weights and what a frame needs only while it is worked on, so the two must take
// turns.
func (r *Recurrent) twin(m *Model) *Recurrent {
	t := *r
	t.features = NewFeatures(m.Features, m.Grid.Hop)
	t.layers = slices.Clone(r.layers)
	for l := range t.layers {
		t.layers[l].state = make([]float32, len(r.layers[l].state))
	}
	if r.filters != nil {
		f := *r.filters
		f.past = make([]complex64, len(f.past))
		t.filters = &f
	}
	return &t
}

// Estimate implements [Estimator]; the activations are relative to the
// running level of the features.
func (r *Recurrent) Estimate(h []float32, spectrum []complex64) {
	r.features.Compute(r.input, spectrum)
	r.in.apply(r.x, r.input)
	for i, v := range r.x {
		if v < 0 {
			r.x[i] = LeakySlope * v
		}
	}
	for l := range r.layers {
		fastmath.AddTo(r.x, r.layers[l].step(r.x))
	}
	r.out.apply(h, r.x)
	fastmath.SoftplusTo(h, h)
}

// refine implements refiner.
func (r *Recurrent) refine() []float32 {
	if r.refining == nil {
		return nil
	}
	r.refining.apply(r.logit, r.x)
	return r.logit
}

// filter implements refiner.
func (r *Recurrent) filter(spectrum []complex64) []complex64 {
	if r.filters == nil {
		return nil
	}
	return r.filters.apply(spectrum, r.x)
}

// Reset implements [Estimator].
func (r *Recurrent) Reset() {
	r.features.Reset()
	if r.filters != nil {
		r.filters.reset()
	}
	for l := range r.layers {
		clear(r.layers[l].state)
	}
}

// alternating gives the frames by turns to two twins.
type alternating struct {
	turns [2]*Recurrent
	last  int // whose turn it was
}

// Estimate implements [Estimator].
func (a *alternating) Estimate(h []float32, spectrum []complex64) {
	a.last = 1 - a.last
	a.turns[a.last].Estimate(h, spectrum)
}

func (a *alternating) refine() []float32 { return a.turns[a.last].refine() }

func (a *alternating) filter(spectrum []complex64) []complex64 {
	return a.turns[a.last].filter(spectrum)
}

// Reset implements [Estimator].
func (a *alternating) Reset() {
	a.last = 0
	for _, r := range a.turns {
		r.Reset()
	}
}

// affine is a matrix and a bias.
type affine struct {
	weight *narrow.Matrix
	bias   []float32
}

func newAffine(d *Dense) affine {
	return affine{narrow.New(d.Out, d.In, d.Weight), d.Bias}
}

// apply sets y to weight x + bias.
func (a *affine) apply(y, x []float32) {
	copy(y, a.bias)
	a.weight.AddTo(y, x)
}

// recurrence is a GRU with its state.
type recurrence struct {
	input, hidden affine
	gi, gh        []float32 // the three gates' shares of input and state
	state         []float32
}

func newRecurrence(g *GRU) recurrence {
	n := 3 * g.Hidden
	return recurrence{
		input:  affine{narrow.New(n, g.In, g.WeightIH), g.BiasIH},
		hidden: affine{narrow.New(n, g.Hidden, g.WeightHH), g.BiasHH},
		gi:     make([]float32, n),
		gh:     make([]float32, n),
		state:  make([]float32, g.Hidden),
	}
}

// step takes in x and returns the new state, which stays the recurrence's
// own. Values too small to matter, and NaN, which finite weights can give
// only by overflow, become zero, so that nothing sticks.
func (g *recurrence) step(x []float32) []float32 {
	g.input.apply(g.gi, x)
	g.hidden.apply(g.gh, g.state)
	n := len(g.state)
	gates := g.gi[:2*n]
	fastmath.AddTo(gates, g.gh[:2*n])
	fastmath.SigmoidTo(gates, gates)
	reset, update := gates[:n], gates[n:]
	candidate := g.gi[2*n:]
	fastmath.MulAddTo(candidate, reset, g.gh[2*n:])
	fastmath.TanhTo(candidate, candidate)
	return fastmath.BlendTo(g.state, update, candidate, tiny)
}
