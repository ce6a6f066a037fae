package dict

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mathext"

	"sotto/internal/nn"
	"sotto/internal/testsig"
)

// TestSampleLaw compares the sampler with the Gamma distribution it claims to
// draw from (Kolmogorov-Smirnov, 0.1 % level).
func TestSampleLaw(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 20000
	for _, c := range [][2]float32{{0.05, 1}, {0.7, 3}, {1, 0.2}, {6, 1}, {200, 9}} {
		z := make([]float64, n)
		for i := range z {
			z[i] = float64(drawLatent(rng, c[0], c[1], Prior{1, 1}).z)
		}
		slices.Sort(z)
		worst := 0.0
		for i, v := range z {
			if v > 1.001*minLatent { // at it the sampler floors
				p := mathext.GammaIncReg(float64(c[0]), v*float64(c[1]))
				worst = max(worst, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
			}
		}
		if limit := 1.95 / math.Sqrt(n); worst > limit {
			t.Errorf("Gamma(%g, %g): distribution is off by %.4f, want at most %.4f", c[0], c[1], worst, limit)
		}
	}
}

// TestMeanGradient holds the mean of the sampled gradients against an exact one
// through the project's own loss: for one atom and one bin, the Poisson term
// x ln(x/z) - x + z has the mean x ln x - x (psi(a) - ln b) - x + a/b.
func TestMeanGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	const n, x = 200000, 3.0
	for _, c := range [][2]float64{{1.2, 0.5}, {2, 1}, {8, 2}, {60, 20}} {
		var da, db float64
		y := make([]float32, 1)
		for range n {
			d := drawLatent(rng, float32(c[0]), float32(c[1]), Prior{1, 1})
			y[0] = d.z
			KL.gradient([]float32{x}, y)
			da += float64(y[0]*d.dzda) / n
			db += float64(y[0]*d.dzdb) / n
		}
		wantA := -x*trigamma(c[0]) + 1/c[1]
		wantB := x/c[1] - c[0]/(c[1]*c[1])
		testsig.NearAt(t, "mean dL/da", da, wantA, 0.01*x*trigamma(c[0]))
		testsig.NearAt(t, "mean dL/db", db, wantB, 0.02*x/c[1])
	}
}

// TestPathwiseNearImplicit compares the two reparameterisations' means of
// dz/da: both are 1, the derivative of the mean a.
func TestPathwiseNearImplicit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	const n = 100000
	for _, a := range []float32{0.3, 1, 5} {
		var path, imp float64
		for range n {
			d := drawLatent(rng, a, 1, Prior{1, 1})
			path += float64(d.dzda) / n
			imp += implicit(float64(a), float64(d.z)) / n
		}
		testsig.NearAt(t, "pathwise mean dz/da", path, 1, 0.02)
		testsig.NearAt(t, "implicit mean dz/da", imp, 1, 0.02)
	}
}

// lossAt is the objective that gradients differentiates, per bin.
func lossAt(v *vae, rows []int, klWeight float64, seed uint64) float64 {
	recon, atoms := v.terms(rows, seed)
	for _, nats := range atoms {
		recon += klWeight * nats
	}
	return (recon + v.penalty()) / float64(v.frames.Bins)
}

// TestGradients checks every parameter's gradient against a difference of the
// loss with the same noise, for every likelihood and way to stay nonnegative.
func TestGradients(t *testing.T) {
	frames := mixture(6, 40, 3, 8)
	rows := []int{3, 8, 13, 21, 34}
	for _, div := range divergences {
		for _, mode := range []Nonnegativity{Softplus, Projected, Penalised} {
			cfg := VAEConfig{Rank: 3, Hidden: []int{5}, Likelihood: div, Nonnegativity: mode, Prior: Prior{0.8, 1.3}, InputNoise: -1, Seed: 4}.withDefaults()
			v := newVAE(frames, cfg)
			if mode == Penalised {
				v.u.Value[4] = -0.02
				v.toW()
			}
			v.variance = 0.3
			v.gradients(rows, 0.7, 99)
			v.variance = 0.3 // the step has updated it
			for _, p := range v.params {
				for i := 0; i < len(p.Value); i += 1 + len(p.Value)/9 {
					got, want := float64(p.Grad[i]), difference(v, p, i, rows)
					if math.Abs(got-want) > 2e-3+0.02*math.Abs(want) {
						t.Errorf("%v, mode %d, %s[%d]: gradient %.5g, difference %.5g", div, mode, p.Name, i, got, want)
					}
				}
			}
		}
	}
}

// difference returns the central difference of the loss in one parameter.
func difference(v *vae, p *nn.Param, i int, rows []int) float64 {
	old := p.Value[i]
	e := 2e-3 * max(0.2, float32(math.Abs(float64(old))))
	at := func(x float32) float64 {
		p.Value[i] = x
		v.toW()
		return lossAt(v, rows, 0.7, 99)
	}
	want := (at(old+e) - at(old-e)) / float64((old+e)-(old-e))
	p.Value[i] = old
	v.toW()
	return want
}

func TestTrainLearns(t *testing.T) {
	frames := mixture(20, 2000, 3, 4)
	for _, c := range []struct {
		name string
		cfg  VAEConfig
		min  float64 // SNR in dB that encodings must reach
	}{
		{"softplus", VAEConfig{}, 12},
		{"projected", VAEConfig{Nonnegativity: Projected}, 12},
		{"penalised", VAEConfig{Nonnegativity: Penalised, Penalty: 100}, 12},
		{"frobenius", VAEConfig{Likelihood: Frobenius}, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := c.cfg
			cfg.Rank, cfg.Hidden, cfg.Epochs, cfg.Batch, cfg.KLWeight, cfg.Seed = 3, []int{32}, 10, 50, 0.01, 6
			var stats []Stats
			d, err := Train(t.Context(), frames, cfg, func(s Stats) { stats = append(stats, s) })
			if err != nil {
				t.Fatal(err)
			}
			first, last := stats[0], stats[len(stats)-1]
			if last.Step != 400 || last.Steps != 400 || !(last.Objective < first.Objective) {
				t.Errorf("objective went from %g at step %d to %g at step %d of %d", first.Objective, first.Step, last.Objective, last.Step, last.Steps)
			}
			if minimum(d.W) < 0 {
				t.Errorf("least weight is %g, want nothing negative", minimum(d.W))
			}
			mu := snr(frames, d, d.Encode(nil, frames, EncodeConfig{Divergence: cfg.Likelihood}))
			enc := snr(frames, d, d.Encoder.Encode(nil, frames))
			t.Logf("SNR %.1f dB by updates, %.1f dB by the encoder; %+v", mu, enc, last)
			if mu < c.min || enc < c.min-6 {
				t.Errorf("SNR of %.1f dB by updates and %.1f dB by the encoder, want %.1f and %.1f", mu, enc, c.min, c.min-6)
			}
		})
	}
}

func snr(f *Frames, d *Dictionary, h []float32) float64 {
	model := nn.NewMat(f.Count, f.Bins)
	nn.Gemm(nn.NoTrans, nn.T, 1, nn.Mat{Rows: f.Count, Cols: d.Rank, Data: h}, nn.Mat{Rows: d.Bins, Cols: d.Rank, Data: d.W}, 0, model)
	var s float64
	for _, v := range f.Data {
		s += float64(v) * float64(v)
	}
	return 10 * math.Log10(s/squaredError(f.Data, model.Data))
}

func TestTrainIsDeterministicAndCancels(t *testing.T) {
	frames := mixture(20, 300, 3, 4)
	cfg := VAEConfig{Rank: 4, Hidden: []int{8}, Epochs: 3, Seed: 5}
	a, err := Train(t.Context(), frames, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Train(t.Context(), frames, cfg, nil)
	testsig.Near(t, "W", a.W, b.W, 0)
	testsig.Near(t, "encodings", a.Encoder.Encode(nil, frames), b.Encoder.Encode(nil, frames), 0)
	ctx, cancel := context.WithCancel(t.Context())
	cfg.ReportEvery = 1
	if _, err := Train(ctx, frames, cfg, func(Stats) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v, want context.Canceled", err)
	}
	for name, bad := range map[string]VAEConfig{
		"no rank": {}, "rank without end": {Rank: 1e9}, "epochs": {Rank: 2, Epochs: math.Inf(1)}, "batch": {Rank: 2, Batch: -1}, "mode": {Rank: 2, Nonnegativity: 7},
		"likelihood": {Rank: 2, Likelihood: 7}, "rate": {Rank: 2, LearningRate: math.NaN()}, "hidden": {Rank: 2, Hidden: []int{0}},
	} {
		if _, err := Train(t.Context(), frames, bad, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestNoiseIsSplitInvariant: the draws belong to a row of the batch, not to the
// worker that makes them.
func TestNoiseIsSplitInvariant(t *testing.T) {
	r := nn.NewMat(5, 4)
	levels := []float32{1, 1, 2, 1, 1}
	whole, part := newLatents(), newLatents()
	whole.sample(r, levels, Prior{1, 1}, 1, 7, 0)
	part.sample(r.Slice(3, 5), levels[3:], Prior{1, 1}, 1, 7, 3)
	testsig.Near(t, "z", part.z.Data, whole.z.Data[3*2:], 0)
	if slices.Equal(whole.z.Row(0), whole.z.Row(1)) {
		t.Error("two rows drew the same noise")
	}
}

func TestDeadColumnsAreRevived(t *testing.T) {
	frames := mixture(10, 100, 3, 4)
	v := newVAE(frames, VAEConfig{Rank: 4, Nonnegativity: Projected, Hidden: []int{4}}.withDefaults())
	for j := range frames.Bins {
		v.u.Value[j*4+2] = -1
	}
	v.toW()
	if v.minW != -1 || v.u.Value[2] != projected {
		t.Fatalf("least weight %g reported, %g kept, want -1 and 1e-8", v.minW, v.u.Value[2])
	}
	v.reviveColumns()
	var sum float32
	for j := range frames.Bins {
		sum += v.w.Data[j*4+2]
	}
	if sum < v.unit {
		t.Errorf("the dead column's sum is %g after revival, want about %g", sum, v.unit*float32(frames.Bins))
	}
}

func TestFoldingKeepsTheModel(t *testing.T) {
	frames := mixture(10, 100, 3, 4)
	v := newVAE(frames, VAEConfig{Rank: 4, Hidden: []int{6}}.withDefaults())
	model := func(w []float32) []float32 {
		y := nn.NewMat(frames.Count, frames.Bins)
		z := nn.Mat{Rows: frames.Count, Cols: 4, Data: v.enc.Encode(nil, frames)}
		nn.Gemm(nn.NoTrans, nn.T, 1, z, nn.Mat{Rows: frames.Bins, Cols: 4, Data: w}, 0, y)
		return y.Data
	}
	before := model(v.w.Data)
	d := v.dictionary()
	testsig.Near(t, "W z", model(d.W), before, 1e-5)
}

func TestFileRoundTrip(t *testing.T) {
	frames := mixture(20, 100, 3, 4)
	d, err := Train(t.Context(), frames, VAEConfig{Rank: 4, Hidden: []int{8, 6}, Epochs: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.safetensors")
	if err := d.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	testsig.Near(t, "W", got.W, d.W, 0)
	testsig.Near(t, "encodings", got.Encoder.Encode(nil, frames), d.Encoder.Encode(nil, frames), 0)
	if got.Scale != d.Scale || got.Meta["method"] != "vae-nmf" || len(got.Meta) != len(d.Meta) {
		t.Errorf("scale %g and metadata %v, want %g and %v", got.Scale, got.Meta, d.Scale, d.Meta)
	}
	d.Encoder = nil
	var plain bytes.Buffer
	if err := d.Write(&plain); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(&plain); err != nil || got.Encoder != nil {
		t.Errorf("without encoder: %v, %v", got, err)
	}
}

func TestReadRefuses(t *testing.T) {
	frames := mixture(20, 100, 3, 4)
	for name, spoil := range map[string]func(*Dictionary){
		"negative weight": func(d *Dictionary) { d.W[3] = -1 },
		"no scale":        func(d *Dictionary) { d.Scale = 0 },
		"short mean":      func(d *Dictionary) { d.Encoder.mean = d.Encoder.mean[1:] },
		"missing layer":   func(d *Dictionary) { d.Encoder.layers = d.Encoder.layers[:1] },
		"NaN":             func(d *Dictionary) { d.Encoder.norms[0] = float32(math.NaN()) },
	} {
		d, err := Train(t.Context(), frames, VAEConfig{Rank: 4, Hidden: []int{9}, Epochs: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		spoil(d)
		var b bytes.Buffer
		if err := d.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
