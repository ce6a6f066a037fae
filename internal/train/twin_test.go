package train

import (
	"math"
	"testing"

	"sotto/enhance"
	"sotto/internal/corpus"
	"sotto/stft"
)

// allStages adds every optional part to the small run.
func allStages(cfg *NetConfig) {
	cfg.Shape.Refine = true
	cfg.Shape.FilterTaps, cfg.Shape.FilterBins = 3, 20
	cfg.Cues = enhance.Cues{Floor: true, Advance: 30}
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
	trainer, err := newNetTrainer(cfg, in)
	if err != nil {
		t.Fatal(err)
	}
	prep, err := newPreparer(in.Source, cfg.Grid, trainer.spec, cfg.Loss, cfg.Shape.filtered())
	if err != nil {
		t.Fatal(err)
	}
	b := &batch{}
	prep.fill(b, 7, 1, cfg.Segment)

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

// TestBareLanes leaves the filter out of all mixtures and of none: without it, its
// layer gets no gradient.
func TestBareLanes(t *testing.T) {
	cfg, in := smallRun(1)
	allStages(&cfg)
	for bare, learns := range map[float64]bool{0: true, 1: false} {
		cfg.FilterBare = bare
		trainer, err := newNetTrainer(cfg, in)
		if err != nil {
			t.Fatal(err)
		}
		prep, err := newPreparer(in.Source, cfg.Grid, trainer.spec, cfg.Loss, cfg.Shape.filtered())
		if err != nil {
			t.Fatal(err)
		}
		b, w := &batch{}, trainer.works[0]
		prep.fill(b, 7, cfg.Lanes/cfg.Workers, cfg.Segment)
		trainer.drawLanes(w, 0)
		w.work(b, false, false)
		var moved bool
		for _, g := range w.net.filter.W.Grad {
			moved = moved || g != 0
		}
		if moved != learns {
			t.Errorf("%g of the mixtures bare: the filter's layer gets a gradient: %t, want %t", bare, moved, learns)
		}
	}
}
