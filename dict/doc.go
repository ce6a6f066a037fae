// Package dict learns dictionaries: small sets of nonnegative spectra, the
// atoms, whose nonnegative combinations approximate every frame of a kind of
// sound. A [Dictionary] of speech and one of noise are what the enhancer's
// Wiener mask is made of.
//
// # Methods
//
//   - [Train] is VAE-NMF (Xie et al., arXiv 2301.07272): a deep encoder gives
//     the Gamma posterior of the activations, and a sample of it passes through
//     one linear nonnegative layer, whose weights are the dictionary.
//   - [NMF] is the classical factorisation by multiplicative updates under the
//     KL, Frobenius or Itakura-Saito divergence, plain or sparse.
//   - [Discriminative] retrains two dictionaries for the mask they make
//     together.
//
// All take [Frames], a spectrogram with one frame per row, and a configuration
// whose zero fields mean the documented defaults, and report [Stats] while they
// run. A seed fixes the result.
//
// # Activations
//
// [Dictionary.Encode] finds activations by multiplicative updates with the
// dictionary fixed, for any dictionary. [Encoder.Encode] gives the posterior
// means of a VAE-NMF in one pass. Both are in units of the frames: W h is the
// frame. The atoms of [Train] and [NMF] have unit L1 norm, so an activation is
// the sum over bins of what its atom contributes.
//
// # Scale
//
// Frames are divided by their mean before anything is learned, so that
// learning rates, sparsity and prior mean the same for every recording level;
// the mean is kept as Scale.
//
// # Speed
//
// The work is matrix products and, in VAE-NMF, one Gamma variate per atom and
// frame: one normal, one uniform and four exponential numbers, five divisions
// and no logarithm. The build tag openblas speeds up the products.
package dict
