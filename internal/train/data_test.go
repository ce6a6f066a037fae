package train

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/internal/audiofile"
	"sotto/internal/corpus"
	"sotto/internal/testsig"
)

// writeClips writes sounds into a new folder, one file each.
func writeClips(t *testing.T, sounds map[string][]float32) string {
	t.Helper()
	dir := t.TempDir()
	for name, x := range sounds {
		if err := audiofile.WriteMono(filepath.Join(dir, name+".wav"), x, corpus.SampleRate, audiofile.PCM16); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLoadDataLeavesOutWhatCannotBeScored validates on speech of which one clip
// is a word of a third of a second, too short for STOI: it must not end the run
// at its first validation.
func TestLoadDataLeavesOutWhatCannotBeScored(t *testing.T) {
	voice := func(n int, seed uint64) []float32 { return testsig.SpeechLike(n, corpus.SampleRate, seed) }
	noises := map[string][]float32{}
	for i := range 4 {
		noises[fmt.Sprintf("n%d", i)] = testsig.WhiteNoise(3*corpus.SampleRate, 0.1, uint64(i))
	}
	cfg := DataConfig{
		Speech: []string{writeClips(t, map[string][]float32{"a": voice(30000, 1), "b": voice(30000, 2)})},
		Noise:  []string{writeClips(t, noises)}, HeldNoise: 0.5, Unscreened: true, Clips: 6,
		ValidationSpeech: []string{writeClips(t, map[string][]float32{"c": voice(40000, 3), "word": voice(40000, 4)[:5000]})},
	}
	d, err := LoadData(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Validation) == 0 || len(d.Validation) == cfg.Clips {
		t.Fatalf("%d of %d clips to validate on, expected some to be left out", len(d.Validation), cfg.Clips)
	}
	run, in := smallRun(1)
	model, _, err := Net(t.Context(), run, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Validator(2).Validate(t.Context(), model); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(cfg.ValidationSpeech[0], "c.wav")); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadData(t.Context(), cfg, nil); err == nil {
		t.Error("nothing to score was accepted")
	}
}

// TestExcludedClipsMustBeThere leaves clips out by name; a name that no clip has
// is an error, and names the clip.
func TestExcludedClipsMustBeThere(t *testing.T) {
	dir := writeClips(t, map[string][]float32{"a": testsig.WhiteNoise(2000, 0.1, 1), "b": testsig.WhiteNoise(2000, 0.1, 2)})
	set, err := LoadClips(t.Context(), []string{dir}, []string{"b"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Clips) != 1 || set.Clips[0].Name != "a" {
		t.Errorf("%d clips without b, expected a alone", len(set.Clips))
	}
	if _, err := LoadClips(t.Context(), []string{dir}, []string{"b", "b.wav"}, nil); err == nil || !strings.Contains(err.Error(), "b.wav") {
		t.Errorf("excluding a clip that is not there: %v, expected an error that names it", err)
	}
}
