package paper

import (
	"fmt"
	"math/rand/v2"

	"sotto/internal/metrics/bsseval"
	"sotto/internal/metrics/pesq"
	"sotto/internal/metrics/sisdr"
	"sotto/stft"
)

// Score is what is measured of one system on one mixture. PESQ is the raw
// narrow-band score of P.862, LQO its mapping by P.862.1.
type Score struct {
	SDR   float64 `json:"sdr"`
	SIR   float64 `json:"sir"`
	SAR   float64 `json:"sar"`
	PESQ  float64 `json:"pesq"`
	LQO   float64 `json:"pesq_lqo"`
	SISDR float64 `json:"si_sdr"`
}

// trial is one test mixture.
type trial struct {
	Noise     string  `json:"noise"`
	SNR       float64 `json:"snr"`
	Utterance string  `json:"utterance"`

	speech, noise, mixture []float32
}

// trials makes the mixtures of one noise: every utterance at every ratio, with
// a stretch of noise that the seed chooses, the same at every ratio.
func trials(speech, noise []*sound, class string, cfg *Speech, seed uint64) []*trial {
	rng := rand.New(rand.NewPCG(seed, 0x7))
	var out []*trial
	for _, v := range speech {
		n := noise[rng.IntN(len(noise))]
		stretch := make([]float32, len(v.samples))
		at := rng.IntN(max(1, len(n.samples)-len(v.samples)+1))
		for i := range stretch {
			stretch[i] = n.samples[(at+i)%len(n.samples)]
		}
		for _, snr := range cfg.SNRs {
			t := &trial{Noise: class, SNR: snr, Utterance: v.name, speech: v.samples}
			t.noise = scaled(stretch, rms(v.samples)/max(rms(stretch), tiny)*amplitude(-snr))
			t.mixture = make([]float32, len(v.samples))
			for i, s := range v.samples {
				t.mixture[i] = s + t.noise[i]
			}
			out = append(out, t)
		}
	}
	return out
}

// scorer measures systems on trials; it serves one goroutine.
type scorer struct {
	grid  stft.Config
	meter *pesq.Meter
}

func newScorer(grid stft.Config) (*scorer, error) {
	m, err := pesq.New(pesq.Narrow, sampleRate)
	return &scorer{grid, m}, err
}

// score runs and measures systems on one trial; a nil system leaves the mixture
// as it is.
func (s *scorer) score(t *trial, systems []*System) ([]Score, error) {
	bss, err := bsseval.NewScorer([][]float32{t.speech, t.noise})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Utterance, err)
	}
	scores := make([]Score, len(systems))
	for i, system := range systems {
		est, name := t.mixture, Unprocessed
		if system != nil {
			name = system.Name
			if est, err = system.Separate(t.mixture, s.grid); err != nil {
				return nil, err
			}
		}
		if scores[i], err = s.measure(bss, t, est); err != nil {
			return nil, fmt.Errorf("%s of %s in %s at %g dB: %w", name, t.Utterance, t.Noise, t.SNR, err)
		}
	}
	return scores, nil
}

func (s *scorer) measure(bss *bsseval.Scorer, t *trial, est []float32) (Score, error) {
	b, err := bss.Score(est)
	if err != nil {
		return Score{}, err
	}
	q, err := s.meter.Score(t.speech, est)
	if err != nil {
		return Score{}, err
	}
	d, err := sisdr.Score(t.speech, est)
	return Score{SDR: b.SDR, SIR: b.SIR, SAR: b.SAR, PESQ: q.Raw, LQO: q.LQO, SISDR: d}, err
}
