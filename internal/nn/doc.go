// Package nn holds the layers and the optimiser that train sotto's networks.
//
// It is a small kit for one purpose: batches of float32 rows pass through
// [Dense], [LeakyReLU] and [GRU] layers, gradients come back by hand-written
// backpropagation, and [AdamW] moves the weights. There is no graph and no
// tape: a network is a struct whose Forward calls its layers in order and
// whose Backward calls them in reverse.
//
// # Shapes
//
// A [Mat] is row-major and a row is one sample. Sequences are time-major: with
// B sequences in a batch, row t*B+b is frame t of sequence b, so that one step
// of all sequences is one contiguous block and the products of a whole
// sequence are one matrix product.
//
// # Layers
//
// Forward keeps what Backward needs, so the two come in pairs. Backward adds
// into the gradients and returns the loss's gradient with respect to the
// layer's input. Matrices that a layer returns belong to it and are
// overwritten by its next call. A layer is not safe for concurrent use;
// Replica gives another goroutine its own copy that shares the weights and
// owns its gradients, and [AddGrads] collects them.
//
// # Products
//
// [Gemm] runs on gonum's pure Go BLAS; the build tag openblas swaps in
// OpenBLAS, which is several times faster on the products (docs/design.md has
// the figures).
package nn
