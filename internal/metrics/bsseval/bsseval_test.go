package bsseval

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"sotto/internal/metrics/metricstest"
	"sotto/internal/testsig"
)

// dense writes the matrix that the lags describe element by element.
func dense(r lags) *mat.SymDense {
	taps := len(r[0][0])
	d := mat.NewSymDense(len(r)*taps, nil)
	for p := range len(r) * taps {
		for q := p; q < len(r)*taps; q++ {
			// Row k of block row i, column l of block column j.
			i, k, j, l := p/taps, p%taps, q/taps, q%taps
			if k >= l {
				d.SetSym(p, q, r[i][j][k-l])
			} else {
				d.SetSym(p, q, r[j][i][l-k])
			}
		}
	}
	return d
}

// TestFactor holds the structured factorisation against Gonum's general one.
func TestFactor(t *testing.T) {
	for _, c := range []struct{ blocks, taps int }{{1, 1}, {1, 7}, {2, 1}, {2, 6}, {3, 20}} {
		r := randomLags(c.blocks, c.taps, 0, 3)
		var want mat.Cholesky
		if !want.Factorize(dense(r)) {
			t.Fatalf("%+v: the test's matrix is not positive definite", c)
		}
		var low mat.TriDense
		want.LTo(&low)
		got, ok := factorise(r, 0)
		if !ok {
			t.Fatalf("%+v: not positive definite, want a factor", c)
		}
		for p := range got.columns {
			for q, v := range got.columns[p] {
				testsig.NearAt(t, "factor", v, low.At(p+q, p), 1e-10)
			}
		}
	}
}

// TestIllConditioned factors the matrix of signals with next to nothing in their highest frequencies, whose condition is beyond
// 1e10, and checks that the solution satisfies the equations as well as a stable method can.
func TestIllConditioned(t *testing.T) {
	r := randomLags(2, 128, 4, 3)
	d := dense(r)
	if c := mat.Cond(d, 2); c < 1e10 {
		t.Fatalf("the test's matrix has condition %.1e, want above 1e10", c)
	}
	f, ok := factorise(r, 0)
	if !ok {
		t.Fatal("not positive definite, want a factor")
	}
	rng := rand.New(rand.NewPCG(4, 0))
	want, b := mat.NewVecDense(256, nil), mat.NewVecDense(256, nil)
	for i := range 256 {
		want.SetVec(i, rng.NormFloat64())
	}
	b.MulVec(d, want)
	left := mat.NewVecDense(256, nil)
	left.MulVec(d, mat.NewVecDense(256, f.solve(b.RawVector().Data, 2)))
	left.SubVec(left, b)
	if e := mat.Norm(left, 2) / mat.Norm(b, 2); e > 1e-13 {
		t.Errorf("the solution misses the equations by %.1e of their right-hand side, want at most 1e-13", e)
	}
}

// randomLags returns the correlations of short random signals, whose matrix is positive definite: white ones, or with their upper
// frequencies removed by so many means of two neighbours.
func randomLags(blocks, taps, means int, seed uint64) lags {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([][]float64, blocks)
	for i := range x {
		x[i] = make([]float64, 10*taps*blocks)
		for j := range x[i] {
			x[i][j] = rng.NormFloat64() / 10
		}
		clear(x[i][len(x[i])-means:]) // room for the filter to end in
		for range means {
			for j := len(x[i]) - 1; j > 0; j-- {
				x[i][j] = (x[i][j] + x[i][j-1]) / 2
			}
			x[i][0] /= 2
		}
	}
	r := make(lags, blocks)
	for i := range r {
		r[i] = make([][]float64, blocks)
		for j := range r[i] {
			r[i][j] = make([]float64, taps)
			for k := range r[i][j] {
				for u := 0; u+k < len(x[0]); u++ {
					r[i][j][k] += x[i][u] * x[j][u+k]
				}
			}
		}
	}
	return r
}

// TestNotPositiveDefinite checks that a matrix that has no factor is recognised: lag 1 above lag 0 is no autocorrelation.
func TestNotPositiveDefinite(t *testing.T) {
	if _, ok := factorise(lags{{{1, 2}}}, 0); ok {
		t.Error("lags 1, 2: got a factor, want none")
	}
	if _, ok := factorise(lags{{{1, 0}, {1, 0}}, {{1, 0}, {1, 0}}}, 0); ok {
		t.Error("two equal sources: got a factor, want none")
	}
	if _, ok := factorise(lags{{{1, 0}, {1, 0}}, {{1, 0}, {1, 0}}}, 1e-12); !ok {
		t.Error("two equal sources with a ridge: got no factor, want one")
	}
}

// mix returns the speech with an echo of 100 samples, the noise 20 dB down and 30 samples late, and the artefacts.
func mix(speech, noise, artefact []float32) []float32 {
	y := make([]float32, len(speech))
	for t := range y {
		y[t] = artefact[t] + 0.8*speech[t]
		if t >= 100 {
			y[t] -= 0.6 * speech[t-100]
		}
		if t >= 30 {
			y[t] += 0.1 * noise[t-30]
		}
	}
	return y
}

// TestKnown uses independent white signals of equal power. The filter on the speech has unit gain, the noise's is -20 dB and the
// artefacts lie at -30 dB, so that SIR = 20, SAR = 30 + 0.04 (the interference counts as explained) and SDR = 19.59 dB. The projection
// finds 512 (1024) of the 160000 dimensions by chance: 0.03 dB.
func TestKnown(t *testing.T) {
	const n = 160000
	speech, noise := testsig.WhiteNoise(n, 0.1, 1), testsig.WhiteNoise(n, 0.1, 2)
	clear(speech[n-100:]) // so that the filters' echoes do not fall off the end
	clear(noise[n-100:])
	got, err := Score(mix(speech, noise, testsig.WhiteNoise(n, 0.1*math.Pow(10, -1.5), 3)), [][]float32{speech, noise})
	if err != nil {
		t.Fatal(err)
	}
	testsig.NearAt(t, "SDR", got.SDR, -10*math.Log10(0.01+0.001), 0.1)
	testsig.NearAt(t, "SIR", got.SIR, 20, 0.1)
	testsig.NearAt(t, "SAR", got.SAR, 30+10*math.Log10(1.01), 0.1)
}

func TestPerfect(t *testing.T) {
	x, noise := testsig.SpeechLike(16000, 16000, 1), testsig.WhiteNoise(16000, 0.1, 2)
	delayed := append(make([]float32, 40), x[:len(x)-40]...)
	clear(x[len(x)-40:]) // so that nothing falls off the end
	for name, est := range map[string][]float32{"itself": x, "delayed by 40": delayed} {
		got, err := Score(est, [][]float32{x, noise})
		if err != nil {
			t.Fatal(err)
		}
		if got.SDR < 100 || got.SIR < 100 || got.SAR < 100 {
			t.Errorf("%s: got %+v, want all above 100 dB", name, got)
		}
	}
}

// TestSingular scores with sources whose correlation matrix has no inverse: a pure tone, and a source given twice.
func TestSingular(t *testing.T) {
	tone, noise := testsig.Sine(16000, 1000, 16000, 0.1), testsig.WhiteNoise(16000, 0.001, 1)
	y := make([]float32, len(tone))
	for i := range y {
		y[i] = tone[i] + noise[i]
	}
	for name, refs := range map[string][][]float32{"tone": {tone}, "tone and noise": {tone, noise}, "twice": {tone, tone}} {
		got, err := Score(y, refs)
		if err != nil {
			t.Fatal(err)
		}
		// 0.1/sqrt(2) against 0.001 is 36.99 dB; a tone's filters reach few of the noise's dimensions.
		testsig.NearAt(t, name, got.SDR, 36.99, 0.3)
	}
}

func TestSingleSource(t *testing.T) {
	x, noise := testsig.SpeechLike(16000, 16000, 1), testsig.WhiteNoise(16000, 0.01, 2)
	y := make([]float32, len(x))
	for i := range y {
		y[i] = x[i] + noise[i]
	}
	alone, err := Score(y, [][]float32{x})
	if err != nil {
		t.Fatal(err)
	}
	both, err := Score(y, [][]float32{x, noise})
	if err != nil {
		t.Fatal(err)
	}
	testsig.NearAt(t, "SDR with and without the noise as a source", alone.SDR, both.SDR, 1e-9)
	if !math.IsInf(alone.SIR, 1) || alone.SAR != alone.SDR {
		t.Errorf("single source: got %+v, want SIR +Inf and SAR equal to SDR", alone)
	}
}

func TestRefuses(t *testing.T) {
	x, y := testsig.WhiteNoise(4000, 0.1, 1), testsig.WhiteNoise(4000, 0.1, 2)
	bad := append([]float32(nil), x...)
	bad[7] = float32(math.NaN())
	silent := make([]float32, 4000)
	for name, c := range map[string]struct {
		est  []float32
		refs [][]float32
	}{
		"no source":          {x, nil},
		"estimate's length":  {x[1:], [][]float32{x, y}},
		"sources' lengths":   {x, [][]float32{x, y[1:]}},
		"silent speech":      {x, [][]float32{silent, y}},
		"silent noise":       {x, [][]float32{x, silent}},
		"silent estimate":    {silent, [][]float32{x, y}},
		"NaN in a source":    {x, [][]float32{bad, y}},
		"NaN in an estimate": {bad, [][]float32{x, y}},
		"short":              {x[:1024], [][]float32{x[:1024], y[:1024]}},
	} {
		if got, err := Score(c.est, c.refs); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func TestReference(t *testing.T) {
	var worst Result
	metricstest.Clips(t, func(c metricstest.Clip) {
		got, err := Score(c.Noisy, [][]float32{c.Clean, c.Noise})
		if err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		worst.SDR = max(worst.SDR, math.Abs(got.SDR-c.Want.SDR))
		worst.SIR = max(worst.SIR, math.Abs(got.SIR-c.Want.SIR))
		worst.SAR = max(worst.SAR, math.Abs(got.SAR-c.Want.SAR))
		// The reference has four decimals.
		testsig.Near(t, c.ID+" SDR, SIR, SAR", []float64{got.SDR, got.SIR, got.SAR}, []float64{c.Want.SDR, c.Want.SIR, c.Want.SAR}, 1e-4)
	})
	t.Logf("largest differences: %+v", worst)
}

// benchmarkPair returns one second of speech, of noise, and of both.
func benchmarkPair() (speech, noise, mixture []float32) {
	speech, noise = testsig.SpeechLike(16000, 16000, 1), testsig.WhiteNoise(16000, 0.1, 2)
	mixture = make([]float32, len(speech))
	for i := range mixture {
		mixture[i] = speech[i] + noise[i]
	}
	return speech, noise, mixture
}

// BenchmarkScore scores one second of audio with one interferer. The target is 100 ms on one core.
func BenchmarkScore(b *testing.B) {
	speech, noise, mixture := benchmarkPair()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(mixture, [][]float32{speech, noise}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "xRT")
}

// BenchmarkScorer scores further estimates of the same second.
func BenchmarkScorer(b *testing.B) {
	speech, noise, mixture := benchmarkPair()
	s, err := NewScorer([][]float32{speech, noise})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Score(mixture); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "xRT")
}
