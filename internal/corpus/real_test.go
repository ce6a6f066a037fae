//go:build corpus

package corpus

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sotto/internal/testsig"
)

// realSets loads what $SOTTO_CORPUS names: the folder that the data's unpack script filled.
func realSets(t testing.TB) (speech, noise, dev *Set) {
	t.Helper()
	root := os.Getenv("SOTTO_CORPUS")
	if root == "" {
		t.Skip("SOTTO_CORPUS does not name the folder of the unpacked training data")
	}
	load := func(rel ...string) *Set {
		for i := range rel {
			rel[i] = filepath.Join(root, rel[i])
		}
		start := time.Now()
		s, err := LoadFolder(t.Context(), rel, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d clips, %.1f minutes, %d speakers, loaded in %.1f s", len(s.Clips), s.Seconds()/60, len(s.Speakers()), time.Since(start).Seconds())
		return s
	}
	return load("speech/train", "speech/train_more"), load("noise/train"), load("speech/dev")
}

func TestRealCorpus(t *testing.T) {
	speech, noise, dev := realSets(t)
	kept, report := Screen(speech, DefaultThresholds())
	t.Logf("screening:\n%s", report)
	if share := kept.Seconds() / speech.Seconds(); share < 0.7 || share > 0.95 {
		t.Errorf("screening keeps %.2f of the speech, want most of it but not all", share)
	}
	train, held := SplitByClip(noise, 0.1, 1)
	t.Logf("noise: %d clips (%.1f minutes) to train, %d (%.1f minutes) held out", len(train.Clips), train.Seconds()/60, len(held.Clips), held.Seconds()/60)
	x, err := NewMixer(kept, train, DefaultMixConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSurvey(t.Context(), x, 500)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("survey:\n%s", s)
	testsig.NearAt(t, "share without speech", float64(s.NoiseOnly)/500, 0.05, 0.03)
	set, err := ValidationSet(dev, held, 1, 50)
	if err != nil {
		t.Fatal(err)
	}
	for i := range set {
		if s := float64(len(set[i].Clean)) / SampleRate; s < 3 || s > 10 || math.IsInf(set[i].LevelDB, 0) {
			t.Errorf("validation mixture %d: %.1f s at %.1f dBFS", i, s, set[i].LevelDB)
		}
	}
}

func BenchmarkMixReal(b *testing.B) {
	speech, noise, _ := realSets(b)
	x, err := NewMixer(speech, noise, DefaultMixConfig(), 1)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkMix(b, x)
}
