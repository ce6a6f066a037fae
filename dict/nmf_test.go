package dict

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sotto/internal/nn"
	"sotto/internal/testsig"
)

// mixture returns count frames that are exact nonnegative combinations of rank
// random sparse atoms.
func mixture(bins, count, rank int, seed uint64) *Frames {
	rng := rand.New(rand.NewPCG(seed, 7))
	w := nn.NewMat(bins, rank)
	for i := range w.Data {
		w.Data[i] = float32(math.Pow(rng.Float64(), 4))
	}
	h := nn.NewMat(count, rank)
	for i := range h.Data {
		h.Data[i] = float32(math.Pow(rng.Float64(), 4))
	}
	f := &Frames{Bins: bins, Count: count, Data: make([]float32, bins*count)}
	nn.Gemm(nn.NoTrans, nn.T, 1, h, w, 0, nn.Mat{Rows: count, Cols: bins, Data: f.Data})
	return f
}

var divergences = []Divergence{KL, Frobenius, ItakuraSaito}

func TestNMFObjectiveNeverRises(t *testing.T) {
	frames := mixture(33, 500, 6, 1)
	for _, div := range divergences {
		for _, sparsity := range []float64{0, 0.3} {
			t.Run(fmt.Sprintf("%v/sparsity=%v", div, sparsity), func(t *testing.T) {
				var all []float64
				_, err := NMF(t.Context(), frames, NMFConfig{Rank: 4, Divergence: div, Sparsity: sparsity, Iterations: 60, Seed: 3},
					func(s Stats) { all = append(all, s.Objective) })
				if err != nil {
					t.Fatal(err)
				}
				if len(all) != 60 {
					t.Fatalf("%d reports, want 60", len(all))
				}
				for i := 1; i < len(all); i++ {
					// float32 products leave the last digits of the sum uncertain.
					if all[i] > all[i-1]*(1+2e-6)+1e-6 {
						t.Errorf("iteration %d: objective rose from %.9g to %.9g", i+1, all[i-1], all[i])
					}
				}
				if all[59] > 0.8*all[0] {
					t.Errorf("objective went from %g to %g only", all[0], all[59])
				}
			})
		}
	}
}

// naive computes one iteration with plain loops in float64.
func naive(x, w, h [][]float64, div Divergence) {
	model := func(n, f int) float64 {
		var s float64
		for k := range w[f] {
			s += h[n][k] * w[f][k]
		}
		return max(s, floor)
	}
	beta := map[Divergence]float64{KL: 1, Frobenius: 2, ItakuraSaito: 0}[div]
	exponent := map[Divergence]float64{KL: 1, Frobenius: 1, ItakuraSaito: 0.5}[div]
	for n := range h {
		next := make([]float64, len(h[n]))
		for k := range h[n] {
			var num, den float64
			for f := range w {
				l := model(n, f)
				num += w[f][k] * x[n][f] * math.Pow(l, beta-2)
				den += w[f][k] * math.Pow(l, beta-1)
			}
			next[k] = h[n][k] * math.Pow(num/den, exponent)
		}
		copy(h[n], next)
	}
	for f := range w {
		next := make([]float64, len(w[f]))
		for k := range w[f] {
			var num, den float64
			for n := range h {
				l := model(n, f)
				num += h[n][k] * x[n][f] * math.Pow(l, beta-2)
				den += h[n][k] * math.Pow(l, beta-1)
			}
			next[k] = w[f][k] * math.Pow(num/den, exponent)
		}
		copy(w[f], next)
	}
}

func rows(m nn.Mat) [][]float64 {
	out := make([][]float64, m.Rows)
	for i := range out {
		for _, v := range m.Row(i) {
			out[i] = append(out[i], float64(v))
		}
	}
	return out
}

func TestUpdatesMatchNaiveLoops(t *testing.T) {
	// More frames than one block, so that the sums over blocks are tested too.
	frames := mixture(7, 2*updateBlock+11, 3, 2)
	for i := range frames.Data {
		frames.Data[i] += 0.01 // Itakura-Saito's floor is not the naive loop's.
	}
	for _, div := range divergences {
		rng := rand.New(rand.NewPCG(5, 5))
		w := nn.Mat{Rows: 7, Cols: 3, Data: seedAtoms(frames, 3, rng)}
		h := startActivations(frames.Count, 3, 1, rng)
		wantW, wantH := rows(w), rows(h)
		naive(rows(nn.Mat{Rows: frames.Count, Cols: 7, Data: frames.Data}), wantW, wantH, div)
		f := newFit(div, frames, 1, w, 0)
		f.sweep(h, false)
		f.updateAtoms()
		for i, r := range rows(w) {
			testsig.Near(t, div.String()+" W", r, wantW[i], 1e-4)
		}
		for i, r := range rows(h) {
			testsig.Near(t, div.String()+" H", r, wantH[i], 1e-4)
		}
	}
}

func TestNMFRecoversExactFactorisation(t *testing.T) {
	frames := mixture(20, 300, 3, 4)
	d, err := NMF(t.Context(), frames, NMFConfig{Rank: 3, Iterations: 500, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := d.Encode(nil, frames, EncodeConfig{Iterations: 300})
	model := nn.NewMat(frames.Count, frames.Bins)
	nn.Gemm(nn.NoTrans, nn.T, 1, nn.Mat{Rows: frames.Count, Cols: 3, Data: h}, nn.Mat{Rows: 20, Cols: 3, Data: d.W}, 0, model)
	var e, s float64
	for i, v := range frames.Data {
		e += math.Pow(float64(v-model.Data[i]), 2)
		s += float64(v) * float64(v)
	}
	if snr := 10 * math.Log10(s/e); snr < 25 {
		t.Errorf("exact rank-3 data reconstructed with an SNR of %.1f dB, want at least 25", snr)
	}
	for k := range d.Rank {
		var sum float64
		for j := range d.Bins {
			sum += float64(d.W[j*d.Rank+k])
		}
		testsig.NearAt(t, "L1 norm of an atom", sum, 1, 1e-5)
	}
}

func TestSparsityLeavesFewerActivations(t *testing.T) {
	frames := mixture(20, 300, 3, 4)
	active := func(sparsity float64) float64 {
		d, err := NMF(t.Context(), frames, NMFConfig{Rank: 8, Sparsity: sparsity, Iterations: 100, Seed: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		h := d.Encode(nil, frames, EncodeConfig{Sparsity: sparsity})
		var n float64 // the mean of |h|_1^2/|h|_2^2, the number of equal activations
		for i := range frames.Count {
			var a, b float64
			for _, v := range h[i*8 : (i+1)*8] {
				a += float64(v)
				b += float64(v) * float64(v)
			}
			n += a * a / b / float64(frames.Count)
		}
		return n
	}
	plain, sparse := active(0), active(2)
	t.Logf("active atoms: %.2f plain, %.2f sparse", plain, sparse)
	if sparse > 0.8*plain {
		t.Errorf("%.2f active atoms with sparsity, %.2f without: want clearly fewer", sparse, plain)
	}
}

func TestNMFIsDeterministicAndCancels(t *testing.T) {
	frames := mixture(20, 300, 3, 4)
	cfg := NMFConfig{Rank: 4, Iterations: 20, Seed: 9}
	a, err := NMF(t.Context(), frames, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := NMF(t.Context(), frames, cfg, nil)
	testsig.Near(t, "W", a.W, b.W, 0)
	cfg.Seed = 10
	if c, _ := NMF(t.Context(), frames, cfg, nil); c.W[0] == a.W[0] {
		t.Error("two seeds gave the same atom")
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := NMF(ctx, frames, cfg, func(Stats) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v, want context.Canceled", err)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	good := mixture(5, 20, 2, 1)
	nan := mixture(5, 20, 2, 1)
	nan.Data[17] = float32(math.NaN())
	negative := mixture(5, 20, 2, 1)
	negative.Data[3] = -1
	for name, c := range map[string]struct {
		frames *Frames
		cfg    NMFConfig
	}{
		"no frames":  {&Frames{Bins: 5}, NMFConfig{Rank: 2}},
		"nil":        {nil, NMFConfig{Rank: 2}},
		"NaN":        {nan, NMFConfig{Rank: 2}},
		"negative":   {negative, NMFConfig{Rank: 2}},
		"silence":    {&Frames{Bins: 2, Count: 2, Data: make([]float32, 4)}, NMFConfig{Rank: 2}},
		"short":      {&Frames{Bins: 2, Count: 2, Data: make([]float32, 3)}, NMFConfig{Rank: 2}},
		"no rank":    {good, NMFConfig{}},
		"divergence": {good, NMFConfig{Rank: 2, Divergence: 9}},
		"sparsity":   {good, NMFConfig{Rank: 2, Sparsity: math.NaN()}},
		"iterations": {good, NMFConfig{Rank: 2, Iterations: -1}},
	} {
		if _, err := NMF(t.Context(), c.frames, c.cfg, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NMF(t.Context(), good, NMFConfig{Rank: 2, Iterations: 1}, nil); err != nil {
		t.Errorf("good input: %v", err)
	}
}

func TestFrames(t *testing.T) {
	f := &Frames{Bins: 2}
	f.Append([]complex64{3 + 4i, 0})
	f.Append([]complex64{0.1, 0.1})
	testsig.Near(t, "magnitudes", f.Data, []float32{5, 0, 0.1, 0.1}, 1e-6)
	testsig.Near(t, "powers", f.Power().Row(0), []float32{25, 0}, 1e-5)
	if loud := f.Above(1); loud.Count != 1 || loud.Row(0)[0] != 5 {
		t.Errorf("Above(1) kept %+v, want the first frame", loud)
	}
}

func TestDivergenceNames(t *testing.T) {
	for _, d := range divergences {
		if got, err := ParseDivergence(d.String()); err != nil || got != d {
			t.Errorf("ParseDivergence(%q) = %v, %v", d.String(), got, err)
		}
	}
	if _, err := ParseDivergence("l2"); err == nil {
		t.Error(`ParseDivergence("l2") gave no error`)
	}
}

// TestDivergenceGradient holds the likelihoods' derivatives against
// differences of their values.
func TestDivergenceGradient(t *testing.T) {
	x := []float32{0.7, 2, 0.05, 1}
	y := []float32{1.1, 1.5, 0.04, 1}
	for _, d := range divergences {
		g := append([]float32(nil), y...)
		d.gradient(x, g)
		for i := range y {
			const e = 1e-3
			hi, lo := append([]float32(nil), y...), append([]float32(nil), y...)
			hi[i] *= 1 + e
			lo[i] *= 1 - e
			want := (d.Value(x, hi) - d.Value(x, lo)) / float64(hi[i]-lo[i])
			testsig.NearAt(t, d.String(), float64(g[i]), want, 2e-3*(1+math.Abs(want)))
		}
	}
}
