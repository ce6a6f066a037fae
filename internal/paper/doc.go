// Package paper repeats the two experiments of Xie et al., "A variational
// autoencoder-based nonnegative matrix factorisation model for deep dictionary
// learning" (arXiv 2301.07272): separating speech from noise, and finding
// muscle synergies.
//
// A [Speech] or an [EMG] configuration holds every number of an experiment, and
// says of each whether it stands in the paper or is ours. RunSpeech and RunEMG
// train, score and return results; the results write tables, figures and the
// configuration that made them.
//
//	data, err := paper.LoadSpeech(ctx, "timit/", "noisex92/", cfg, nil)
//	results, err := paper.RunSpeech(ctx, data, cfg, paper.Options{Work: "cells/"})
//	err = results.WriteMarkdown(w)
//
// # Systems
//
// Every [System] is an estimator of activations, two dictionaries and the
// exponent of the mask between their reconstructions, so one loop runs and
// scores them all:
//
//   - NMF: multiplicative updates on the mixture with both dictionaries.
//   - SNMF: the same with sparse activations and dictionaries learned for them.
//   - DNMF: sparse activations, and other dictionaries for the reconstruction
//     (Weninger et al., Interspeech 2014).
//   - RNN: the recurrent network of Huang et al. (ICASSP 2014, TASLP 2015),
//     joint mask layer and discriminative term; its "dictionaries" are identities.
//   - NMF-DNN: activations of NMF dictionaries by the network that VAE-NMF uses,
//     the comparison that tells the dictionary's share from the network's.
//   - VAE-NMF: the paper's method, activations by a frame-wise network.
//
// # What the results are not
//
// The figures of the paper that stand beside ours were measured on the full
// TIMIT and NOISEX-92, with settings that its text does not give. They are not
// comparable with results on other data.
package paper
