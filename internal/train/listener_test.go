package train

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/assets"
	"sotto/internal/audiofile"
	"sotto/internal/corpus"
	"sotto/internal/metrics/pesq"
	"sotto/internal/nn"
)

// pairSource yields one mixture for ever.
type pairSource struct{ noisy, clean []float32 }

func (p pairSource) Mix(_ uint64, m *corpus.Mixture) { m.Noisy, m.Clean = p.noisy, p.clean }

// demoBatch is the demonstration's noisy and clean speech as one lane, with the
// noise scaled.
func demoBatch(t *testing.T, noise float32, from, to time.Duration) (b *batch, noisy, clean []float32, cfg NetConfig) {
	t.Helper()
	demo := assets.Demo()
	noisy, clean = make([]float32, 6*corpus.SampleRate), make([]float32, 6*corpus.SampleRate)
	for file, x := range map[*[]byte][]float32{&demo.Noisy: noisy, &demo.Clean: clean} {
		r, err := audiofile.NewReader(bytes.NewReader(*file), "demo")
		if err != nil {
			t.Fatal(err)
		}
		for n, k := 0, 0; n < len(x); n += k {
			if k, err = r.Read(x[n:]); err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
	}
	first, last := int(from.Seconds()*corpus.SampleRate), int(to.Seconds()*corpus.SampleRate)
	noisy, clean = noisy[first:last], clean[first:last]
	for i := range noisy {
		noisy[i] = clean[i] + noise*(noisy[i]-clean[i])
	}
	cfg, in := smallRun(1)
	allStages(&cfg)
	cfg.Loss.Listening = 0.2
	in.Source = pairSource{noisy, clean}
	spec, err := measureFeatures(in.Source, cfg.Grid, cfg.Cues)
	if err != nil {
		t.Fatal(err)
	}
	prep, err := newPreparer(in.Source, cfg.Grid, spec, cfg.Loss, cfg.Shape.filtered())
	if err != nil {
		t.Fatal(err)
	}
	b = &batch{}
	prep.fill(b, 0, 1, to-from)
	return b, noisy, clean, cfg
}

func demoLoss(cfg NetConfig) *maskLoss {
	return newMaskLoss(cfg.Loss, cfg.Grid.Bins(), 1/cfg.Grid.Frame.Seconds())
}

// TestListenerHearsWhatPESQHears compares the term with the raw score of the
// noisy demonstration at several SNRs. The listener is milder to what is hopeless,
// but the two rise together, and agree where little is wrong.
func TestListenerHearsWhatPESQHears(t *testing.T) {
	meter, err := pesq.New(pesq.Wide, corpus.SampleRate)
	if err != nil {
		t.Fatal(err)
	}
	var before float64
	for _, noise := range []float32{0.01, 0.03, 0.1, 0.3, 1} {
		b, noisy, clean, cfg := demoBatch(t, noise, 0, 6*time.Second)
		g := nn.NewMat(b.frames, cfg.Grid.Bins())
		for i := range g.Data {
			g.Data[i] = 1
		}
		terms, _, _ := demoLoss(cfg).gradient(b, g, nn.Mat{})
		score, err := meter.Score(clean, noisy)
		if err != nil {
			t.Fatal(err)
		}
		want := 4.5 - score.Raw
		t.Logf("noise x %g: PESQ lacks %.2f points, the listener hears %.2f", noise, want, terms.Heard)
		if math.Abs(terms.Heard-want) > 0.3+0.2*want || terms.Heard < before+0.2 {
			t.Errorf("noise x %g: the listener hears %.2f points, PESQ %.2f", noise, terms.Heard, want)
		}
		before = terms.Heard
	}
}

// TestListenerGradients compares slopes by gains and by the filter with finite
// differences, at gains and filters drawn at random.
func TestListenerGradients(t *testing.T) {
	b, _, _, cfg := demoBatch(t, 1, 2*time.Second, 3*time.Second)
	cfg.Loss = LossConfig{Listening: 100} // the compressed error stays in
	rng := rand.New(rand.NewPCG(5, 6))
	g, c := nn.NewMat(b.frames, cfg.Grid.Bins()), nn.NewMat(b.frames, 2*cfg.Shape.FilterTaps*cfg.Shape.FilterBins)
	for i := range g.Data {
		g.Data[i] = 0.3 + 0.6*rng.Float32()
	}
	for i := range c.Data {
		c.Data[i] = 0.3 * (rng.Float32() - 0.5)
	}
	loss := func() float64 {
		terms, _, _ := demoLoss(cfg).gradient(b, g, c)
		return terms.Total
	}
	_, dg, dc := demoLoss(cfg).gradient(b, g, c)
	for _, m := range []struct {
		name    string
		at, get nn.Mat
	}{{"gain", g, dg}, {"filter", c, dc}} {
		checkAlong(t, m.name, m.at.Data, m.get.Data, loss)
	}
}

// checkAlong compares a gradient with finite differences along itself in a few
// parts of the values: single bins would drown in rounding.
func checkAlong(t *testing.T, name string, at, gradient []float32, loss func() float64) {
	t.Helper()
	const parts = 6
	for part := range parts {
		from, to := part*len(at)/parts, (part+1)*len(at)/parts
		var norm float64
		for _, v := range gradient[from:to] {
			norm += float64(v) * float64(v)
		}
		if norm == 0 {
			continue
		}
		keep := append([]float32{}, at[from:to]...)
		move := func(step float64) float64 {
			for i, v := range gradient[from:to] {
				at[from+i] = keep[i] + float32(step)*v
			}
			return loss()
		}
		step := 0.002 / math.Sqrt(norm)
		want := (move(step) - move(-step)) / (2 * step)
		copy(at[from:to], keep)
		if math.Abs(norm-want) > 0.03*norm {
			t.Errorf("%s, part %d: slope %.6g along the gradient, finite difference %.6g", name, part, norm, want)
		}
	}
}
