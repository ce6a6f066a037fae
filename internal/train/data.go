package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"sotto/dict"
	"sotto/enhance"
	"sotto/internal/corpus"
	"sotto/internal/metrics/pesq"
	"sotto/internal/metrics/stoi"
	"sotto/stft"
)

// DataConfig says what to train on and what to hold out.
type DataConfig struct {
	// Speech and Noise are folders.
	Speech, Noise []string
	// ValidationSpeech are folders of other speakers; when there are none, every
	// twentieth speaker of Speech is held out.
	ValidationSpeech []string
	// HeldNoise is the share of the noise clips that is held out for validation, more
	// than 0 and less than 1.
	HeldNoise float64
	// Exclude are base names of clips that neither training nor validation may
	// use, such as those of a demonstration.
	Exclude []string
	// Unscreened keeps speech that is too noisy or dull for a target.
	Unscreened bool
	// Seed fixes the splits, the mixtures and the validation clips.
	Seed uint64
	// Clips is the number of validation clips, less those with too little speech
	// to be scored. 0 means 50.
	Clips int
}

// Data is a corpus ready for training.
type Data struct {
	Speech, Noise *corpus.Set
	// Screening says which speech was kept; nil when unscreened.
	Screening *corpus.ScreenReport
	// Validation holds mixtures of held-out speakers with held-out noises.
	Validation []corpus.Mixture
}

// LoadData reads the folders and splits them. report, when not nil, is told how
// many of the files of the present folder are read.
func LoadData(ctx context.Context, cfg DataConfig, report func(done, total int)) (*Data, error) {
	if !(cfg.HeldNoise > 0 && cfg.HeldNoise < 1) {
		return nil, fmt.Errorf("train: %g of the noise held out for validation: expected more than 0 and less than 1", cfg.HeldNoise)
	}
	out := newExclusion(cfg.Exclude)
	speech, err := loadSet(ctx, "speech", cfg.Speech, out, report)
	if err != nil {
		return nil, err
	}
	noise, err := loadSet(ctx, "noise", cfg.Noise, out, report)
	if err != nil {
		return nil, err
	}
	var held *corpus.Set
	if len(cfg.ValidationSpeech) > 0 {
		held, err = loadSet(ctx, "validation speech", cfg.ValidationSpeech, out, report)
	} else {
		speech, held = corpus.SplitBySpeaker(speech, 0.05, cfg.Seed)
	}
	if err != nil {
		return nil, err
	}
	if err := out.unused(); err != nil {
		return nil, err
	}
	d := &Data{Speech: speech}
	if !cfg.Unscreened {
		d.Speech, d.Screening = corpus.Screen(speech, corpus.DefaultThresholds())
	}
	if len(d.Speech.Clips) == 0 {
		return nil, errors.New("train: no speech passed the screening for clean targets: use cleaner recordings, or turn the screening off")
	}
	var heldNoise *corpus.Set
	d.Noise, heldNoise = corpus.SplitByClip(noise, cfg.HeldNoise, cfg.Seed)
	if len(held.Clips) == 0 || len(heldNoise.Clips) == 0 {
		return nil, errors.New("train: nothing is left to validate on: expected at least two speakers and two noise clips, or folders of validation speech")
	}
	clips := cfg.Clips
	if clips == 0 {
		clips = 50
	}
	if d.Validation, err = corpus.ValidationSet(held, heldNoise, cfg.Seed, clips); err != nil {
		return nil, err
	}
	d.Validation = slices.DeleteFunc(d.Validation, func(m corpus.Mixture) bool {
		// A single word, or the silence of a long recording: no model could be scored on it.
		clean, noisy := m.Clean[validationSkip:], m.Noisy[validationSkip:]
		_, noSTOI := stoi.Score(clean, noisy, corpus.SampleRate)
		_, noPESQ := pesq.WideBand(clean, noisy, corpus.SampleRate)
		return noSTOI != nil || noPESQ != nil
	})
	if len(d.Validation) == 0 {
		return nil, errors.New("train: no clip to validate on holds the 0.4 s of speech that STOI and PESQ need: use longer recordings")
	}
	return d, nil
}

func loadSet(ctx context.Context, what string, folders []string, out exclusion, report func(done, total int)) (*corpus.Set, error) {
	if len(folders) == 0 {
		return nil, fmt.Errorf("train: no folder of %s was given", what)
	}
	set, err := loadClips(ctx, folders, out, report)
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", what, err)
	}
	return set, nil
}

// exclusion are base names of clips to leave out, and whether each met one.
type exclusion map[string]bool

func newExclusion(names []string) exclusion {
	e := exclusion{}
	for _, name := range names {
		e[name] = false
	}
	return e
}

// keep reports whether a clip stays.
func (e exclusion) keep(c *corpus.Clip) bool {
	_, out := e[c.Name]
	if out {
		e[c.Name] = true
	}
	return !out
}

// unused returns an error if a name met no clip: it would be a slip of the pen
// that lets in what was to stay out.
func (e exclusion) unused() error {
	for _, name := range slices.Sorted(maps.Keys(e)) {
		if !e[name] {
			return fmt.Errorf("train: no clip is called %s, which was to be excluded: expected the name of a file without its folder and ending", name)
		}
	}
	return nil
}

// LoadClips reads all recordings below the folders but the excluded ones, each of
// which must be there. Of a TIMIT tree it reads the TRAIN part alone: TEST is for
// measuring.
func LoadClips(ctx context.Context, folders, exclude []string, report func(done, total int)) (*corpus.Set, error) {
	out := newExclusion(exclude)
	set, err := loadClips(ctx, folders, out, report)
	if err != nil {
		return nil, err
	}
	return set, out.unused()
}

func loadClips(ctx context.Context, folders []string, out exclusion, report func(done, total int)) (*corpus.Set, error) {
	var sets []*corpus.Set
	var plain []string
	for _, folder := range folders {
		set, err := corpus.TIMIT(ctx, folder, corpus.TIMITTrain)
		switch {
		case err == nil:
			sets = append(sets, set)
		case errors.Is(err, corpus.ErrNoAudio):
			plain = append(plain, folder)
		default:
			return nil, err
		}
	}
	if len(plain) > 0 {
		set, err := corpus.LoadFolder(ctx, plain, report)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	all := corpus.Join(sets...)
	return all.Filter(out.keep), nil
}

// validationSkip is the first second of a validation clip: noise alone, not
// scored.
const validationSkip = corpus.SampleRate

// Validator returns the scorer of the data's validation clips, on the given
// number of cores.
func (d *Data) Validator(workers int) *Validator {
	v := &Validator{Skip: validationSkip, Workers: workers}
	for i := range d.Validation {
		v.Clips = append(v.Clips, &d.Validation[i])
	}
	return v
}

// levelSpread is the standard deviation, in nepers, of the random gain that
// every clip's frames get: in a mixture the running level follows speech and
// noise together, so what a dictionary has to encode lies above or below it by
// the SNR. 0.9 Np is 8 dB, the spread of the mixtures' SNR.
const levelSpread = 0.9

// minFrame is the root-mean-square magnitude, relative to the running level,
// below which a frame is silence and teaches a dictionary nothing: -40 dB.
const minFrame = 0.01

// Frames returns at most limit spectra of the set's clips for the training of a
// dictionary: magnitudes relative to the clip's running level, the unit of the
// activations, times a random gain a clip. The clips are taken in random order.
func Frames(set *corpus.Set, grid enhance.Grid, limit int, seed uint64) (*dict.Frames, error) {
	cfg := grid.At(grid.SampleRate)
	analyzer, err := stft.NewAnalyzer(cfg)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	spec := enhance.FeatureSpec{Edges: enhance.DefaultBands()}
	features := enhance.NewFeatures(spec, grid.Hop)
	rng := rand.New(rand.NewPCG(seed, 0x6672616d6573)) // "frames"
	frames := &dict.Frames{Bins: grid.Bins()}
	levels, spectrum := make([]float32, spec.Bands()), make([]complex64, grid.Bins())
	for _, i := range rng.Perm(len(set.Clips)) {
		x := set.Clips[i].Floats(nil)
		clip := &dict.Frames{Bins: frames.Bins}
		analyzer.Reset()
		features.Reset()
		for at := 0; at+cfg.HopSize() <= len(x); at += cfg.HopSize() {
			analyzer.Analyze(spectrum, x[at:at+cfg.HopSize()])
			features.Relative(levels, spectrum)
			clip.Append(spectrum)
		}
		scale := float32(math.Exp(levelSpread*rng.NormFloat64() - float64(features.Level())))
		for k := range clip.Data {
			clip.Data[k] *= scale
		}
		clip = clip.Above(minFrame)
		n := min(clip.Count, limit-frames.Count)
		frames.Data = append(frames.Data, clip.Data[:n*frames.Bins]...)
		if frames.Count += n; frames.Count >= limit {
			break
		}
	}
	if frames.Count == 0 {
		return nil, errors.New("train: no frames above silence: expected recordings of at least a few seconds")
	}
	return frames, nil
}
