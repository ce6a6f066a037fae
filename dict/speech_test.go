package dict

import (
	"testing"

	"sotto/internal/audiofile"
	"sotto/internal/testsig"
	"sotto/stft"
)

// speechFrames returns the magnitudes of some of the benchmark's clean clips,
// silence left out.
func speechFrames(t *testing.T, paths []string) *Frames {
	t.Helper()
	cfg := stft.Config{SampleRate: 16000}
	a, err := stft.NewAnalyzer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := &Frames{Bins: cfg.Bins()}
	var spectrum []complex64
	for _, p := range paths {
		x, rate, err := audiofile.ReadMono(p)
		if err != nil || rate != cfg.SampleRate {
			t.Fatalf("%s: rate %d, error %v", p, rate, err)
		}
		a.Reset()
		for hop := cfg.HopSize(); len(x) >= hop; x = x[hop:] {
			spectrum = a.Analyze(spectrum, x[:hop])
			f.Append(spectrum)
		}
	}
	return f.Above(0.1 * f.Mean())
}

// TestSpeech learns small dictionaries of real speech by both methods and
// compares how well they carry over to other clips.
func TestSpeech(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a few seconds")
	}
	paths, err := audiofile.Files(testsig.Shared(t, "bench/clean"))
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d clips, error %v", len(paths), err)
	}
	train, held := speechFrames(t, paths[:4]), speechFrames(t, paths[len(paths)-2:])
	vae, err := Train(t.Context(), train, VAEConfig{Rank: 24, Hidden: []int{64}, Epochs: 12, Batch: 64, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	nmf, err := NMF(t.Context(), train, NMFConfig{Rank: 24, Iterations: 30, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	vaeSNR, nmfSNR := snr(held, vae, vae.Encode(nil, held, EncodeConfig{})), snr(held, nmf, nmf.Encode(nil, held, EncodeConfig{}))
	encoded := snr(train, vae, vae.Encoder.Encode(nil, train))
	t.Logf("%d training frames; held out: VAE-NMF %.1f dB, KL-NMF %.1f dB; by the encoder on training frames: %.1f dB", train.Count, vaeSNR, nmfSNR, encoded)
	if vaeSNR < nmfSNR-4 || vaeSNR < 4 {
		t.Errorf("held-out SNR of VAE-NMF is %.1f dB and of KL-NMF %.1f dB: want at most 4 dB between them", vaeSNR, nmfSNR)
	}
	if encoded < 3 {
		t.Errorf("the encoder's SNR on training frames is %.1f dB, want at least 3", encoded)
	}
}
