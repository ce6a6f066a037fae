package main

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"sotto/enhance"
	"sotto/internal/audiofile"
)

// alsaVoices are eight spoken channel names at 48 kHz, full band: part of Debian's alsa-utils.
const alsaVoices = "/usr/share/sounds/alsa/*_*.wav"

// TestFullBand measures what happens above 8 kHz, where the model has not been
// trained: noise must go there too, and the voice's own band must stay.
func TestFullBand(t *testing.T) {
	const rate = 48000
	voice := fullBandVoice(t, rate)
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]float32, len(voice))
	for i := range noise {
		noise[i] = float32(rng.NormFloat64())
	}
	level := math.Sqrt(bandPower(voice, 0, rate/2, rate) / bandPower(noise, 0, rate/2, rate))
	clean := func(x []float32) []float32 {
		proc, err := newProcessor(shippedModel(t), enhance.Config{}, rate)
		if err != nil {
			t.Fatal(err)
		}
		return cleanSamples(proc, rate, x)
	}
	alone := clean(voice)
	for _, band := range []struct{ lo, hi float64 }{{0, 8000}, {8000, 12000}, {12000, 16000}} {
		lost := powerDB(bandPower(voice, band.lo, band.hi, rate) / bandPower(alone, band.lo, band.hi, rate))
		t.Logf("clean voice, %5.0f to %5.0f Hz: %.2f dB lost", band.lo, band.hi, lost)
		if lost > 3 {
			t.Errorf("a clean voice loses %.1f dB between %.0f and %.0f Hz, want at most 3", lost, band.lo, band.hi)
		}
	}
	for _, snr := range []float64{0, 10} {
		scale := float32(level * math.Pow(10, -snr/20))
		noisy := make([]float32, len(voice))
		for i, v := range voice {
			noisy[i] = v + scale*noise[i]
		}
		out := clean(noisy)
		// The lead is noise alone.
		down := powerDB(bandPower(noisy[rate/2:rate], 8000, 20000, rate) / bandPower(out[rate/2:rate], 8000, 20000, rate))
		before, after := bandSDR(voice, noisy, rate), bandSDR(voice, out, rate)
		t.Logf("white noise at %g dB, 8 to 20 kHz: %.1f dB less in the pause; SDR %.1f dB before, %.1f dB after", snr, down, before, after)
		if down < 10 || after < before+3 {
			t.Errorf("white noise at %g dB, 8 to 20 kHz: %.1f dB less in the pause, SDR %.1f to %.1f dB; want 10 dB less and 3 dB more", snr, down, before, after)
		}
	}
}

// fullBandVoice is a second of silence and the voices one after the other.
func fullBandVoice(t *testing.T, rate int) []float32 {
	t.Helper()
	files, err := filepath.Glob(alsaVoices)
	if err != nil || len(files) < 8 {
		t.Skipf("no full-band voices in %s: install alsa-utils to run this test (make deps)", alsaVoices)
	}
	x := make([]float32, rate)
	for _, file := range files {
		v, err := audiofile.ReadMonoAt(file, rate)
		if err != nil {
			t.Fatal(err)
		}
		x = append(x, v...)
	}
	return x
}

// bandPower is the mean power of x between two frequencies in Hz.
func bandPower(x []float32, lo, hi float64, rate int) float64 {
	y := between(x, lo, hi, rate)
	var sum float64
	for _, v := range y {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(y))
}

// bandSDR is the ratio in dB of a voice to what differs from it, from 8 to 20 kHz.
func bandSDR(voice, x []float32, rate int) float64 {
	d := make([]float32, len(voice))
	for i, v := range voice {
		d[i] = x[i] - v
	}
	return powerDB(bandPower(voice, 8000, 20000, rate) / bandPower(d, 8000, 20000, rate))
}

func powerDB(ratio float64) float64 { return 10 * math.Log10(ratio) }
