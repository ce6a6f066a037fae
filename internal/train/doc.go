// Package train trains what sotto runs: the activation estimator, from
// dictionaries that package dict has learned.
//
// # The two steps
//
// A network looks at the features of a noisy frame and gives activations h of
// both dictionaries. First it learns, as in the paper, the encodings that the
// dictionaries' own encoders give to the clean speech and to the scaled noise
// (regression). Then it learns end to end: the activations make two
// reconstructions, those make a Wiener mask, and the loss compares the masked
// spectrum with the clean one on a compressed scale (docs/design.md,
// ALGORITHMS 6.2). The dictionaries stand still, or follow at a tenth of the
// rate towards the end.
//
// # The machine
//
// A pipeline of mixing goroutines prepares batches beside the optimiser. One
// replica of the network per core takes half a batch each; their gradients are
// added. Everything is a pure function of the seed and the step, and a
// checkpoint holds all that a killed run needs to go on.
package train
