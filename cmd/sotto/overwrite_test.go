package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/testsig"
)

// TestLateOutputsStay lets the outputs appear while the work is going on: they
// are not replaced unless that was asked for.
func TestLateOutputsStay(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out")
	if err := audiofile.WriteMono(in, testsig.SpeechLike(4000, 16000, 1), 16000, audiofile.PCM16); err != nil {
		t.Fatal(err)
	}
	appear := func() error { return os.WriteFile(out, []byte("first"), 0o600) }
	for name, work := range map[string]func(force bool) error{
		"clean": func(force bool) error {
			f := cleanFlags{bits: "auto", force: force}
			return f.process(t.Context(), knownModel("keep", 10), enhance.Config{}, task{in: in, out: out}, func(audiofile.Info) func(int) {
				if err := appear(); err != nil {
					t.Fatal(err)
				}
				return func(int) {}
			})
		},
		"save": func(force bool) error {
			return new(app).save(t.Context(), out, force, func(io.Writer) error { return appear() })
		},
	} {
		err := work(false)
		if b, _ := os.ReadFile(out); string(b) != "first" || err == nil || !strings.Contains(err.Error(), "exists; add --force") {
			t.Errorf("%s: the output holds %.9q, error %v; expected what was there first", name, b, err)
		}
		err = work(true)
		if b, _ := os.ReadFile(out); string(b) == "first" || err != nil {
			t.Errorf("%s --force: error %v, expected another output", name, err)
		}
		if err := os.Remove(out); err != nil {
			t.Fatal(err)
		}
	}
}
