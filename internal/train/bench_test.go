package train

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/dict"
	"sotto/enhance"
	"sotto/internal/corpus"
)

// toneSource makes mixtures without a corpus: noise, with a gated tone for
// speech.
type toneSource struct{ samples int }

func (s toneSource) Mix(i uint64, m *corpus.Mixture) {
	rng := rand.New(rand.NewPCG(7, i))
	m.Clean, m.Noisy = make([]float32, s.samples), make([]float32, s.samples)
	for n := range m.Clean {
		if n/4000%2 == 1 {
			m.Clean[n] = 0.2 * float32(rng.NormFloat64()) * float32(n%100) / 100
		}
		m.Noisy[n] = m.Clean[n] + 0.05*float32(rng.NormFloat64())
	}
}

// flatDictionary is a dictionary of random atoms without an encoder.
func flatDictionary(bins, rank int, seed uint64) *dict.Dictionary {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := &dict.Dictionary{Bins: bins, Rank: rank, Scale: 1, W: make([]float32, bins*rank)}
	for i := range d.W {
		d.W[i] = 2 * rng.Float32() / float32(bins)
	}
	return d
}

// BenchmarkStep is the trainer's throughput without mixing: one step of the
// default recipe.
func BenchmarkStep(b *testing.B) {
	cfg := DefaultNetConfig()
	cfg.RegressionHours = 0
	bins := cfg.Grid.Bins()
	t, err := newNetTrainer(cfg, NetInputs{
		Source: toneSource{int(cfg.Segment.Seconds() * corpus.SampleRate)},
		Speech: flatDictionary(bins, 256, 1), Noise: flatDictionary(bins, 128, 2),
	})
	if err != nil {
		b.Fatal(err)
	}
	prep, err := newPreparer(&cfg, t.in.Source, t.spec)
	if err != nil {
		b.Fatal(err)
	}
	ready := &batch{}
	prep.fill(ready, 0, cfg.Lanes/cfg.Workers, cfg.Segment)
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	for b.Loop() {
		p := &pipeline{mixers: []*mixerLane{{ready: make(chan *batch, 8), free: make(chan *batch, 8)}}}
		for range cfg.Workers {
			p.mixers[0].ready <- ready
		}
		if _, err := t.oneStep(ctx, p, 1e-4, false); err != nil {
			b.Fatal(err)
		}
	}
	hours := float64(b.N) * cfg.batchHours()
	b.ReportMetric(hours/b.Elapsed().Hours(), "h/h")
	frames := float64(b.N) * float64(cfg.Lanes) * cfg.Segment.Seconds() / enhance.DefaultGrid().Hop.Seconds()
	b.ReportMetric(float64(b.Elapsed().Microseconds())/frames, "us/frame")
}

// BenchmarkPrepare is the cost of turning mixtures into batches, without the
// mixing itself.
func BenchmarkPrepare(b *testing.B) {
	cfg := DefaultNetConfig()
	prep, err := newPreparer(&cfg, toneSource{int(cfg.Segment.Seconds() * corpus.SampleRate)}, enhance.FeatureSpec{Edges: enhance.DefaultBands()})
	if err != nil {
		b.Fatal(err)
	}
	ready := &batch{}
	for b.Loop() {
		prep.fill(ready, 0, 1, cfg.Segment)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(cfg.Segment.Seconds()/cfg.Grid.Hop.Seconds()), "us/frame")
}
