package segmental

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"sotto/internal/testsig"
)

// oracleSignals makes the signals of testdata/oracle.py.
func oracleSignals(n int) (clean, noisy []float32) {
	state, low := uint32(1), 0
	random := func() int {
		state = state*1664525 + 1013904223
		return int(state>>16) - 32768
	}
	for i := range n {
		low = (15*low + random()) >> 4
		envelope := i%2000 - 1000
		c := low * max(envelope, -envelope) >> 10
		clean = append(clean, float32(c)/32768)
		noisy = append(noisy, float32(c+(random()>>5))/32768)
	}
	return clean, noisy
}

// TestOracle holds the measures against testdata/oracle.py, which works them out by their plain formulas.
func TestOracle(t *testing.T) {
	text, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Rate         int     `json:"rate"`
		Samples      int     `json:"samples"`
		SNR          float64 `json:"snr"`
		LSD          float64 `json:"lsd"`
		LLR          float64 `json:"llr"`
		LLRUnlimited float64 `json:"llr_unlimited"`
		WSS          float64 `json:"wss"`
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		clean, noisy := oracleSignals(c.Samples)
		got := scoreAll(t, clean, noisy, c.Rate)
		testsig.Near(t, "SNR, LSD, LLR, LLRUnlimited, WSS", got, []float64{c.SNR, c.LSD, c.LLR, c.LLRUnlimited, c.WSS}, 1e-7)
	}
}

// measures lists the exported functions in the order of scoreAll's results.
var measures = []func(ref, est []float32, rate int) (float64, error){SNR, LSD, LLR, LLRUnlimited, WSS}

func scoreAll(t *testing.T, ref, est []float32, rate int) []float64 {
	t.Helper()
	var out []float64
	for _, m := range measures {
		v, err := m(ref, est, rate)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// TestGain scores a signal against itself at other gains: a gain of g leaves an error of (g-1)^2 of the signal's power in every frame,
// moves every bin by 20 log10 |g|, and leaves envelopes and slopes as they are.
func TestGain(t *testing.T) {
	x := testsig.WhiteNoise(16000, 0.1, 1)
	for _, c := range []struct {
		gain     float32
		snr, lsd float64
	}{
		{1, 35, 0},
		{1.1, 20, 0.8279},
		{2, 0, 6.0206},
		{0.5, 6.0206, 6.0206},
		{-9, -10, 19.0849},
	} {
		y := make([]float32, len(x))
		for i, v := range x {
			y[i] = c.gain * v
		}
		testsig.Near(t, "SNR, LSD, LLR, LLRUnlimited, WSS", scoreAll(t, x, y, 16000), []float64{c.snr, c.lsd, 0, 0, 0}, 0.01)
	}
}

// TestPredict takes the autocorrelation 0.9^k, whose predictor is 0.9 of the last sample. On white noise that predictor leaves
// 1 + 0.9^2, on its own signal 1 - 0.9^2.
func TestPredict(t *testing.T) {
	r, white, a := make([]float64, 9), make([]float64, 9), make([]float64, 9)
	for k := range r {
		r[k] = math.Pow(0.9, float64(k))
	}
	white[0] = 1
	predict(a, r)
	testsig.Near(t, "prediction error filter", a, []float64{1, -0.9, 0, 0, 0, 0, 0, 0, 0}, 1e-12)
	testsig.NearAt(t, "residual of white noise", quadratic(a, white), 1.81, 1e-12)
	testsig.NearAt(t, "residual of its own signal", quadratic(a, r), 0.19, 1e-12)
	predict(a, make([]float64, 9))
	testsig.Near(t, "filter of silence", a, white, 0)
}

// TestLLRSilence checks that a pause of digital silence in the reference does not enter, and one in the estimate stays finite.
func TestLLRSilence(t *testing.T) {
	x, y := testsig.SpeechLike(16000, 16000, 1), testsig.WhiteNoise(16000, 0.1, 2)
	for i := 4000; i < 8000; i++ {
		x[i] = 0
	}
	d, err := llr(x, y, 16000)
	if err != nil {
		t.Fatal(err)
	}
	// 130 frames start at multiples of 120; those from 4000 (34 * 120 = 4080) to 7520 = 62 * 120 lie in the pause: 29 at least.
	if len(d) > 129-29 {
		t.Errorf("reference with a pause: %d of 129 frames scored, want at most 100", len(d))
	}
	clear(y[:8000])
	got, err := LLRUnlimited(x, y, 16000)
	if err != nil || math.IsNaN(got) || math.IsInf(got, 0) {
		t.Errorf("estimate with a pause: got %v, %v, want a finite value", got, err)
	}
}

// TestTone checks that a signal that can be predicted perfectly does not upset the recursion, and that the predictor of another tone,
// which is wrong by far more than e^2, meets the limit in every frame.
func TestTone(t *testing.T) {
	x, y := testsig.Sine(16000, 1000, 16000, 0.5), testsig.Sine(16000, 1500, 16000, 0.5)
	got := scoreAll(t, x, y, 16000)
	testsig.NearAt(t, "LLR", got[2], 2, 0)
	if got[3] < 3 {
		t.Errorf("LLR without limit: got %v, want above 3", got[3])
	}
	for i, v := range got {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("measure %d of two tones: got %v, want a finite value", i, v)
		}
	}
}

// TestTilt gives every slope an error of 2 dB: the distance is 4 whatever the weights.
func TestTilt(t *testing.T) {
	var s, e [bands]float64
	for b := range s {
		s[b] = 10 * math.Sin(float64(b))
		e[b] = s[b] + 2*float64(b)
	}
	testsig.NearAt(t, "distance", slopeDistance(s, e), 4, 1e-12)
}

// TestPeakWeights works a spectrum by hand: 0, 10, 20 dB and falling by 1 dB from there. Band 0 and band 1 rise to band 2, of which the
// band below the top, 10 dB, counts; bands from 2 on look down to band 2.
func TestPeakWeights(t *testing.T) {
	l := [bands]float64{0, 10, 20}
	for b := 3; b < bands; b++ {
		l[b] = 20 - float64(b-2)
	}
	w := peakWeights(l)
	want := []float64{20.0 / 40 / 11, 20.0 / 30 / 1, 1, 20.0 / 21 / 2, 20.0 / 22 / 3}
	testsig.Near(t, "weights", w[:5], want, 1e-12)
}

// TestBands checks the table against the rule it follows, to the digits it is printed with.
func TestBands(t *testing.T) {
	for b := range bands - 1 {
		testsig.NearAt(t, "centre", centres[b+1], centres[b]+widths[b], 0.008)
	}
}

func TestLowestMean(t *testing.T) {
	d := make([]float64, 100)
	for i := range d {
		d[i] = float64(100 - i)
	}
	testsig.NearAt(t, "mean of 1 ... 95", lowestMean(d), 48, 1e-12)
	testsig.NearAt(t, "single frame", lowestMean([]float64{3}), 3, 0)
}

func TestRefuses(t *testing.T) {
	x := testsig.WhiteNoise(1600, 0.1, 1)
	bad := append([]float32(nil), x...)
	bad[7] = float32(math.NaN())
	late := make([]float32, 1600)
	late[1599] = 1 // in the frame that is left out
	for name, c := range map[string]struct {
		ref, est []float32
		rate     int
	}{
		"length":           {x, x[1:], 16000},
		"silent reference": {make([]float32, 1600), x, 16000},
		"silent estimate":  {x, make([]float32, 1600), 16000},
		"NaN":              {x, bad, 16000},
		"low rate":         {x, x, 7999},
		"high rate":        {x, x, 192001},
		"too short":        {x[:500], x[:500], 16000},
	} {
		for i, m := range measures {
			if got, err := m(c.ref, c.est, c.rate); err == nil {
				t.Errorf("%s: measure %d got %v, want an error", name, i, got)
			}
		}
	}
	if got, err := LLR(late, x, 16000); err == nil {
		t.Errorf("LLR without a frame to score: got %v, want an error", got)
	}
}

func benchmark(b *testing.B, measure func(ref, est []float32, rate int) (float64, error)) {
	ref, est := testsig.SpeechLike(16000, 16000, 1), testsig.WhiteNoise(16000, 0.1, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := measure(ref, est, 16000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "xRT")
}

func BenchmarkSNR(b *testing.B) { benchmark(b, SNR) }
func BenchmarkLSD(b *testing.B) { benchmark(b, LSD) }
func BenchmarkLLR(b *testing.B) { benchmark(b, LLR) }
func BenchmarkWSS(b *testing.B) { benchmark(b, WSS) }
