package pesq

import (
	"path/filepath"
	"slices"
	"testing"

	"sotto/internal/testsig"
)

// stages holds the intermediate values of one pair in one mode, as an independent program computed them.
type stages struct {
	Utterances [][]float64 // start, end, coarse delay, delay, confidence
	First      int         `json:"first_frame"`
	Last       int         `json:"last_frame"`
	Bad        [][]int     `json:"bad_intervals"` // first and end frame, shift
	Raw        float64
}

// TestStages holds every stage that has a table in the shared vectors against it: when the scores are off, it names the
// stage.
func TestStages(t *testing.T) {
	dir := testsig.Shared(t, "design/pesq/vectors")
	vectors := loadJSON[vector](t, filepath.Join(dir, "vectors.json"))
	for name, modes := range loadJSON[map[string]stages](t, filepath.Join(dir, "diag.json")) {
		v := vectors[name]
		ref, deg := load(t, dir, v.Ref), load(t, dir, v.Deg)
		for _, mode := range []Mode{Narrow, Wide} {
			want, ok := modes[mode.String()]
			if !ok {
				continue
			}
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				m, err := New(mode, v.Rate)
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.Score(ref, deg)
				if err != nil {
					t.Fatal(err)
				}
				compareStages(t, &m.model, want)
				testsig.NearAt(t, "raw score", got.Raw, want.Raw, 1e-4)
			})
		}
	}
}

func compareStages(t *testing.T, got *model, want stages) {
	t.Helper()
	if len(got.utterances) != len(want.Utterances) {
		t.Fatalf("%d utterances, want %d", len(got.utterances), len(want.Utterances))
	}
	for i, u := range got.utterances {
		row := []float64{float64(u.start), float64(u.end), float64(u.coarse), float64(u.delay)}
		testsig.Near(t, "utterance", row, want.Utterances[i][:4], 0)
		testsig.NearAt(t, "confidence", u.confidence, want.Utterances[i][4], 1e-4)
	}
	if got.first != want.First || got.frames-1 != want.Last {
		t.Errorf("frames %d..%d, want %d..%d", got.first, got.frames-1, want.First, want.Last)
	}
	if len(got.bad) != len(want.Bad) {
		t.Fatalf("bad intervals %v, want %v", got.bad, want.Bad)
	}
	for i, b := range got.bad {
		if row := []int{b.from, b.to, b.shift}; !slices.Equal(row, want.Bad[i]) {
			t.Errorf("bad interval %v, want %v", row, want.Bad[i])
		}
	}
}
