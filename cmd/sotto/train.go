package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sotto/dict"
	"sotto/enhance"
	"sotto/internal/atomicfile"
	"sotto/internal/corpus"
	"sotto/internal/nn"
	"sotto/internal/train"
)

const trainLong = `Train what sotto runs, from recordings of clean speech and of noise.

First the two dictionaries, then the network that estimates their activations:

  sotto train dict --data speech/ -o speech.dict --rank 256
  sotto train dict --data noise/ -o noise.dict --rank 128
  sotto train net --speech speech/ --noise noise/ \
      --speech-dict speech.dict --noise-dict noise.dict -o my.sotto

Folders may be nested and may hold WAV, FLAC, MP3 and NIST SPHERE files, so a
TIMIT or NOISEX-92 folder works as it is.`

func newTrain(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train",
		Short: "train dictionaries and networks",
		Long:  trainLong,
		Args:  arguments(0, 0, "a sub-command: dict or net"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTrainDict(a), newTrainNet(a))
	return cmd
}

// netFlags are the flags of "train net".
type netFlags struct {
	data                  train.DataConfig
	speechDict, noiseDict string
	out, work, name       string
	start                 string
	meta                  map[string]string
	weights               map[string]string
	factors               map[string]float64 // weights as numbers
	low                   bool
	cfg                   train.NetConfig
	force                 bool
}

func newTrainNet(a *app) *cobra.Command {
	f := netFlags{cfg: train.DefaultNetConfig()}
	cmd := &cobra.Command{
		Use:   "net --speech FOLDER --noise FOLDER --speech-dict FILE --noise-dict FILE -o MODEL",
		Short: "train the activation estimator",
		Args:  arguments(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.low {
				f.cfg.Grid = enhance.LowLatencyGrid()
			}
			return a.trainNet(cmd.Context(), f)
		},
	}
	f.registerFiles(cmd)
	f.registerNetwork(cmd)
	f.registerRun(cmd)
	return cmd
}

// registerFiles adds the flags of what is read and written.
func (f *netFlags) registerFiles(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.data.Speech, "speech", nil, "folder of clean speech (repeatable)")
	flags.StringSliceVar(&f.data.Noise, "noise", nil, "folder of noise (repeatable)")
	flags.StringSliceVar(&f.data.ValidationSpeech, "validation-speech", nil, "folder of other speakers to validate on (default: 5 % of the speakers)")
	flags.Float64Var(&f.data.HeldNoise, "held-noise", 0.1, "share of the noise clips to validate on")
	flags.StringSliceVar(&f.data.Exclude, "exclude", nil, "base name of a clip to leave out (repeatable)")
	flags.BoolVar(&f.data.Unscreened, "unscreened", false, "keep speech that is too noisy or dull to be a target")
	flags.StringVar(&f.speechDict, "speech-dict", "", "dictionary of speech")
	flags.StringVar(&f.noiseDict, "noise-dict", "", "dictionary of noise")
	flags.StringVarP(&f.out, "out", "o", "", "model to write")
	flags.StringVar(&f.work, "work", "", "folder for the checkpoint, the log and the curves; a run that finds its checkpoint there goes on (default: beside the model)")
	flags.StringVar(&f.name, "name", "", "name of the model (default: that of its file)")
	flags.StringVar(&f.start, "start", "", "model to start from")
	flags.StringToStringVar(&f.meta, "meta", nil, "key=value to store in the model (repeatable)")
	flags.StringToStringVar(&f.weights, "weight", nil, "corpus=factor: how much more often speech of a corpus is drawn, by the first field of its file names (repeatable)")
	flags.BoolVarP(&f.force, "force", "f", false, "replace an existing model")
}

// registerNetwork adds the flags of what is trained.
func (f *netFlags) registerNetwork(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.cfg
	flags.BoolVar(&f.low, "low-latency", false, "4 ms hop and 8 ms latency instead of 8 and 16")
	flags.IntVar(&c.Shape.Hidden, "hidden", c.Shape.Hidden, "width of the network")
	flags.IntVar(&c.Shape.Layers, "layers", c.Shape.Layers, "number of recurrent layers")
	flags.BoolVar(&c.Shape.Refine, "refine", c.Shape.Refine, "add the per-bin stage after the mask")
	flags.IntVar(&c.Shape.FilterTaps, "filter-taps", c.Shape.FilterTaps, "frames of a complex filter of the low bins (0: none)")
	flags.IntVar(&c.Shape.FilterBins, "filter-bins", c.Shape.FilterBins, "bins of that filter")
	flags.BoolVar(&c.NarrowBands, "narrow-bands", c.NarrowBands, "show the network levels of single bins instead of bands")
	flags.BoolVar(&c.Cues.Floor, "floor-cues", c.Cues.Floor, "show the network the levels above the noise floor")
	flags.IntVar(&c.Cues.Advance, "phase-cues", c.Cues.Advance, "low bins whose phase advance the network sees")
	flags.Float64Var(&c.Exponent, "exponent", c.Exponent, "exponent of the mask")
}

// registerRun adds the flags of how it is trained.
func (f *netFlags) registerRun(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.cfg
	flags.Float64Var(&c.Hours, "hours", c.Hours, "hours of mixtures to hear")
	flags.Float64Var(&c.RegressionHours, "regression-hours", c.RegressionHours, "of these, hours of regression on the encodings")
	flags.Float64Var(&c.TuneFrom, "tune-from", c.TuneFrom, "share of the hours after which the dictionaries learn too (1: never)")
	flags.Float64Var(&c.FilterRate, "filter-rate", c.FilterRate, "share of the learning rate that the filter's layer learns with")
	flags.Float64Var(&c.FilterBare, "filter-bare", c.FilterBare, "share of the mixtures that go without the filter")
	flags.IntVar(&c.Lanes, "lanes", c.Lanes, "mixtures in a batch")
	flags.DurationVar(&c.Segment, "segment", c.Segment, "length of a mixture")
	flags.Float64Var(&c.Rate, "rate", c.Rate, "peak learning rate")
	flags.Float64Var(&c.Loss.SISDR, "loss-sisdr", c.Loss.SISDR, "loss per dB of SI-SDR")
	flags.Float64Var(&c.Loss.Complex, "loss-complex", c.Loss.Complex, "share of the complex term in the compressed error")
	flags.Float64Var(&c.Loss.Missing, "loss-missing", c.Loss.Missing, "extra weight of energy that the voice has and the output lacks")
	flags.Float64Var(&c.Loss.Tilt, "loss-tilt", c.Loss.Tilt, "how much less high bins count: exponent of 1 + f/1 kHz")
	flags.Float64Var(&c.Loss.Listening, "loss-listening", c.Loss.Listening, "loss per point of PESQ's raw score")
	flags.Float64Var(&c.Loss.Intelligibility, "loss-intelligibility", c.Loss.Intelligibility, "loss per unit that STOI lacks to 1")
	flags.Uint64Var(&c.Seed, "seed", c.Seed, "seed of weights, mixtures and held-out clips")
	flags.Uint64Var(&c.MixSeed, "mix-seed", c.MixSeed, "seed of the mixtures, if not that (0: the same)")
	flags.IntVar(&c.Workers, "workers", c.Workers, "replicas of the network, one per core")
	flags.IntVar(&c.Mixers, "mixers", c.Mixers, "goroutines that prepare mixtures")
	flags.DurationVar(&c.ValidateEvery, "validate-every", c.ValidateEvery, "time between validations")
}

func (f *netFlags) check() error {
	for _, c := range []struct {
		missing bool
		what    string
	}{
		{f.out == "", "-o MODEL"},
		{len(f.data.Speech) == 0, "--speech FOLDER"},
		{len(f.data.Noise) == 0, "--noise FOLDER"},
		{f.speechDict == "", "--speech-dict FILE"},
		{f.noiseDict == "", "--noise-dict FILE"},
	} {
		if c.missing {
			return usagef("train net needs %s", c.what)
		}
	}
	if err := f.cfg.Validate(); err != nil {
		return usageError{err}
	}
	var err error
	if f.factors, err = factors(f.weights); err != nil {
		return err
	}
	if f.work == "" {
		f.work = f.out + ".work"
	}
	return cmp.Or(refuse(f.out, f.force), writable(f.out), writable(f.log()))
}

// log is where the progress of the run is kept.
func (f *netFlags) log() string { return filepath.Join(f.work, "log.jsonl") }

func (a *app) trainNet(ctx context.Context, f netFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.name == "" {
		f.name = strings.TrimSuffix(filepath.Base(f.out), filepath.Ext(f.out))
	}
	in, err := a.netInputs(ctx, &f)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(f.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	view := &trainView{app: a, log: json.NewEncoder(log)}
	model, history, err := train.Net(ctx, f.cfg, *in, view.show)
	view.finish()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			fmt.Fprintf(a.err, "stopped; the same command goes on from %s\n", in.Checkpoint)
		}
		return err
	}
	if err := a.plotTraining(ctx, filepath.Join(f.work, "curves.png"), history); err != nil {
		return err
	}
	return a.deliver(ctx, f.out, f.force, func(w io.Writer) error { _, err := model.WriteTo(w); return err })
}

// netInputs loads everything that training starts from.
func (a *app) netInputs(ctx context.Context, f *netFlags) (*train.NetInputs, error) {
	speech, err := dict.Load(f.speechDict)
	if err != nil {
		return nil, err
	}
	noise, err := dict.Load(f.noiseDict)
	if err != nil {
		return nil, err
	}
	f.data.Seed = f.cfg.Seed
	reading := stages{app: a, what: "reading"}
	data, err := train.LoadData(ctx, f.data, reading.report)
	reading.finish()
	if err != nil {
		return nil, err
	}
	if data.Screening != nil {
		fmt.Fprint(a.err, data.Screening)
	}
	mix := corpus.DefaultMixConfig()
	mix.Segment = f.cfg.Segment
	mix.Speech.Weight = f.factors
	mixer, err := corpus.NewMixer(data.Speech, data.Noise, mix, f.cfg.MixtureSeed())
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(a.err, "%.1f hours of speech, %.1f hours of noise, products by %s\n",
		data.Speech.Seconds()/3600, data.Noise.Seconds()/3600, nn.BLAS)
	in := &train.NetInputs{
		Source: mixer, Speech: speech, Noise: noise, Name: f.name,
		Validate:   data.Validator(f.cfg.Workers).Validate,
		Checkpoint: filepath.Join(f.work, "checkpoint.safetensors"),
	}
	if f.start != "" {
		if in.Start, err = enhance.Load(f.start); err != nil {
			return nil, err
		}
	}
	in.Meta, err = a.provenance(ctx, f, data)
	return in, err
}

// provenance is what the model file tells of its training, besides what --meta
// adds: the program, and the clips by their number and the checksum of the list
// of their checksums, which stays in the working folder.
func (a *app) provenance(ctx context.Context, f *netFlags, data *train.Data) (map[string]string, error) {
	clips := corpus.Join(data.Speech, data.Noise)
	manifest, err := corpus.NewManifest(ctx, clips)
	if err != nil {
		return nil, err
	}
	list := filepath.Join(f.work, "manifest.sha256")
	if err := a.deliver(ctx, list, true, func(w io.Writer) error { _, err := manifest.WriteTo(w); return err }); err != nil {
		return nil, err
	}
	meta := map[string]string{
		"program":         "sotto " + version,
		"speech":          fmt.Sprintf("%d clips, %.0f minutes", len(data.Speech.Clips), data.Speech.Seconds()/60),
		"noise":           fmt.Sprintf("%d clips, %.0f minutes", len(data.Noise.Clips), data.Noise.Seconds()/60),
		train.ManifestKey: manifest.Hash(),
	}
	maps.Copy(meta, f.meta)
	return meta, nil
}

// factors reads the values of --weight.
func factors(text map[string]string) (map[string]float64, error) {
	if len(text) == 0 {
		return nil, nil
	}
	weights := map[string]float64{}
	for name, value := range text {
		w, err := strconv.ParseFloat(value, 64)
		if err != nil || !(w >= 0) {
			return nil, usagef("--weight %s=%s: expected a factor of 0 or more", name, value)
		}
		weights[name] = w
	}
	return weights, nil
}

// writable returns an error if a file that comes at the end of long work could
// not be written. Its folder is made with it, by [app.deliver]: here it is enough
// that the first one that is missing could be.
func writable(path string) error {
	probe := path
	for dir := filepath.Dir(path); dir != probe; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		probe = dir
	}
	f, err := atomicfile.Create(probe)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, atomicfile.Reason(err))
	}
	return f.Abort()
}

// deliver saves what came of long work, and makes its folder.
func (a *app) deliver(ctx context.Context, path string, force bool, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return a.save(ctx, path, force, write)
}
