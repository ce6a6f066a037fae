package paper

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sotto/dict"
	"sotto/internal/corpus"
	"sotto/internal/resample"
	"sotto/stft"
)

// sampleRate is the rate of everything in the speech experiment in hertz.
const sampleRate = corpus.SampleRate

// Part says what a system is scored on.
type Part int

const (
	// Test trains on all training material and scores on held-out speakers and
	// noise.
	Test Part = iota
	// Tuning trains on some of the training material and scores on the rest. It
	// is what choices are made on, so that the test part stays unseen.
	Tuning
)

// String returns the part's name.
func (p Part) String() string { return [...]string{"test", "tuning"}[p] }

// Corpora are the recordings of the speech experiment, split.
type Corpora struct {
	// Speech and Noise each hold the part to train on and the part to score on.
	// Noise clips are named by their Class.
	Speech, Noise [2]*corpus.Set
	// Part is what the second sets are.
	Part Part
	// Hash identifies the recordings and the split.
	Hash string
}

// LoadSpeech reads the recordings below two folders and splits them.
//
// Speech that lies in TRAIN and TEST as TIMIT is shipped keeps that split; any
// other folder is split by speaker. Noise that lies in folders train and test
// keeps that split; otherwise every recording is cut in two in time. Only
// recordings whose class begins with one of the configured noises are kept.
func LoadSpeech(ctx context.Context, speech, noise string, cfg *Speech, part Part) (*Corpora, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Corpora{Part: part}
	var err error
	if c.Speech, err = loadVoices(ctx, speech, cfg); err != nil {
		return nil, err
	}
	if c.Noise, err = loadNoises(ctx, noise, cfg); err != nil {
		return nil, err
	}
	if part == Tuning {
		c.Speech[0], c.Speech[1] = corpus.SplitBySpeaker(c.Speech[0], cfg.TuneSpeakers, cfg.SplitSeed)
		c.Noise[0], c.Noise[1] = corpus.Halves(c.Noise[0], 1-cfg.TuneNoise)
	}
	for i := range c.Speech {
		c.Speech[i] = c.Speech[i].Filter(func(k *corpus.Clip) bool { return len(k.Samples) >= sampleRate && loudness(k) > 0 })
		if len(c.Speech[i].Clips) == 0 {
			return nil, fmt.Errorf("%s: no utterance of a second or more to %s on, expected at least two speakers", speech, [...]string{"train", "score"}[i])
		}
	}
	c.Hash, err = hashOf(ctx, c)
	return c, err
}

func hashOf(ctx context.Context, c *Corpora) (string, error) {
	all := corpus.Join(c.Speech[0], c.Speech[1], c.Noise[0], c.Noise[1])
	m, err := corpus.NewManifest(ctx, all)
	if err != nil {
		return "", err
	}
	return m.Hash(), nil
}

func loadVoices(ctx context.Context, root string, cfg *Speech) (sets [2]*corpus.Set, err error) {
	train, err := corpus.TIMIT(ctx, root, corpus.TIMITTrain)
	if err == nil {
		test, err := corpus.TIMIT(ctx, root, corpus.TIMITTest)
		return [2]*corpus.Set{train, test}, err
	}
	if !errors.Is(err, corpus.ErrNoAudio) {
		return sets, err
	}
	all, err := corpus.LoadFolder(ctx, []string{root}, nil)
	if err != nil {
		return sets, err
	}
	sets[0], sets[1] = corpus.SplitBySpeaker(all, cfg.TestSpeakers, cfg.SplitSeed)
	return sets, nil
}

func loadNoises(ctx context.Context, root string, cfg *Speech) (sets [2]*corpus.Set, err error) {
	folders := []string{filepath.Join(root, "train"), filepath.Join(root, "test")}
	if isFolder(folders[0]) && isFolder(folders[1]) {
		for i, f := range folders {
			if sets[i], err = corpus.LoadFolder(ctx, []string{f}, nil); err != nil {
				return sets, err
			}
		}
	} else {
		all, err := corpus.NOISEX(ctx, root)
		if err != nil {
			return sets, err
		}
		sets[0], sets[1] = corpus.Halves(all, cfg.NoiseSplit)
	}
	for i := range sets {
		for _, name := range cfg.Noises {
			if len(noisesNamed(sets[i], name).Clips) == 0 {
				return sets, fmt.Errorf("%s: no noise of the class %s; it holds %s", root, name, strings.Join(classes(sets[i]), ", "))
			}
		}
	}
	return sets, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// noisesNamed returns the clips of a noise: factory1 is also factory1_0-12s.
func noisesNamed(s *corpus.Set, name string) *corpus.Set {
	return s.Filter(func(c *corpus.Clip) bool {
		rest, ok := strings.CutPrefix(strings.ToLower(c.Class), name)
		return ok && (rest == "" || !isDigit(rest[0]))
	})
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func classes(s *corpus.Set) []string {
	var names []string
	for i := range s.Clips {
		names = append(names, s.Clips[i].Class)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// loudness is the RMS of a clip.
func loudness(c *corpus.Clip) float64 { return rms(c.Floats(nil)) }

func rms(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(x))))
}

// sound is a clip at its working level with its spectra.
type sound struct {
	name    string
	samples []float32
	spectra []complex64  // frames x bins
	mags    *dict.Frames // their magnitudes
}

// newSound scales a clip to an RMS of level and transforms it.
func newSound(name string, x []float32, level float64, grid stft.Config) (*sound, error) {
	s := &sound{name: name, samples: scaled(x, level/rms(x)), mags: &dict.Frames{Bins: grid.Bins()}}
	a, err := stft.NewAnalyzer(grid)
	if err != nil {
		return nil, err
	}
	hop := grid.HopSize()
	for i := 0; i+hop <= len(s.samples); i += hop {
		y := a.Analyze(nil, s.samples[i:i+hop])
		s.spectra = append(s.spectra, y...)
		s.mags.Append(y)
	}
	return s, nil
}

func scaled(x []float32, gain float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(gain) * v
	}
	return y
}

// newSounds transforms a set at several speeds; every sound gets the RMS level.
func newSounds(s *corpus.Set, level float64, grid stft.Config, speeds []float64) ([]*sound, error) {
	var out []*sound
	for _, speed := range speeds {
		for i := range s.Clips {
			c := &s.Clips[i]
			x := c.Floats(nil)
			if speed != 1 {
				x = resample.Convert(x, int(math.Round(speed*100)), 100)
			}
			if rms(x) == 0 || len(x) < grid.FrameSize() {
				return nil, fmt.Errorf("%s is silent or shorter than a frame of %v", c.Path, grid.Frame)
			}
			y, err := newSound(c.Name, x, level, grid)
			if err != nil {
				return nil, err
			}
			out = append(out, y)
		}
	}
	return out, nil
}

// frames returns the magnitudes of several sounds as one spectrogram.
func frames(sounds []*sound) *dict.Frames {
	all := &dict.Frames{Bins: sounds[0].mags.Bins}
	for _, s := range sounds {
		all.Data = append(all.Data, s.mags.Data...)
		all.Count += s.mags.Count
	}
	return all
}

// amplitude turns decibels into a factor.
func amplitude(db float64) float64 { return math.Pow(10, db/20) }
