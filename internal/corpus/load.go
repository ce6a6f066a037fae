package corpus

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"sotto/internal/audiofile"
)

// fieldSeparator parts the fields of a clip's name.
const fieldSeparator = "__"

// ErrNoAudio is wrapped by the errors about folders that hold no audio.
var ErrNoAudio = errors.New("no audio files")

// LoadFolder reads every audio file below the roots, at any depth, in every format and rate that audiofile reads, on all cores.
// report, unless nil, is called after each file with the number of files done and the total; calls do not overlap.
// The clips come sorted by name. A folder without audio, and a file that cannot be read, is an error.
func LoadFolder(ctx context.Context, roots []string, report func(done, total int)) (*Set, error) {
	if len(roots) == 0 {
		return nil, errors.New("corpus: no folder named, expected at least one with audio files")
	}
	var clips []Clip
	for _, root := range roots {
		files, err := audiofile.Files(root)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("corpus: %w in %s: name a folder that holds WAV, FLAC, MP3 or SPHERE files", ErrNoAudio, root)
		}
		for _, path := range files {
			clips = append(clips, describe(root, path))
		}
	}
	return load(ctx, clips, report)
}

// describe fills in everything about a clip that its path tells.
func describe(root, path string) Clip {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	c := Clip{Path: path, Root: root, Name: name, Speaker: name, Class: name}
	fields := strings.Split(name, fieldSeparator)
	switch {
	case len(fields) >= 3 && fields[1] == unknownSpeaker:
		c.Class = fields[1]
	case len(fields) >= 3:
		c.Speaker, c.Class = fields[0]+fieldSeparator+fields[1], fields[1]
	case len(fields) == 2:
		c.Class = fields[1]
	default:
		rel, err := filepath.Rel(root, path)
		if folder, _, nested := strings.Cut(filepath.ToSlash(rel), "/"); err == nil && nested {
			c.Speaker, c.Class = folder, folder
		}
	}
	return c
}

// unknownSpeaker in the place of a speaker's name says that nobody knows who speaks: each such clip is a speaker of its own.
const unknownSpeaker = "unk"

// load reads the samples of all clips and returns them as a sorted set.
func load(ctx context.Context, clips []Clip, report func(done, total int)) (*Set, error) {
	var (
		mu   sync.Mutex
		done int
	)
	err := parallel(ctx, len(clips), func(i int) error {
		x, err := audiofile.ReadMonoAt(clips[i].Path, SampleRate)
		if err != nil {
			return fmt.Errorf("corpus: %w", err)
		}
		clips[i].Samples = quantise(x)
		mu.Lock()
		defer mu.Unlock()
		if done++; report != nil {
			report(done, len(clips))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := &Set{Clips: clips}
	s.sort()
	return s, nil
}

// parallel calls work(0..n-1) on all cores and returns the first error; it stops early on an error and when ctx ends.
func parallel(ctx context.Context, n int, work func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := work(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
