package assets

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"sotto/enhance"
	"sotto/internal/audiofile"
)

func TestModelsRead(t *testing.T) {
	for _, name := range Names() {
		b, ok := Model(name)
		if !ok {
			t.Fatalf("model %q is listed but cannot be read", name)
		}
		if _, err := enhance.Read(bytes.NewReader(b)); err != nil {
			t.Errorf("model %q: %v", name, err)
		}
	}
	if has := slices.Contains(Names(), Default); has != (DefaultModel() != nil) {
		t.Errorf("default model listed: %v, read: %v", has, !has)
	}
	if _, ok := Model("no such model"); ok {
		t.Error("a model that does not exist was found")
	}
}

// decode returns the samples of a FLAC file of 16 kHz mono.
func decode(t *testing.T, file []byte) []float32 {
	t.Helper()
	r, err := audiofile.NewReader(bytes.NewReader(file), "demo")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if i := r.Info(); i.SampleRate != 16000 || i.Channels != 1 {
		t.Fatalf("demo is %d Hz with %d channels, want 16 kHz mono", i.SampleRate, i.Channels)
	}
	var all []float32
	block := make([]float32, 4096)
	for {
		n, err := r.Read(block)
		all = append(all, block[:n]...)
		if err != nil {
			return all
		}
	}
}

// TestDemo checks what the demonstration promises: six seconds at 5 dB, the
// first second noise alone.
func TestDemo(t *testing.T) {
	noisy, clean := decode(t, Demo().Noisy), decode(t, Demo().Clean)
	const second = 16000
	if len(noisy) != 6*second || len(clean) != len(noisy) {
		t.Fatalf("demo has %d and %d samples, want %d", len(noisy), len(clean), 6*second)
	}
	var speech, noise, lead float64
	for i, c := range clean {
		n := float64(noisy[i]) - float64(c)
		if i < second {
			lead += float64(c) * float64(c)
			continue
		}
		speech += float64(c) * float64(c)
		noise += n * n
	}
	if lead != 0 {
		t.Error("there is speech in the first second")
	}
	if snr := 10 * math.Log10(speech/noise); math.Abs(snr-5) > 0.05 {
		t.Errorf("signal-to-noise ratio is %.2f dB, want 5", snr)
	}
}
