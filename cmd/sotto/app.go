package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"sotto/assets"
	"sotto/enhance"
	"sotto/internal/atomicfile"
	"sotto/internal/audiofile"
)

// app is what every command is given.
type app struct {
	in       io.Reader
	out, err io.Writer
	quiet    bool
}

// isTerminal reports whether a stream is a terminal that people look at.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columns returns the width of a terminal, or 0 for anything else.
func columns(stream any) int {
	f, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// The values of --latency.
const (
	latencyDefault = "default"
	latencyLow     = "low"
)

// knobs are the flags of everything that runs a model.
type knobs struct {
	model   string
	atten   float64
	latency string

	residual, postFilter float64
	release              time.Duration
	noFilter             bool
}

func (k *knobs) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&k.model, "model", "m", assets.Default, "model: the name of a built-in one, or a file")
	cmd.Flags().Float64Var(&k.atten, "atten", 0, "take away at most this many dB of noise (0: no limit)")
	cmd.Flags().Float64Var(&k.residual, "residual", enhance.DefaultResidual, "leave noise that is this many dB below the voice (inf: take away all)")
	cmd.Flags().Float64Var(&k.postFilter, "post-filter", 0, "turn small gains further down: strength, 0 to 1 (0.02 is mild)")
	cmd.Flags().DurationVar(&k.release, "release", 0, "time in which gains fall, smoother but noisier (20ms, say)")
	cmd.Flags().BoolVar(&k.noFilter, "no-filter", false, "leave out the filter that mends the phase of low bins: the mask alone")
	cmd.Flags().StringVar(&k.latency, "latency", latencyDefault, "default (16 ms with the built-in model) or low (half of it, at twice the work)")
}

// knobNames returns the names of these flags.
func knobNames() []string {
	var cmd cobra.Command
	new(knobs).register(&cmd)
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// unused returns an error if one of the named flags was given although it does
// nothing: somebody waits for its effect.
func unused(cmd *cobra.Command, why string, names ...string) error {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			return usagef("--%s does nothing %s; leave it out", name, why)
		}
	}
	return nil
}

// load checks the knobs and reads the model.
func (k *knobs) load(ctx context.Context) (*enhance.Model, enhance.Config, error) {
	cfg := enhance.Config{MaxAttenuation: k.atten, Residual: k.residual, PostFilter: k.postFilter, Release: k.release, NoFilter: k.noFilter}
	if !(k.atten >= 0) {
		return nil, cfg, usagef("--atten is %g dB, expected 0 (no limit) or more", k.atten)
	}
	switch {
	case !(k.residual > 0):
		return nil, cfg, usagef("--residual is %g dB, expected more than 0, or inf", k.residual)
	case !(k.postFilter >= 0 && k.postFilter <= 1):
		return nil, cfg, usagef("--post-filter is %g, expected 0 to 1", k.postFilter)
	case k.release < 0 || k.release > time.Second:
		return nil, cfg, usagef("--release is %v, expected 0 to 1s", k.release)
	}
	if k.latency != latencyDefault && k.latency != latencyLow {
		return nil, cfg, usagef("--latency is %q, expected %s or %s", k.latency, latencyDefault, latencyLow)
	}
	cfg.LowLatency = k.latency == latencyLow
	m, err := loadModel(ctx, k.model)
	return m, cfg, err
}

// loadModel reads a built-in model by its name, or the model in a file.
func loadModel(ctx context.Context, ref string) (*enhance.Model, error) {
	if b, ok := assets.Model(ref); ok {
		return enhance.Read(bytes.NewReader(b))
	}
	if isFolder(ref) {
		return nil, fmt.Errorf("model %q is a folder; name a file in it", ref)
	}
	m, err := await(ctx, func() (*enhance.Model, error) { return enhance.Load(ref) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("model %q: no such file, and no built-in model of that name (built in: %s)", ref, builtIn())
	}
	return m, err
}

func builtIn() string {
	if names := assets.Names(); len(names) > 0 {
		return strings.Join(names, ", ")
	}
	return "none; train one, or name a file with --model"
}

// refuse returns an error if path exists and may not be replaced.
func refuse(path string, force bool) error {
	if path == "-" {
		return nil
	}
	if st, err := os.Stat(path); err == nil {
		switch {
		case st.IsDir():
			return fmt.Errorf("%s is a folder, expected a file; name one in it", path)
		case st.Mode().IsRegular() && !force:
			return errExists(path)
		}
	}
	return nil
}

// formats are the extensions of files that everybody takes for what they say.
var formats = []string{
	".wav", ".flac", ".mp3", ".sph", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".mp4", ".wma", ".aif", ".aiff", ".caf", ".webm",
	".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg", ".pdf",
}

// writes returns an error if the name of an output promises another format than
// that of the given extension, the only one that is written.
func writes(ext, path string) error {
	got := strings.ToLower(filepath.Ext(path))
	if got != ext && slices.Contains(formats, got) {
		return usagef("%s: cannot write %s files; name a %s file", path, got, ext)
	}
	return nil
}

func errExists(path string) error {
	return fmt.Errorf("%s exists; add --force to replace it, or choose another output", path)
}

// taken returns an error if err says that an output that was free when the work
// began is so no more.
func taken(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return errExists(path)
	}
	return nil
}

// stalls reports whether writing to path may last for ever: somebody must read
// standard output, and a named pipe, which does not even open before. A file is
// another matter: to write it ends soon, and is seen through, so that nothing is
// left behind.
func stalls(path string) bool {
	if path == "-" {
		return true
	}
	st, err := os.Stat(path)
	return err == nil && st.Mode()&fs.ModeNamedPipe != 0
}

// createSound begins a sound file like the one that info is about, which
// replaces one that exists by its end only if it is forced.
func createSound(ctx context.Context, path string, force bool, info audiofile.Info, enc audiofile.Encoding) (*audiofile.Writer, error) {
	create := audiofile.CreateNew
	if force {
		create = audiofile.Create
	}
	open := func() (*audiofile.Writer, error) { return create(path, info.SampleRate, info.Channels, enc) }
	if stalls(path) {
		return await(ctx, open)
	}
	return open()
}

// closeSound completes a sound file that createSound began.
func closeSound(path string, w *audiofile.Writer) error {
	err := w.Close()
	return cmp.Or(taken(path, err), err)
}

// input is a file that a command reads.
type input struct {
	path string
	file os.FileInfo
}

// lookAt returns the regular files among paths: a device may well be read and
// written at a time.
func lookAt(paths []string) []input {
	var inputs []input
	for _, path := range paths {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			inputs = append(inputs, input{path, st})
		}
	}
	return inputs
}

// spare returns an error if to write path would replace one of the inputs,
// whatever name it goes by: not even --force asks for that.
func spare(path string, inputs []input) error {
	st, err := os.Stat(path)
	for _, in := range inputs {
		if err == nil && os.SameFile(in.file, st) {
			return fmt.Errorf("%s is both input and output; choose another output", in.path)
		}
	}
	return nil
}

// notTerminal returns an error if binary output would go to a terminal.
func (a *app) notTerminal(what string) error {
	if isTerminal(a.out) {
		return usagef("standard output is a terminal, expected a pipe or a file for %s; name one with -o", what)
	}
	return nil
}

// save writes a file through write. The file appears whole or not at all.
// Path "-" is standard output.
func (a *app) save(ctx context.Context, path string, force bool, write func(io.Writer) error) error {
	if path == "-" {
		if err := a.notTerminal("binary data"); err != nil {
			return err
		}
		return awaitError(ctx, func() error { return write(a.out) })
	}
	if err := refuse(path, force); err != nil {
		return err
	}
	put := atomicfile.WriteNew
	if force {
		put = atomicfile.Write
	}
	if stalls(path) {
		return awaitError(ctx, func() error { return put(path, write) })
	}
	if err := put(path, write); err != nil {
		return cmp.Or(taken(path, err), fmt.Errorf("cannot write %s: %w", path, atomicfile.Reason(err)))
	}
	return nil
}
