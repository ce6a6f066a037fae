// Package corpus holds speech and noise in memory and makes training mixtures of them.
//
// Everything is mono at [SampleRate] and kept as 16-bit integers: seven hours take 0.8 GB, and a mixture then costs arithmetic
// alone, no decoding. The usual order is:
//
//	speech, err := corpus.LoadFolder(ctx, []string{"speech/train", "speech/train_more"}, nil)
//	noise, err := corpus.LoadFolder(ctx, []string{"noise/train"}, nil)
//	speech, report := corpus.Screen(speech, corpus.DefaultThresholds())
//	noise, held := corpus.SplitByClip(noise, 0.1, seed)
//	mixer, err := corpus.NewMixer(speech, noise, corpus.DefaultMixConfig(), seed)
//	var m corpus.Mixture
//	mixer.Mix(i, &m) // m.Clean, m.Noisy
//
// # Reproducibility
//
// Mix is a pure function of the seed and of i: the mixtures of a run can be made by any number of goroutines, in any order, and
// after an interruption. [Manifest] pins the files a model was trained on. Splits depend on the names of the clips and on the
// seed only, never on the order of loading.
//
// # File names
//
// A name of the form corpus__speaker__utterance (speech) or corpus__class__clip (noise) says who speaks, or what sounds. Files
// named otherwise belong to the folder directly below the root, as LibriSpeech and VCTK lay them out, and a file directly in the
// root stands for itself. [TIMIT] and [NOISEX] read those two corpora as they are shipped.
package corpus
