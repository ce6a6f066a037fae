package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/testsig"
)

// TestNothingWaitsForEver cancels what waits for the other end of a named pipe,
// to open it or to read from it: it must end although nobody comes.
func TestNothingWaitsForEver(t *testing.T) {
	dir := t.TempDir()
	name := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	for _, folder := range []string{"clean", "noisy"} {
		if err := os.Mkdir(name(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sound := testsig.SpeechLike(200_000, 16000, 1) // more than a pipe holds
	if err := audiofile.WriteMono(name("clean", "x.wav"), sound, 16000, audiofile.PCM16); err != nil {
		t.Fatal(err)
	}
	for _, fifo := range []string{"nobody", "stalled", "silent", "noisy/x.wav"} {
		if err := syscall.Mkfifo(name(fifo), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reader, err := os.OpenFile(name("stalled"), os.O_RDWR, 0) // open, and never read
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	clean := func(ctx context.Context, out string) error {
		f := cleanFlags{bits: "auto"}
		return f.process(ctx, knownModel("keep", 10), enhance.Config{}, task{in: name("clean", "x.wav"), out: name(out)},
			func(audiofile.Info) func(int) { return func(int) {} })
	}
	a := &app{out: io.Discard, err: io.Discard}
	for what, wait := range map[string]func(context.Context) error{
		"an output that nobody opens": func(ctx context.Context) error { return clean(ctx, "nobody") },
		"an output that nobody reads": func(ctx context.Context) error { return clean(ctx, "stalled") },
		"a picture that nobody opens": func(ctx context.Context) error {
			return a.save(ctx, name("nobody"), false, func(io.Writer) error { return nil })
		},
		"a model that nobody writes": func(ctx context.Context) error { _, err := loadModel(ctx, name("silent")); return err },
		"a clip that nobody writes": func(ctx context.Context) error {
			return a.evalFolder(ctx, &evalFlags{metrics: "si_sdr", format: "text", processed: name("clean")}, dir)
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		ended := make(chan error, 1)
		go func() { ended <- wait(ctx) }()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: error %v, want %v", what, err, context.Canceled)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s is waited for although the work was cancelled", what)
		}
	}
}
