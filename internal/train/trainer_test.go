package train

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"time"

	"sotto/enhance"
	"sotto/internal/corpus"
)

// smallRun is a recipe that trains in seconds.
func smallRun(steps int) (NetConfig, NetInputs) {
	cfg := DefaultNetConfig()
	cfg.Shape = NetShape{Hidden: 16, Layers: 1}
	cfg.Lanes, cfg.Segment = 4, 500*time.Millisecond
	cfg.Rate, cfg.WarmUp, cfg.RegressionHours, cfg.Average = 5e-3, 2, 0, 0.9
	cfg.Hours = float64(steps) * cfg.batchHours()
	bins := cfg.Grid.Bins()
	in := NetInputs{
		Source: toneSource{int(cfg.Segment.Seconds() * corpus.SampleRate)},
		Speech: flatDictionary(bins, 12, 1), Noise: flatDictionary(bins, 8, 2), Name: "small",
	}
	return cfg, in
}

// TestNetLearns trains a small network and expects it to improve the SI-SDR of
// mixtures like its own.
func TestNetLearns(t *testing.T) {
	cfg, in := smallRun(60)
	var first, last Progress
	m, _, err := Net(t.Context(), cfg, in, func(p Progress) {
		if p.Step == 1 {
			first = p
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	if last.Step != 60 || last.Loss.Compressed > 0.9*first.Loss.Compressed {
		t.Errorf("step %d of 60 with compressed error %.3f, from %.3f: expected less than 90 %% of it", last.Step, last.Loss.Compressed, first.Loss.Compressed)
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
	var mix corpus.Mixture
	in.Source.Mix(1<<30, &mix)
	out, err := Clean(m, mix.Noisy, corpus.SampleRate)
	if err != nil {
		t.Fatal(err)
	}
	if before, after := ratio(mix.Clean, mix.Noisy), ratio(mix.Clean, out); after < before+1 {
		t.Errorf("cleaning took the SNR from %.2f to %.2f dB, expected at least 1 dB more", before, after)
	}
}

// ratio is the plain SNR in dB.
func ratio(clean, est []float32) float64 {
	var s, e float64
	for i, c := range clean {
		d := float64(c - est[i])
		s += float64(c) * float64(c)
		e += d * d
	}
	return 10 * math.Log10(s/e)
}

// TestNetResumes kills a run half-way and expects the resumed run to end in the
// same weights as one that was left alone.
func TestNetResumes(t *testing.T) {
	whole, in := smallRun(12)
	want, _, err := Net(t.Context(), whole, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	ctx, kill := context.WithCancel(t.Context())
	_, _, err = Net(ctx, whole, in, func(p Progress) {
		if p.Step == 5 {
			kill()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a killed run returned %v", err)
	}
	resumed := 0
	got, _, err := Net(t.Context(), whole, in, func(Progress) { resumed++ })
	if err != nil {
		t.Fatal(err)
	}
	if resumed > 7 {
		t.Errorf("the resumed run took %d steps, expected the remaining 7 at most", resumed)
	}
	for i, w := range want.Network.GRU[0].WeightHH {
		if g := got.Network.GRU[0].WeightHH[i]; math.Abs(float64(g-w)) > 1e-5 {
			t.Fatalf("weight %d is %g after a resume, %g without a kill", i, g, w)
		}
	}
}

// TestNetStartsFromModel goes on from a trained model with a new stage.
func TestNetStartsFromModel(t *testing.T) {
	cfg, in := smallRun(3)
	m, _, err := Net(t.Context(), cfg, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Start = m
	cfg.Shape.Refine = true
	cfg.TuneFrom = 0
	refined, _, err := Net(t.Context(), cfg, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if refined.Refine == nil || allZero(refined.Refine.Weight) {
		t.Error("the new stage did not learn")
	}
	if same(m.Speech.W, refined.Speech.W) {
		t.Error("the dictionary did not follow")
	}
	cfg.Shape.Hidden = 17
	if _, _, err := Net(t.Context(), cfg, in, nil); err == nil {
		t.Error("a model of another shape was accepted as a start")
	}
}

func allZero(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

func same(a, b []float32) bool {
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 1e-7 {
			return false
		}
	}
	return true
}

func TestNetRefusesBadConfigurations(t *testing.T) {
	for name, spoil := range map[string]func(*NetConfig, *NetInputs){
		"no hours":    func(c *NetConfig, _ *NetInputs) { c.Hours = 0 },
		"odd lanes":   func(c *NetConfig, _ *NetInputs) { c.Lanes = 3 },
		"no layers":   func(c *NetConfig, _ *NetInputs) { c.Shape.Layers = 0 },
		"no encoders": func(c *NetConfig, _ *NetInputs) { c.RegressionHours = 1 },
		"other bins":  func(_ *NetConfig, in *NetInputs) { in.Speech = flatDictionary(100, 4, 1) },
		"bad grid":    func(c *NetConfig, _ *NetInputs) { c.Grid = enhance.Grid{} },
	} {
		cfg, in := smallRun(1)
		spoil(&cfg, &in)
		if _, _, err := Net(t.Context(), cfg, in, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
