package stoi

import (
	"math"
	"testing"

	"sotto/internal/metrics/metricstest"
	"sotto/internal/testsig"
)

func TestPerfect(t *testing.T) {
	x := testsig.SpeechLike(32000, 16000, 1)
	louder := make([]float32, len(x))
	for i, v := range x {
		louder[i] = 4 * v
	}
	got, err := Score(x, louder, 16000)
	if err != nil {
		t.Fatal(err)
	}
	testsig.Near(t, "a signal against itself, louder", []float64{got.STOI, got.ESTOI}, []float64{1, 1}, 1e-9)
}

func TestFallsWithNoise(t *testing.T) {
	x, n := testsig.SpeechLike(48000, 16000, 1), testsig.WhiteNoise(48000, 1, 2)
	last := Result{STOI: 1, ESTOI: 1}
	for _, gain := range []float32{0.01, 0.03, 0.1, 0.3} {
		y := make([]float32, len(x))
		for i := range y {
			y[i] = x[i] + gain*n[i]
		}
		got, err := Score(x, y, 16000)
		if err != nil {
			t.Fatal(err)
		}
		if got.STOI >= last.STOI || got.ESTOI >= last.ESTOI {
			t.Errorf("noise at %v: got %+v, want both below %+v", gain, got, last)
		}
		last = got
	}
}

// TestCorrelate works one segment by hand: with y = c - x in every band the correlation is -1 as long as nothing is clipped; with
// y = x it is 1; with y constant there is nothing to correlate.
func TestCorrelate(t *testing.T) {
	x, mirrored, flat := make([][Bands]float64, segment), make([][Bands]float64, segment), make([][Bands]float64, segment)
	for i := range x {
		for b := range x[i] {
			x[i][b] = 1 + 0.5*math.Sin(2*math.Pi*float64(i)/segment)
			mirrored[i][b] = 2 - x[i][b]
			flat[i][b] = 1
		}
	}
	got := []float64{correlate(x, x), correlate(x, mirrored), correlate(x, flat)}
	testsig.Near(t, "correlations", got, []float64{1, -1, 0}, 1e-9)
}

// TestEdges holds the bands against the table of the paper's implementation: 150 Hz / 2^(1/6) is bin 6.8, and so on up to 4276 Hz.
func TestEdges(t *testing.T) {
	e := edges()
	if e[0] != [2]int{7, 9} || e[Bands-1] != [2]int{174, 219} {
		t.Errorf("first and last band: got %v and %v, want [7 9] and [174 219]", e[0], e[Bands-1])
	}
	for b := 1; b < Bands; b++ {
		if e[b][0] != e[b-1][1] {
			t.Errorf("band %d begins at bin %d, want %d where the one below ends", b, e[b][0], e[b-1][1])
		}
	}
}

// TestResampler checks that a tone keeps its amplitude and phase at every rate.
func TestResampler(t *testing.T) {
	for _, rate := range []int{8000, 16000, 22050, 44100, 48000} {
		x := testsig.Sine(rate/2, 440, float64(rate), 0.5)
		got := newResampler(rate, coreRate).convert(x)
		want := testsig.Sine(len(got), 440, coreRate, 0.5)
		if len(got) != coreRate/2 {
			t.Fatalf("%d Hz: got %d samples, want %d", rate, len(got), coreRate/2)
		}
		for i := 500; i < len(got)-500; i++ {
			if math.Abs(got[i]-float64(want[i])) > 1e-3 {
				t.Fatalf("%d Hz: sample %d is %v, want %v", rate, i, got[i], want[i])
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	x := testsig.SpeechLike(16000, 16000, 1)
	bad := append([]float32(nil), x...)
	bad[7] = float32(math.Inf(1))
	for name, c := range map[string]struct {
		ref, est []float32
		rate     int
	}{
		"length":           {x, x[1:], 16000},
		"silent reference": {make([]float32, 16000), x, 16000},
		"silent estimate":  {x, make([]float32, 16000), 16000},
		"infinity":         {x, bad, 16000},
		"rate":             {x, x, 4000},
		"zero rate":        {x, x, 0},
		"too short":        {x[:4000], x[:4000], 16000},
		"shorter still":    {x[:100], x[:100], 16000},
	} {
		if got, err := Score(c.ref, c.est, c.rate); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func TestReference(t *testing.T) {
	var worst Result
	metricstest.Clips(t, func(c metricstest.Clip) {
		got, err := Score(c.Clean, c.Noisy, metricstest.Rate)
		if err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		worst.STOI = max(worst.STOI, math.Abs(got.STOI-c.Want.STOI))
		worst.ESTOI = max(worst.ESTOI, math.Abs(got.ESTOI-c.Want.ESTOI))
		// The reference has four decimals.
		testsig.Near(t, c.ID, []float64{got.STOI, got.ESTOI}, []float64{c.Want.STOI, c.Want.ESTOI}, 1e-4)
	})
	t.Logf("largest differences: STOI %.6f, ESTOI %.6f", worst.STOI, worst.ESTOI)
}

func BenchmarkScore(b *testing.B) {
	ref, est := testsig.SpeechLike(64000, 16000, 1), testsig.WhiteNoise(64000, 0.1, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(ref, est, 16000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(4*float64(b.N)/b.Elapsed().Seconds(), "xRT")
}
