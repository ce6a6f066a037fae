package train

import (
	"context"
	"fmt"
	"math"
	"sync"

	"sotto/enhance"
	"sotto/internal/corpus"
	"sotto/internal/metrics/pesq"
	"sotto/internal/metrics/sisdr"
	"sotto/internal/metrics/stoi"
)

// Scores are a model's results on validation clips. Means are over all clips.
type Scores struct {
	SISDR, NoisySISDR float64 // dB
	STOI, NoisySTOI   float64
	PESQ              float64 // wide-band
	// HighSNR is the change of SI-SDR in dB over the clips with the highest SNR:
	// what the model does to voices that hardly need it.
	HighSNR float64
}

// Selection is the figure that chooses between checkpoints: a decibel of
// SI-SDR weighs as much as 0.01 of STOI or 0.1 of PESQ, about their ratio between
// the suppressors that docs/design.md compares.
func (s *Scores) Selection() float64 {
	return (s.SISDR - s.NoisySISDR) + 100*(s.STOI-s.NoisySTOI) + 10*s.PESQ
}

// String is one line for a log.
func (s *Scores) String() string {
	return fmt.Sprintf("SI-SDR %.2f dB (%+.2f), STOI %.4f (%+.4f), PESQ-WB %.3f, high SNR %+.2f dB",
		s.SISDR, s.SISDR-s.NoisySISDR, s.STOI, s.STOI-s.NoisySTOI, s.PESQ, s.HighSNR)
}

// highSNR is where clips count as hardly noisy, in dB: the top two of the five
// steps of the validation set.
const highSNR = 10

// Validator scores models on fixed clips.
type Validator struct {
	// Clips are the mixtures; the first Skip samples of each are processed and
	// not scored.
	Clips []*corpus.Mixture
	Skip  int
	// Workers is how many clips are scored at once.
	Workers int
}

// Validate runs the model over all clips.
func (v *Validator) Validate(ctx context.Context, m *enhance.Model) (*Scores, error) {
	results := make([]clipScores, len(v.Clips))
	errs := make([]error, max(v.Workers, 1))
	var wait sync.WaitGroup
	for w := range errs {
		wait.Go(func() {
			for i := w; i < len(v.Clips) && errs[w] == nil; i += len(errs) {
				if errs[w] = ctx.Err(); errs[w] == nil {
					results[i], errs[w] = v.score(m, v.Clips[i])
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("train: validation: %w", err)
		}
	}
	return summarise(results), nil
}

type clipScores struct {
	snr                          float64
	sdr, noisySDR, stoi, noisyST float64
	pesq                         float64
}

func (v *Validator) score(m *enhance.Model, clip *corpus.Mixture) (clipScores, error) {
	out, err := Clean(m, clip.Noisy, corpus.SampleRate)
	if err != nil {
		return clipScores{}, err
	}
	clean, noisy, out := clip.Clean[v.Skip:], clip.Noisy[v.Skip:], out[v.Skip:]
	c := clipScores{snr: clip.SNR}
	for _, pair := range []struct {
		est  []float32
		sdr  *float64
		stoi *float64
	}{{out, &c.sdr, &c.stoi}, {noisy, &c.noisySDR, &c.noisyST}} {
		if *pair.sdr, err = sisdr.Score(clean, pair.est); err != nil {
			return c, err
		}
		r, err := stoi.Score(clean, pair.est, corpus.SampleRate)
		if err != nil {
			return c, err
		}
		*pair.stoi = r.STOI
	}
	if c.pesq, err = pesq.WideBand(clean, out, corpus.SampleRate); err != nil {
		c.pesq = worstPESQ // LoadData saw that the clip can be scored: the model left no voice to align
	}
	return c, nil
}

// worstPESQ is where the scale of P.862.2 begins.
const worstPESQ = 1

func summarise(clips []clipScores) *Scores {
	s := &Scores{}
	n := float64(len(clips))
	var high, top float64
	for _, c := range clips {
		s.SISDR += c.sdr / n
		s.NoisySISDR += c.noisySDR / n
		s.STOI += c.stoi / n
		s.NoisySTOI += c.noisyST / n
		s.PESQ += c.pesq / n
		if c.snr >= highSNR {
			top += c.sdr - c.noisySDR
			high++
		}
	}
	s.HighSNR = top / math.Max(high, 1)
	return s
}

// Clean runs a model over a whole signal and returns the result aligned with
// the input and as long.
func Clean(m *enhance.Model, x []float32, rate int) ([]float32, error) {
	e, err := enhance.New(m, rate, enhance.Config{})
	if err != nil {
		return nil, err
	}
	hop, shift := e.Hop(), e.Latency()
	total := (len(x) + shift + hop - 1) / hop * hop
	padded := make([]float32, total)
	copy(padded, x)
	for at := 0; at < total; at += hop {
		e.Process(padded[at:at+hop], padded[at:at+hop])
	}
	return padded[shift : shift+len(x)], nil
}
