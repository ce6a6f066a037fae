package enhance

import (
	"math"
	"testing"

	"sotto/internal/resample"
)

// siSDR returns the scale-invariant ratio of the reference to what is left
// of est, in dB.
func siSDR(ref, est []float32) float64 {
	var rr, re float64
	for i, r := range ref {
		rr += float64(r) * float64(r)
		re += float64(r) * float64(est[i])
	}
	var signal, rest float64
	for i, r := range ref {
		s := re / rr * float64(r)
		signal += s * s
		rest += (float64(est[i]) - s) * (float64(est[i]) - s)
	}
	return 10 * math.Log10(signal/rest)
}

// lowPass returns x below cut, a fraction of the sample rate, by a windowed
// sinc of 255 taps.
func lowPass(x []float32, cut float64) []float32 {
	const half = 127
	taps := make([]float64, 2*half+1)
	for i := range taps {
		n := float64(i - half)
		taps[i] = 2 * cut
		if n != 0 {
			taps[i] = math.Sin(2*math.Pi*cut*n) / (math.Pi * n)
		}
		taps[i] *= 0.5 * (1 + math.Cos(math.Pi*n/(half+1)))
	}
	y := make([]float32, len(x))
	for i := range y {
		var sum float64
		for j, c := range taps {
			if k := i + j - half; k >= 0 && k < len(x) {
				sum += c * float64(x[k])
			}
		}
		y[i] = float32(sum)
	}
	return y
}

// TestRatesAgree cleans one clip at 16 kHz and, resampled, at the higher
// rates, and compares the results below 7.5 kHz.
func TestRatesAgree(t *testing.T) {
	m := randomModel(small, 8)
	x := noisyVoice(5*16000, 16000, 9)
	const cut = 7400.0 / 16000 // the filter is down at 7.5 kHz.
	want := lowPass(clean(newEnhancer(t, m, 16000, Config{}), x), cut)
	for _, rate := range []int{24000, 32000, 48000} {
		y := clean(newEnhancer(t, m, rate, Config{}), resample.Convert(x, 16000, rate))
		got := lowPass(resample.Convert(y, rate, 16000)[:len(x)], cut)
		score := siSDR(want[1600:len(want)-1600], got[1600:])
		t.Logf("%d Hz against 16000 Hz: SI-SDR %.1f dB", rate, score)
		if score < 25 {
			t.Errorf("cleaned at %d Hz and at 16000 Hz the clip agrees to %.1f dB, want 25", rate, score)
		}
	}
}

// TestNarrowBandAgrees cleans one clip that ends at 3.4 kHz at 8 kHz and at
// 16 kHz: bins a low rate lacks count as empty ones.
func TestNarrowBandAgrees(t *testing.T) {
	m := randomModel(small, 8)
	x := lowPass(noisyVoice(5*8000, 8000, 9), 3400.0/8000)
	want := clean(newEnhancer(t, m, 8000, Config{}), x)
	y := clean(newEnhancer(t, m, 16000, Config{}), resample.Convert(x, 8000, 16000))
	got := resample.Convert(y, 16000, 8000)[:len(x)]
	score := siSDR(want[800:len(want)-800], got[800:])
	t.Logf("8000 Hz against 16000 Hz: SI-SDR %.1f dB", score)
	if score < 20 {
		t.Errorf("cleaned at 8000 Hz and at 16000 Hz the clip agrees to %.1f dB, want 20", score)
	}
}
