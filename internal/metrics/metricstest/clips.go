// Package metricstest reads the shared measuring clips and the scores that the public reference tools give them, so that every metric is
// held against the same values.
package metricstest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sotto/internal/audiofile"
	"sotto/internal/testsig"
)

// Rate is the clips' sample rate in Hz. Their first Rate samples are noise alone and are skipped when scoring.
const Rate = 16000

// Scores holds the reference values of one clip: noisy against clean, and for SIR and SAR the noise as second source.
type Scores struct {
	PESQWide   float64 `json:"pesq_wb"`
	PESQNarrow float64 `json:"pesq_nb"`
	STOI       float64 `json:"stoi"`
	ESTOI      float64 `json:"estoi"`
	SISDR      float64 `json:"si_sdr"`
	SDR        float64 `json:"sdr"`
	SIR        float64 `json:"sir"`
	SAR        float64 `json:"sar"`
}

// Clip is one mixture without its first second.
type Clip struct {
	ID                  string
	Clean, Noise, Noisy []float32
	Want                Scores
}

// Clips calls do with every clip in the order of their names. It skips the test when the shared data is not there.
func Clips(t *testing.T, do func(c Clip)) {
	t.Helper()
	root := testsig.Shared(t, "bench")
	text, err := os.ReadFile(filepath.Join(root, "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]Scores
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, 0, len(want))
	for id := range want {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		do(Clip{
			ID:    id,
			Clean: read(t, filepath.Join(root, "clean", id+".flac")),
			Noise: read(t, filepath.Join(root, "noise", id+".flac")),
			Noisy: read(t, filepath.Join(root, "noisy", id+".flac")),
			Want:  want[id],
		})
	}
}

func read(t *testing.T, path string) []float32 {
	t.Helper()
	x, rate, err := audiofile.ReadMono(path)
	if err != nil {
		t.Fatal(err)
	}
	if rate != Rate || len(x) <= Rate {
		t.Fatalf("%s: %d samples at %d Hz, expected more than one second at %d Hz", path, len(x), rate, Rate)
	}
	return x[Rate:]
}
