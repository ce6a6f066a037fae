package main

import (
	"math/bits"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"sotto/assets"
	"sotto/enhance"
	"sotto/internal/metrics/sisdr"
	"sotto/internal/resample"
)

// TestTwoRatesAgree cleans the demonstration clip at 16 kHz, and resampled at
// 48 kHz, with the built-in model: below 7.5 kHz both must be the same voice.
func TestTwoRatesAgree(t *testing.T) {
	m := shippedModel(t)
	noisy, rate, err := decode(assets.Demo().Noisy, "noisy sample")
	if err != nil {
		t.Fatal(err)
	}
	const high = 48000
	at := func(x []float32, rate int) []float32 {
		proc, err := newProcessor(m, enhance.Config{}, rate)
		if err != nil {
			t.Fatal(err)
		}
		return cleanSamples(proc, rate, x)
	}
	low := at(noisy, rate)
	full := resample.Convert(at(resample.Convert(noisy, rate, high), high), high, rate)
	score, err := sisdr.Score(below(low, 7500, rate), below(full, 7500, rate))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("SI-SDR between the two: %.1f dB", score)
	if !(score >= 25) {
		t.Errorf("SI-SDR between the two is %.1f dB, want 25 or more", score)
	}
}

// below returns x without what lies above limit hertz.
func below(x []float32, limit float64, rate int) []float32 { return between(x, 0, limit, rate) }

// between returns what of x lies between two frequencies in Hz.
func between(x []float32, lo, hi float64, rate int) []float32 {
	n := 1 << bits.Len(uint(len(x))) // a length with a large factor would take minutes
	fft, seq := fourier.NewFFT(n), make([]float64, n)
	for i, v := range x {
		seq[i] = float64(v)
	}
	coef := fft.Coefficients(nil, seq)
	for i := range coef {
		if f := fft.Freq(i) * float64(rate); f < lo || f > hi {
			coef[i] = 0
		}
	}
	y := make([]float32, len(x))
	for i, v := range fft.Sequence(seq, coef)[:len(x)] {
		y[i] = float32(v / float64(n))
	}
	return y
}
