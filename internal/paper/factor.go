package paper

import (
	"context"
	"math/rand/v2"

	"sotto/dict"
	"sotto/enhance"
)

// multiplicative estimates activations by multiplicative updates, frame by
// frame, with both dictionaries at once.
type multiplicative struct {
	joined *dict.Dictionary
	cfg    dict.EncodeConfig
	frame  dict.Frames
}

// Estimate implements [enhance.Estimator].
func (m *multiplicative) Estimate(h []float32, spectrum []complex64) {
	m.frame = dict.Frames{Bins: m.joined.Bins, Data: m.frame.Data[:0]}
	m.frame.Append(spectrum)
	m.joined.Encode(h, &m.frame, m.cfg)
}

// Reset implements [enhance.Estimator]: every frame stands alone.
func (m *multiplicative) Reset() {}

func basis(d *dict.Dictionary) *enhance.Basis {
	return &enhance.Basis{Bins: d.Bins, Rank: d.Rank, W: d.W}
}

// pair is a dictionary of speech and one of noise, learned alike.
type pair struct{ speech, noise *dict.Dictionary }

// newFactored returns NMF and, with sparsity, SNMF.
func newFactored(name string, p pair, cfg dict.EncodeConfig, exponent float64) *System {
	return &System{
		Name: name, Speech: basis(p.speech), Noise: basis(p.noise), Exponent: float32(exponent),
		New: func() enhance.Estimator { return &multiplicative{joined: dict.Join(p.speech, p.noise), cfg: cfg} },
	}
}

// trainDiscriminative returns DNMF: activations by sparse analysis
// dictionaries, a mask by reconstruction dictionaries that were learned to make
// a good one. Its exponent is 1, as in what they were learned for.
func trainDiscriminative(ctx context.Context, s *scene, analysis pair, cfg *Speech, seed uint64) (*System, error) {
	rng := rand.New(rand.NewPCG(seed, 0xd))
	encode := dict.EncodeConfig{Iterations: cfg.MixIterations, Sparsity: cfg.DNMFSparsity}
	target, mixture := &dict.Frames{Bins: s.bins}, &dict.Frames{Bins: s.bins}
	t := cfg.DNN.Training
	for range cfg.DNMFMixtures {
		for i, v := range s.speech {
			b := newBatch(1, v.mags.Count, s.bins)
			j := rng.IntN(len(s.noise))
			b.speechOf[0], b.noiseOf[0] = i, j
			b.gain[0] = float32(amplitude(-(t.SNRLow + (t.SNRHigh-t.SNRLow)*rng.Float64())))
			b.mix(0, v, s.noise[j], 0, rng.IntN(s.noise[j].mags.Count))
			target.Data = append(target.Data, b.speech.Data...)
			mixture.Data = append(mixture.Data, b.mixture.Data...)
			target.Count += v.mags.Count
			mixture.Count += v.mags.Count
		}
	}
	speech, noise, err := dict.Discriminative(ctx, target, mixture, analysis.speech, analysis.noise,
		dict.DiscriminativeConfig{Iterations: cfg.DNMFSteps, Analysis: encode}, nil)
	if err != nil {
		return nil, err
	}
	joined := dict.Join(analysis.speech, analysis.noise)
	joined.Scale = mixture.Mean()
	return &System{
		Name: "DNMF", Speech: basis(speech), Noise: basis(noise), Exponent: 1,
		New: func() enhance.Estimator { return &multiplicative{joined: joined, cfg: encode} },
	}, nil
}
