package pesq

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-audio/wav"

	"sotto/internal/metrics/metricstest"
	"sotto/internal/testsig"
)

// tolerance is the agreement with the reference program that is asked for, in MOS.
const tolerance = 0.005

// vector is a pair of files with the scores of the reference program.
type vector struct {
	Ref  string   `json:"ref"`
	Deg  string   `json:"deg"`
	Rate int      `json:"rate"`
	Raw  float64  `json:"nb_raw"`
	NB   float64  `json:"nb_lqo"`
	WB   *float64 `json:"wb_lqo"` // nil at 8 kHz
}

// loadJSON reads the pairs listed in a file of the shared vectors.
func loadJSON[T any](t *testing.T, path string) map[string]T {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Pairs map[string]T }
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v.Pairs
}

// loadWAV reads a 16-bit mono file, full scale at 1.
func loadWAV(t testing.TB, path string) []float32 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf, err := wav.NewDecoder(f).FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(buf.Data))
	for i, v := range buf.Data {
		x[i] = float32(v) / 32768
	}
	return x
}

func TestVectors(t *testing.T) {
	dir := testsig.Shared(t, "design/pesq/vectors")
	for name, v := range loadJSON[vector](t, filepath.Join(dir, "vectors.json")) {
		t.Run(name, func(t *testing.T) {
			ref, deg := loadWAV(t, filepath.Join(dir, v.Ref)), loadWAV(t, filepath.Join(dir, v.Deg))
			raw, lqo, err := NarrowBand(ref, deg, v.Rate)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("nb raw %+.5f lqo %+.5f", raw-v.Raw, lqo-v.NB)
			testsig.NearAt(t, "P.862 raw", raw, v.Raw, tolerance)
			testsig.NearAt(t, "P.862.1", lqo, v.NB, tolerance)
			if v.WB == nil {
				return
			}
			lqo, err = WideBand(ref, deg, v.Rate)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("wb %+.5f", lqo-*v.WB)
			testsig.NearAt(t, "P.862.2", lqo, *v.WB, tolerance)
		})
	}
}

func TestClips(t *testing.T) {
	metricstest.Clips(t, func(c metricstest.Clip) {
		wb, err := WideBand(c.Clean, c.Noisy, metricstest.Rate)
		if err != nil {
			t.Fatal(c.ID, err)
		}
		raw, nb, err := NarrowBand(c.Clean, c.Noisy, metricstest.Rate)
		if err != nil {
			t.Fatal(c.ID, err)
		}
		t.Logf("wb %+.5f nb %+.5f (raw %.4f) %s", wb-c.Want.PESQWide, nb-c.Want.PESQNarrow, raw, c.ID)
		testsig.NearAt(t, c.ID+" wide-band", wb, c.Want.PESQWide, tolerance)
		testsig.NearAt(t, c.ID+" narrow-band", nb, c.Want.PESQNarrow, tolerance)
	})
}
