package nn

// Layer is what the layers of this package have in common.
type Layer interface {
	// Forward returns the layer's output for a batch of rows; the matrix is the
	// layer's own and is overwritten by the next call.
	Forward(x Mat) Mat
	// Backward takes the gradient with respect to the last output, adds to the
	// parameters' gradients, and returns the gradient with respect to the input.
	Backward(dy Mat) Mat
	// Params returns the weights, in a fixed order.
	Params() []*Param
}

var (
	_ Layer = (*Dense)(nil)
	_ Layer = (*LeakyReLU)(nil)
	_ Layer = (*GRU)(nil)
)

// Params collects the parameters of several layers.
func Params(layers ...Layer) []*Param {
	var all []*Param
	for _, l := range layers {
		all = append(all, l.Params()...)
	}
	return all
}
