package enhance

import (
	"fmt"
	"testing"
)

func benchmarkProcess(b *testing.B, rate int, s shape, cfg Config) {
	b.Helper()
	e := newEnhancer(b, randomModel(s, 1), rate, cfg)
	x := noisyVoice(rate, rate, 1)
	y := make([]float32, e.Hop())
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		e.Process(y, x[at:at+e.Hop()])
		at = (at + e.Hop()) % (len(x) - e.Hop())
	}
	perHop := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(e.Hop())/float64(rate)/perHop, "xRT")
}

func BenchmarkProcess(b *testing.B) {
	for _, rate := range NativeRates() {
		b.Run(fmt.Sprint(rate), func(b *testing.B) { benchmarkProcess(b, rate, shipped, Config{}) })
	}
	bare := shape{width: shipped.width, layers: shipped.layers, speech: shipped.speech, noise: shipped.noise}
	b.Run("16000/bare", func(b *testing.B) { benchmarkProcess(b, 16000, bare, Config{}) })
	b.Run("48000/low", func(b *testing.B) { benchmarkProcess(b, 48000, shipped, Config{LowLatency: true}) })
}

// BenchmarkStage is the cost of a hop by its stages, at 48 kHz.
func BenchmarkStage(b *testing.B) {
	const rate = 48000
	e := newEnhancer(b, randomModel(shipped, 1), rate, Config{})
	r := e.estimator.(*Recurrent)
	x, y := noisyVoice(rate, rate, 1), make([]float32, e.Hop())
	for at := 0; at+len(y) <= len(x); at += len(y) {
		e.Process(y, x[at:at+len(y)])
	}
	known, hop := e.spectrum[:e.known], x[:len(y)]
	for _, stage := range []struct {
		name string
		run  func()
	}{
		{"analysis", func() { e.analyzer.Analyze(e.spectrum, hop) }},
		{"features", func() { r.features.Compute(r.input, known) }},
		{"features+network", func() { r.Estimate(e.h, known) }},
		{"filter", func() { r.filter(known) }},
		{"dictionaries+refinement+mask", func() { e.mask.gains(e.gain[:e.known], e.h, r.refine()) }},
		{"synthesis", func() { e.synth.Synthesize(y, e.spectrum) }},
	} {
		b.Run(stage.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				stage.run()
			}
		})
	}
}
