package sisdr

import (
	"math"
	"testing"

	"sotto/internal/metrics/metricstest"
	"sotto/internal/testsig"
)

// TestKnown uses two sines that are orthogonal over whole periods, so that the ratio of their powers is the SI-SDR.
func TestKnown(t *testing.T) {
	const n, rate = 16000, 16000
	speech, noise := testsig.Sine(n, 200, rate, 0.5), testsig.Sine(n, 300, rate, 0.05)
	for _, c := range []struct {
		name         string
		gain, offset float32
		noise        float32
		want         float64
	}{
		{"20 dB", 1, 0, 1, 20},
		{"the gain does not count", -0.1, 0, 0.1, 20},
		{"nor does an offset", 1, 0.25, 1, 20},
		{"0 dB", 1, 0, 10, 0},
		{"-20 dB", 1, 0, 100, -20},
	} {
		est := make([]float32, n)
		for i := range est {
			est[i] = c.gain*speech[i] + c.noise*noise[i] + c.offset
		}
		got, err := Score(speech, est)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		testsig.NearAt(t, c.name, got, c.want, 1e-4)
	}
}

func TestPerfect(t *testing.T) {
	x := testsig.WhiteNoise(1000, 0.1, 1)
	if got, err := Score(x, x); err != nil || got < 100 {
		t.Errorf("a signal against itself: got %v dB, %v, want above 100 dB", got, err)
	}
}

func TestRefuses(t *testing.T) {
	x := testsig.WhiteNoise(100, 0.1, 1)
	bad := append([]float32(nil), x...)
	bad[7] = float32(math.NaN())
	for name, pair := range map[string][2][]float32{
		"length":           {x, x[:99]},
		"silent reference": {make([]float32, 100), x},
		"silent estimate":  {x, make([]float32, 100)},
		"NaN":              {x, bad},
		"empty":            {nil, nil},
	} {
		if got, err := Score(pair[0], pair[1]); err == nil {
			t.Errorf("%s: got %v dB, want an error", name, got)
		}
	}
}

func TestReference(t *testing.T) {
	worst := 0.0
	metricstest.Clips(t, func(c metricstest.Clip) {
		got, err := Score(c.Clean, c.Noisy)
		if err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		worst = max(worst, math.Abs(got-c.Want.SISDR))
		testsig.NearAt(t, c.ID, got, c.Want.SISDR, 1e-4) // the reference has four decimals
	})
	t.Logf("largest difference %.6f dB", worst)
}

func BenchmarkScore(b *testing.B) {
	ref, est := testsig.WhiteNoise(16000, 0.1, 1), testsig.WhiteNoise(16000, 0.1, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(ref, est); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "xRT")
}
