package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/enhance"
	"sotto/internal/audiofile"
)

const cleanLong = `Clean recordings: WAV, FLAC, MP3 or NIST SPHERE of any sample rate and any number
of channels. The output is WAV with the input's rate, channels and length, and
not a sample late.

One file goes to the file named with -o. Several files, or the files of a folder
at any depth, go into the folder named with -o, under their own names with .wav
at the end. "-" is standard input or output; what arrives is cleaned as it
arrives.

8, 16, 24, 32 and 48 kHz are processed as they are, other rates at the next
higher of these (above 48 kHz: at 48 kHz) and brought back. Every channel is
cleaned by itself.`

const cleanExample = `  sotto clean noisy.wav -o clean.wav
  sotto clean monday.flac tuesday.mp3 -o cleaned/
  sotto clean recordings/ -o cleaned/ -j 4
  sotto clean call.wav -o call-clean.wav --atten 20
  curl -s https://example.org/talk.wav | sotto clean - -o - | aplay`

// cleanFlags are the flags of the clean command.
type cleanFlags struct {
	knobs
	out   string
	force bool
	jobs  int
	bits  string
}

func newClean(a *app) *cobra.Command {
	var f cleanFlags
	cmd := &cobra.Command{
		Use:     "clean INPUT... -o OUTPUT",
		Short:   "clean files, folders or a pipe",
		Long:    cleanLong,
		Example: cleanExample,
		Args:    arguments(1, -1, `files, folders or "-"`),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.clean(cmd.Context(), &f, args) },
	}
	f.register(cmd)
	cmd.Flags().StringVarP(&f.out, "output", "o", "", `output file, folder, or "-"`)
	cmd.Flags().BoolVarP(&f.force, "force", "f", false, "replace outputs that exist")
	cmd.Flags().IntVarP(&f.jobs, "jobs", "j", 0, "files to clean at a time (0: one per core)")
	cmd.Flags().StringVar(&f.bits, "bits", "auto", "sample format: 16, 24, float32, or auto, which is the input's or the nearest above it")
	return cmd
}

// encoding returns how to store what was read as info says.
func (f *cleanFlags) encoding(info audiofile.Info) (audiofile.Encoding, error) {
	for _, e := range []audiofile.Encoding{audiofile.PCM16, audiofile.PCM24, audiofile.Float32} {
		if f.bits == e.String() {
			return e, nil
		}
	}
	switch {
	case f.bits != "auto":
		return 0, usagef("--bits is %q, expected 16, 24, float32 or auto", f.bits)
	case info.Float || info.BitDepth > 24:
		return audiofile.Float32, nil
	case info.BitDepth > 16:
		return audiofile.PCM24, nil
	}
	return audiofile.PCM16, nil
}

func (a *app) clean(ctx context.Context, f *cleanFlags, args []string) error {
	if _, err := f.encoding(audiofile.Info{}); err != nil {
		return err
	}
	j, err := workers(f.jobs)
	if err != nil {
		return err
	}
	plan, err := planClean(args, f.out, f.force)
	if err != nil {
		return err
	}
	if plan[0].out == "-" {
		if err := a.notTerminal("a WAV stream"); err != nil {
			return err
		}
	}
	m, cfg, err := f.load(ctx)
	if err != nil {
		return err
	}
	if len(plan) == 1 {
		return a.cleanOne(ctx, f, m, cfg, plan[0])
	}
	bar := a.newBar(int64(len(plan)), "cleaning files")
	defer bar.finish()
	errs := parallel(ctx, len(plan), j, func(i int) error {
		defer bar.add(1)
		return f.process(ctx, m, cfg, plan[i], func(audiofile.Info) func(int) { return func(int) {} })
	})
	bar.finish()
	if err := ctx.Err(); err != nil {
		return err
	}
	return a.summarise(errs)
}

// summarise prints what failed of a batch, line by line, and returns the error
// of the whole.
func (a *app) summarise(errs []error) error {
	failed := 0
	for _, err := range errs {
		if err != nil {
			failed++
			explain(a.err, err)
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d files failed; the others are done", failed, len(errs))
}

// cleanOne cleans a single input with a progress bar over its length.
func (a *app) cleanOne(ctx context.Context, f *cleanFlags, m *enhance.Model, cfg enhance.Config, t task) error {
	var b *bar
	err := f.process(ctx, m, cfg, t, func(info audiofile.Info) func(int) {
		b = a.newBar(info.Frames, "cleaning "+filepath.Base(t.in))
		return b.add
	})
	if b != nil {
		b.finish()
	}
	return err
}

// maxChannels bounds what the header of a file may ask for: every channel takes
// an enhancer and its buffers, and a WAV file of 44 bytes may declare 65535.
const maxChannels = 256

// process cleans t.in into t.out. start gets the header of the input and
// returns what is to be called with the number of frames done.
func (f *cleanFlags) process(ctx context.Context, m *enhance.Model, cfg enhance.Config, t task, start func(audiofile.Info) func(int)) error {
	r, err := await(ctx, func() (audiofile.Reader, error) { return audiofile.Open(t.in) })
	if err != nil {
		return err
	}
	defer func() {
		if ctx.Err() == nil { // else a read may still be going on
			_ = r.Close() // it was only read
		}
	}()
	if n := r.Info().Channels; n > maxChannels {
		return fmt.Errorf("%s: %d channels, expected at most %d; split it into several files", t.in, n, maxChannels)
	}
	enc, err := f.encoding(r.Info())
	if err != nil {
		return err
	}
	c, err := newCleaner(m, cfg, r.Info())
	if err != nil {
		return err
	}
	if t.folder {
		if err := os.MkdirAll(filepath.Dir(t.out), 0o755); err != nil {
			return err
		}
	}
	w, err := createSound(ctx, t.out, f.force, r.Info(), enc)
	if err != nil {
		return err
	}
	if err := c.copy(ctx, patient(ctx, w, t.out), r, start(r.Info())); err != nil {
		if stalls(t.out) && ctx.Err() != nil { // a write may still be going on, and nothing can be taken back
			return err
		}
		return errors.Join(err, w.Abort())
	}
	return closeSound(t.out, w)
}

// task is one input and where it goes.
type task struct {
	in, out string
	// folder says that the output's folder was asked for and may be created.
	folder bool
}

// planClean works out what becomes of the arguments of the clean command, and
// refuses what would lose a file, before anything is read.
func planClean(args []string, out string, force bool) ([]task, error) {
	tasks, err := destinations(args, out)
	if err != nil {
		return nil, err
	}
	from := make(map[string]string)
	read := make([]string, len(tasks))
	for i, t := range tasks {
		read[i] = t.in
	}
	inputs := lookAt(read)
	existing := 0
	for _, t := range tasks {
		if other, taken := from[t.out]; taken {
			return nil, fmt.Errorf("%s and %s would both become %s; clean them into different folders", other, t.in, t.out)
		}
		from[t.out] = t.in
		if err := spare(t.out, inputs); err != nil {
			return nil, err
		}
		if refuse(t.out, force) != nil {
			existing++
		}
	}
	if existing > 1 {
		return nil, fmt.Errorf("%d of the outputs exist in %s; add --force to replace them, or choose another folder", existing, out)
	}
	for _, t := range tasks {
		if err := refuse(t.out, force); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// destinations names an output for every input.
func destinations(args []string, out string) ([]task, error) {
	folders := slices.ContainsFunc(args, isFolder)
	if len(args) == 1 && !folders && !isFolder(out) && !strings.HasSuffix(out, string(filepath.Separator)) {
		return singleDestination(args[0], out)
	}
	if out == "" || out == "-" {
		return nil, usagef("several files need a folder to go into; name it with -o DIR")
	}
	var tasks []task
	for _, arg := range args {
		if arg == "-" {
			return nil, usagef("standard input has no name to keep in the folder %s; clean it by itself", out)
		}
		files, root := []string{arg}, filepath.Dir(arg)
		if isFolder(arg) {
			var err error
			if files, err = audiofile.Files(arg); err != nil {
				return nil, err
			}
			root = arg
			if within(resolved(out), resolved(root)) {
				files = notBelow(files, out)
			}
		}
		for _, file := range files {
			rel, err := filepath.Rel(root, file)
			if err != nil {
				return nil, err
			}
			rel = strings.TrimSuffix(rel, filepath.Ext(rel)) + ".wav"
			tasks = append(tasks, task{in: file, out: filepath.Join(out, rel), folder: true})
		}
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("no sound files in %s; expected .wav, .flac, .mp3 or .sph", strings.Join(args, ", "))
	}
	return tasks, nil
}

func singleDestination(in, out string) ([]task, error) {
	switch {
	case out == "" && in == "-":
		out = "-"
	case out == "":
		return nil, usagef("no output; name one, such as -o %s-clean.wav", strings.TrimSuffix(filepath.Base(in), filepath.Ext(in)))
	}
	return []task{{in: in, out: out}}, writes(".wav", out)
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// notBelow returns the files that do not lie in a folder: what was cleaned
// before is no input. Of a file only the folder is resolved, for a link among the
// outputs is one of them, wherever it leads.
func notBelow(files []string, folder string) []string {
	folder = resolved(folder)
	return slices.DeleteFunc(files, func(file string) bool {
		return within(filepath.Join(resolved(filepath.Dir(file)), filepath.Base(file)), folder)
	})
}

// within reports whether a path lies in a folder, at any depth. Both are
// [resolved].
func within(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != "." && filepath.IsLocal(rel)
}

// resolved returns the path that a path leads to, through links, as far as it
// exists.
func resolved(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	return filepath.Join(resolved(dir), filepath.Base(path))
}
