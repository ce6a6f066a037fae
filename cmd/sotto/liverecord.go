package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sotto/internal/audiofile"
	"sotto/stream"
)

// recordBuffer is how much audio may wait for a slow disk.
const recordBuffer = 4 * time.Second

// recorder writes what comes in and what becomes of it into two WAV files of
// one name, sample for sample side by side.
type recorder struct {
	tap          *stream.Tap
	noisy, clean *audiofile.Writer
	paths        [2]string
	start        time.Time
	cancel       context.CancelFunc
	done         chan error
}

// startRecorder begins to record into a folder, which is created.
func startRecorder(engine *stream.Engine, folder string) (*recorder, error) {
	if folder == "" {
		folder = "."
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	r := &recorder{start: time.Now(), done: make(chan error, 1)}
	r.paths = recordingPaths(folder, r.start)
	var err error
	if r.tap, err = engine.OpenTap(recordBuffer); err != nil {
		return nil, fmt.Errorf("cannot record: %w", err)
	}
	if r.noisy, err = audiofile.Create(r.paths[0], r.tap.Rate(), 1, audiofile.PCM16); err != nil {
		r.tap.Close()
		return nil, err
	}
	if r.clean, err = audiofile.Create(r.paths[1], r.tap.Rate(), 1, audiofile.PCM16); err != nil {
		r.tap.Close()
		return nil, errors.Join(err, r.noisy.Abort())
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.done <- r.tap.Copy(ctx, r.write) }()
	return r, nil
}

// recordingPaths returns names that are not taken yet, after the time at which
// the recording began.
func recordingPaths(folder string, start time.Time) [2]string {
	stem := start.Format("2006-01-02-150405")
	for n := 1; ; n++ {
		name := stem
		if n > 1 {
			name = fmt.Sprintf("%s-%d", stem, n)
		}
		paths := [2]string{filepath.Join(folder, name+"-noisy.wav"), filepath.Join(folder, name+"-clean.wav")}
		if refuse(paths[0], false) == nil && refuse(paths[1], false) == nil {
			return paths
		}
	}
}

func (r *recorder) write(noisy, clean []float32) error {
	if err := r.noisy.Write(noisy); err != nil {
		return err
	}
	return r.clean.Write(clean)
}

// stop ends the recording and completes the files. What was recorded up to an
// error is kept.
func (r *recorder) stop() error {
	r.cancel()
	err := errors.Join(<-r.done, r.noisy.Close(), r.clean.Close())
	if lost := r.tap.Dropped(); err == nil && lost > 0 {
		err = fmt.Errorf("%s and %s lack %.2f s: the disk was too slow", r.paths[0], r.paths[1],
			float64(lost)/float64(r.tap.Rate()))
	}
	return err
}
