package train

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
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

// badSource yields one mixture that is not a number.
type badSource struct {
	Source
	bad uint64
}

func (s badSource) Mix(i uint64, m *corpus.Mixture) {
	s.Source.Mix(i, m)
	if i == s.bad {
		for k := range m.Noisy {
			m.Noisy[k] = float32(math.NaN())
		}
	}
}

// TestNetSurvivesABadBatch expects one batch without a finite loss to cost one
// step, not the run.
func TestNetSurvivesABadBatch(t *testing.T) {
	cfg, in := smallRun(5)
	in.Source = badSource{in.Source, 2*uint64(cfg.Lanes) + 1}
	in.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	var losses []float64
	m, _, err := Net(t.Context(), cfg, in, func(p Progress) { losses = append(losses, p.Loss.Total) })
	if err != nil {
		t.Fatal(err)
	}
	if len(losses) != 5 || math.IsNaN(losses[4]) {
		t.Errorf("smoothed losses %v, expected five numbers", losses)
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}

// secondRun is a small run that starts from the model of another.
func secondRun(t *testing.T) (NetConfig, NetInputs) {
	t.Helper()
	cfg, in := smallRun(3)
	m, _, err := Net(t.Context(), cfg, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Start = m
	return cfg, in
}

// TestNetStartsFromModel goes on from a trained model with a new stage.
func TestNetStartsFromModel(t *testing.T) {
	cfg, in := secondRun(t)
	allStages(&cfg)
	cfg.TuneFrom = 0
	refined, _, err := Net(t.Context(), cfg, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if refined.Refine == nil || allZero(refined.Refine.Weight) {
		t.Error("the new stage did not learn")
	}
	if refined.Filter == nil || allZero(refined.Filter.Head.Weight) {
		t.Error("the new filter did not learn")
	}
	m := in.Start
	levels := m.Features.Inputs()
	for i := range refined.Network.In.Out {
		if row := refined.Network.In.Weight[i*refined.Network.In.In:][:refined.Network.In.In]; allZero(row[levels:]) {
			t.Errorf("unit %d did not learn to use the new cues", i)
		}
	}
	if !slices.Equal(refined.Features.Mean[:levels], m.Features.Mean) {
		t.Error("the statistics of the levels are not those the weights belong to")
	}
	if same(m.Speech.W, refined.Speech.W) {
		t.Error("the dictionary did not follow")
	}
	cfg.Shape.Hidden = 17
	if _, _, err := Net(t.Context(), cfg, in, nil); err == nil {
		t.Error("a model of another shape was accepted as a start")
	}
}

// TestNetGrows starts from a model with fewer recurrent layers: the network must
// begin with what the model does and go on to use the new layer.
func TestNetGrows(t *testing.T) {
	cfg, in := secondRun(t)
	before, b := trainerAndBatch(t, cfg, in, 1)
	cfg.Shape.Layers = 2
	grown, _ := trainerAndBatch(t, cfg, in, 1)
	before.net.setLanes(1)
	grown.net.setLanes(1)
	want, got := before.net.mask(b.features), grown.net.mask(b.features)
	for i, g := range got.Data {
		if math.Abs(float64(g-want.Data[i])) > 1e-6 {
			t.Fatalf("gain %d is %v with a layer that has learned nothing, %v without", i, g, want.Data[i])
		}
	}
	after, _, err := Net(t.Context(), cfg, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	layer := after.Network.GRU[1]
	if n := 2 * layer.Hidden; allZero(layer.WeightIH[n*layer.In:]) || allZero(layer.BiasIH[n:]) {
		t.Error("the new layer did not learn")
	}
	in.Start = after
	cfg.Shape.Layers = 1
	if _, _, err := Net(t.Context(), cfg, in, nil); err == nil {
		t.Error("a start with more layers than the network was accepted")
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
		"few hours":   func(c *NetConfig, _ *NetInputs) { c.Hours = c.batchHours() / 3 },
		"NaN hours":   func(c *NetConfig, _ *NetInputs) { c.Hours = math.NaN() },
		"odd lanes":   func(c *NetConfig, _ *NetInputs) { c.Lanes = 3 },
		"no low bins": func(c *NetConfig, _ *NetInputs) { c.Shape.FilterTaps, c.Shape.FilterBins = 3, 0 },
		"many cues":   func(c *NetConfig, _ *NetInputs) { c.Cues.Advance = 257 },
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

// TestSettingsThatCannotTrain expects the error to name what is wrong.
func TestSettingsThatCannotTrain(t *testing.T) {
	for want, spoil := range map[string]func(*NetConfig){
		"share of the mixtures without the filter": func(c *NetConfig) { c.FilterBare = 1 },
		"share of the rate for the filter":         func(c *NetConfig) { c.FilterRate = math.NaN() },
		"no filter":                                func(c *NetConfig) { c.Shape.FilterTaps, c.FilterBare = 0, 0.2 },
		"weight of the perceptual loss":            func(c *NetConfig) { c.Loss.Listening = math.NaN() },
		"weight of lost intelligibility":           func(c *NetConfig) { c.Loss.Intelligibility = math.Inf(1) },
		"perceptual loss on":                       func(c *NetConfig) { c.Loss.Listening, c.Grid.Frame = 1, 16*time.Millisecond },
		"exponent of the mask":                     func(c *NetConfig) { c.Exponent = 0 },
		"learning rate":                            func(c *NetConfig) { c.Rate = math.NaN() },
		"weight of the SI-SDR":                     func(c *NetConfig) { c.Loss.SISDR = math.NaN() },
		"share of the hours before":                func(c *NetConfig) { c.TuneFrom = math.NaN() },
		"hours of regression":                      func(c *NetConfig) { c.RegressionHours = -1 },
		"hours of mixtures":                        func(c *NetConfig) { c.Hours = math.Inf(1) },
		"least those of one batch":                 func(c *NetConfig) { c.Hours = 1e-6 },
		"width of the network":                     func(c *NetConfig) { c.Shape.Hidden = 1e8 },
		"multiple of the workers":                  func(c *NetConfig) { c.Lanes = 2*c.Workers + 1 },
		"seconds between validations":              func(c *NetConfig) { c.ValidateEvery = -1 },
	} {
		cfg, _ := smallRun(1)
		allStages(&cfg)
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one about %q", err, want)
		}
	}
}
