package pesq

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"sotto/internal/audiofile"
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

// load reads a mono file.
func load(t *testing.T, dir, name string) []float32 {
	t.Helper()
	x, _, err := audiofile.ReadMono(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestVectors(t *testing.T) {
	dir := testsig.Shared(t, "design/pesq/vectors")
	for name, v := range loadJSON[vector](t, filepath.Join(dir, "vectors.json")) {
		t.Run(name, func(t *testing.T) {
			ref, deg := load(t, dir, v.Ref), load(t, dir, v.Deg)
			raw, lqo, err := NarrowBand(ref, deg, v.Rate)
			if err != nil {
				t.Fatal(err)
			}
			testsig.NearAt(t, "P.862 raw", raw, v.Raw, tolerance)
			testsig.NearAt(t, "P.862.1", lqo, v.NB, tolerance)
			if v.WB == nil {
				return
			}
			lqo, err = WideBand(ref, deg, v.Rate)
			if err != nil {
				t.Fatal(err)
			}
			testsig.NearAt(t, "P.862.2", lqo, *v.WB, tolerance)
		})
	}
}

// TestClips reports the largest difference over the measuring clips beside failing on any that is too large.
func TestClips(t *testing.T) {
	narrow, err := New(Narrow, metricstest.Rate)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := New(Wide, metricstest.Rate)
	if err != nil {
		t.Fatal(err)
	}
	var worstNarrow, worstWide float64
	metricstest.Clips(t, func(c metricstest.Clip) {
		nb, err := narrow.Score(c.Clean, c.Noisy)
		if err != nil {
			t.Fatal(c.ID, err)
		}
		wb, err := wide.Score(c.Clean, c.Noisy)
		if err != nil {
			t.Fatal(c.ID, err)
		}
		testsig.NearAt(t, c.ID+" narrow-band", nb.LQO, c.Want.PESQNarrow, tolerance)
		testsig.NearAt(t, c.ID+" wide-band", wb.LQO, c.Want.PESQWide, tolerance)
		worstNarrow = max(worstNarrow, math.Abs(nb.LQO-c.Want.PESQNarrow))
		worstWide = max(worstWide, math.Abs(wb.LQO-c.Want.PESQWide))
	})
	t.Logf("largest difference: narrow-band %.5f, wide-band %.5f MOS", worstNarrow, worstWide)
}
