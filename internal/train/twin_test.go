package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sotto/enhance"
	"sotto/internal/corpus"
	"sotto/internal/nn"
	"sotto/stft"
)

// allStages adds every optional part to the small run.
func allStages(cfg *NetConfig) {
	cfg.Shape.Refine = true
	cfg.Shape.FilterTaps, cfg.Shape.FilterBins = 3, 20
	cfg.Cues = enhance.Cues{Floor: true, Advance: 30}
}

// trainerAndBatch returns a trainer before its first step and mixtures from number
// 7 on, one a lane.
func trainerAndBatch(t *testing.T, cfg NetConfig, in NetInputs, lanes int) (*netTrainer, *batch) {
	t.Helper()
	trainer, err := newNetTrainer(cfg, in)
	if err != nil {
		t.Fatal(err)
	}
	prep, err := newPreparer(&cfg, in.Source, trainer.spec)
	if err != nil {
		t.Fatal(err)
	}
	b := &batch{}
	prep.fill(b, 7, lanes, cfg.Segment)
	return trainer, b
}

// TestTrainedIsWhatRuns trains a little and then runs a mixture through the network
// in the form that learns and through an Enhancer: cues, mask, refinement and filter
// must mean the same in both.
func TestTrainedIsWhatRuns(t *testing.T) {
	cfg, in := smallRun(30)
	allStages(&cfg)
	m, _, err := Net(t.Context(), cfg, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Start = m
	trainer, b := trainerAndBatch(t, cfg, in, 1)

	net := trainer.net
	net.setLanes(1)
	g := net.mask(b.features)
	var low filtering
	low.start(net.coefficients(), b.lowBins)

	var mix corpus.Mixture
	in.Source.Mix(7, &mix)
	grid := cfg.Grid.At(corpus.SampleRate)
	analyzer, err := stft.NewAnalyzer(grid)
	if err != nil {
		t.Fatal(err)
	}
	synth, err := stft.NewSynthesizer(grid)
	if err != nil {
		t.Fatal(err)
	}
	e, err := enhance.New(m, corpus.SampleRate, enhance.Config{Residual: math.Inf(1)})
	if err != nil {
		t.Fatal(err)
	}
	hop := e.Hop()
	spectrum, want, got := make([]complex64, grid.Bins()), make([]float32, hop), make([]float32, hop)
	var loudest, worst, moved float64
	for row := range b.frames {
		x := mix.Noisy[row*hop : (row+1)*hop]
		analyzer.Analyze(spectrum, x)
		for k, z := range low.output(b, row, g.Row(row)) {
			moved = max(moved, float64(power(z-spectrum[k])/(power(spectrum[k])+1e-9)))
			spectrum[k] = z
		}
		for k := range spectrum {
			spectrum[k] = scaled(g.Row(row)[k], spectrum[k])
		}
		synth.Synthesize(want, spectrum)
		e.Process(got, x)
		for i, v := range want {
			loudest = max(loudest, math.Abs(float64(v)))
			worst = max(worst, math.Abs(float64(v-got[i])))
		}
	}
	if worst > 2e-3*loudest {
		t.Errorf("the Enhancer is up to %.2g off what was trained, at a peak of %.2g", worst, loudest)
	}
	if moved < 0.01 {
		t.Errorf("the filter moved no bin by more than %.2g of its power: the test shows nothing", moved)
	}
}

// TestBareLanes leaves the filter out of one lane of two, of none and of both: the
// loss must be that of the lanes without one, and the filter's layer must learn
// from the others only.
func TestBareLanes(t *testing.T) {
	cfg, in := smallRun(1)
	allStages(&cfg)
	cfg.Workers = 2
	trainer, b := trainerAndBatch(t, cfg, in, 2)
	w := trainer.works[0]
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range w.net.filter.W.Value {
		w.net.filter.W.Value[i] = 0.2 * (rng.Float32() - 0.5)
	}
	run := func(bare ...bool) (loss float64, learned bool) {
		w.net.setLanes(2)
		copy(w.bare, bare)
		clear(w.net.filter.W.Grad)
		w.work(b, false, false)
		return w.terms.Total, slices.ContainsFunc(w.net.filter.W.Grad, func(g float32) bool { return g != 0 })
	}
	both, learnsBoth := run(false, false)
	first, learnsFirst := run(false, true)
	second, learnsSecond := run(true, false)
	none, learnsNone := run(true, true)
	if !learnsBoth || !learnsFirst || !learnsSecond || learnsNone {
		t.Errorf("the filter learns from both lanes, the first, the second, none: %t %t %t %t, want true true true false", learnsBoth, learnsFirst, learnsSecond, learnsNone)
	}
	w.net.setLanes(2)
	terms, _, _ := w.mask.gradient(b, w.net.mask(b.features), nn.Mat{})
	if math.Abs(terms.Total-none) > 1e-5 {
		t.Errorf("loss %.6f with all lanes bare, want %.6f as without a filter", none, terms.Total)
	}
	// The loss is a mean over lanes, so that the two halves add up.
	if math.Abs(first+second-both-none) > 1e-5 || math.Abs(first-second) < 1e-4 {
		t.Errorf("losses %.6f and %.6f with one lane bare, want different ones that add up to %.6f", first, second, both+none)
	}
	drawn := 0
	trainer.cfg.FilterBare = 0.5
	for trainer.step = range 100 {
		trainer.drawLanes(w, 0)
		for _, bare := range w.bare {
			if bare {
				drawn++
			}
		}
	}
	if drawn < 60 || drawn > 140 {
		t.Errorf("%d of 200 lanes drawn to be bare, want about half", drawn)
	}
}
