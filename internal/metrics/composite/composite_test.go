package composite

import (
	"math"
	"testing"

	"sotto/internal/metrics/segmental"
	"sotto/internal/testsig"
)

func values(r Result) []float64 { return []float64{r.CSIG, r.CBAK, r.COVL} }

// TestCombine has sums worked by hand.
func TestCombine(t *testing.T) {
	for _, c := range []struct {
		parts Parts
		want  []float64
	}{
		// 3.093 - 0.5145 + 1.206 - 0.27; 1.634 + 0.956 - 0.21 + 0.63; 1.594 + 1.61 - 0.256 - 0.21
		{Parts{PESQ: 2, LLR: 0.5, WSS: 30, SegSNR: 10}, []float64{3.5145, 3.01, 2.738}},
		{Parts{PESQ: 4.5, LLR: 0, WSS: 0, SegSNR: 35}, []float64{5, 5, 5}},
		{Parts{PESQ: 1, LLR: 3, WSS: 150, SegSNR: -10}, []float64{1, 1, 1}},
	} {
		testsig.Near(t, "CSIG, CBAK, COVL", values(Combine(c.parts)), c.want, 1e-12)
	}
}

// TestScore checks that the right measures reach the right places.
func TestScore(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		x, n := testsig.SpeechLike(2*rate, rate, 1), testsig.WhiteNoise(2*rate, 0.02, 2)
		y := make([]float32, len(x))
		for i := range y {
			y[i] = x[i] + n[i]
		}
		llr, err1 := segmental.LLRUnlimited(x, y, rate)
		wss, err2 := segmental.WSS(x, y, rate)
		snr, err3 := segmental.SNR(x, y, rate)
		got, err := Score(x, y, rate, 2.5)
		if err1 != nil || err2 != nil || err3 != nil || err != nil {
			t.Fatal(err1, err2, err3, err)
		}
		want := Combine(Parts{PESQ: 2.5, LLR: llr, WSS: wss, SegSNR: snr})
		testsig.Near(t, "CSIG, CBAK, COVL", values(got), values(want), 0)
		if got.CBAK <= 1 || got.CBAK >= 5 {
			t.Errorf("%d Hz: CBAK is %v, want it within its limits so that the comparison means something", rate, got.CBAK)
		}
	}
}

func TestRefuses(t *testing.T) {
	x := testsig.WhiteNoise(16000, 0.1, 1)
	for name, c := range map[string]struct {
		est  []float32
		rate int
		pesq float64
	}{
		"rate":         {x, 48000, 2},
		"PESQ":         {x, 16000, 5.5},
		"PESQ is NaN":  {x, 16000, math.NaN()},
		"length":       {x[1:], 16000, 2},
		"silence":      {make([]float32, len(x)), 16000, 2},
		"no rate":      {x, 0, 2},
		"PESQ too low": {x, 8000, -1},
	} {
		if got, err := Score(x, c.est, c.rate, c.pesq); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	ref, est := testsig.SpeechLike(16000, 16000, 1), testsig.WhiteNoise(16000, 0.1, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(ref, est, 16000, 2); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "xRT")
}
