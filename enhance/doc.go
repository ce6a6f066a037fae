// Package enhance takes the noise out of a voice, one hop at a time.
//
// Load a [Model], make an [Enhancer] for the sample rate of the stream, and
// feed it hops:
//
//	m, err := enhance.Load("sotto.safetensors")
//	...
//	e, err := enhance.New(m, 48000, enhance.Config{MaxAttenuation: 30})
//	...
//	e.Process(dst, src) // exactly e.Hop() samples, late by e.Latency()
//
// # What happens to a hop
//
// The spectrum Y of the last 32 ms is reduced to features, the features go
// through a small recurrent network, and the network tells how active every
// atom of a speech dictionary and of a noise dictionary is. The two
// reconstructions X_s = W_s h_s and X_n = W_n h_n make the mask
//
//	G = (X_s^p + d)/(X_s^p + X_n^p + 2d)
//
// which is floored by the attenuation limit and multiplies Y. A model may
// carry a refinement stage that adds to the logit of G, and a [Filter] that mends
// the phase of the low bins.
//
// # Sample rates
//
// A model is trained at one rate and runs, unresampled, at 8, 16, 24, 32 and
// 48 kHz: the frames are fixed in time, so the bins lie at the same
// frequencies. What a low rate lacks is fed as silence; above the band the
// model knows, the gain follows the top of that band.
//
// # Real-time rules
//
// Process neither allocates, locks, blocks, logs nor fails. Input samples
// that are not finite count as zero. One Enhancer serves one goroutine;
// [Enhancer.SetMaxAttenuation] and [Enhancer.SetBypass] may be called from
// any other.
package enhance
