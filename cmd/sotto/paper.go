package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/internal/paper"
	"sotto/internal/report"
)

const paperLong = `Repeat the two experiments of the paper behind sotto, Xie et al., "A variational
autoencoder-based nonnegative matrix factorisation model for deep dictionary
learning" (arXiv 2301.07272).

  sotto paper speech --speech TIMIT/ --noise NOISEX-92/ -o speech-results/
  sotto paper emg --data ninapro-db1/ -o emg-results/

The output folder gets tables (Markdown, CSV, JSON), figures (PNG) and the
configuration that made them, config.json, which --config takes back. It says of
every number whether it is the paper's or ours.`

func newPaper(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "paper",
		Short: "repeat the paper's experiments",
		Long:  paperLong,
		Args:  arguments(0, 0, "a sub-command: speech or emg"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPaperSpeech(a), newPaperEMG(a))
	return cmd
}

// paperFlags are the flags of both experiments.
type paperFlags struct {
	out    string
	config string
	quick  bool
	force  bool
	jobs   int

	replace bool // results that are there may go
}

// cellsFolder is the folder below the output for what is finished of a run.
const cellsFolder = "cells"

func (f *paperFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "output", "o", "", "folder for tables, figures and configuration")
	flags.StringVar(&f.config, "config", "", "configuration to use instead of the default one")
	flags.BoolVar(&f.quick, "quick", false, "make everything so small that the numbers mean nothing")
	flags.BoolVarP(&f.force, "force", "f", false, "replace results that are there")
	flags.IntVarP(&f.jobs, "jobs", "j", 0, "trainings and scorings at a time (0: one per core)")
}

// vacant returns an error if files of the output folder would be replaced
// unasked: a finished run, or what matches the patterns of the results. Results
// beside the cells of a run are its own, saved in part: it goes on.
func (f *paperFlags) vacant(results ...string) error {
	if err := refuse(filepath.Join(f.out, "config.json"), f.force); err != nil {
		return err
	}
	f.replace = f.force || isFolder(filepath.Join(f.out, cellsFolder))
	there, err := os.ReadDir(f.out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, file := range there {
		for _, pattern := range results {
			if ok, _ := filepath.Match(pattern, file.Name()); ok { // the patterns are ours
				err = cmp.Or(err, refuse(filepath.Join(f.out, file.Name()), f.replace))
			}
		}
	}
	return err
}

// prepare checks the flags and reads the configuration. results are the patterns
// of the files that the run writes.
func (f *paperFlags) prepare(config interface {
	Quick()
	Validate() error
}, results ...string,
) error {
	if f.out == "" {
		return usagef("no output; name a folder, such as -o results/")
	}
	if _, err := workers(f.jobs); err != nil {
		return err
	}
	if err := f.vacant(results...); err != nil {
		return err
	}
	if f.config != "" {
		r, err := os.Open(f.config)
		if err != nil {
			return err
		}
		defer r.Close()
		if err := paper.ReadConfig(r, config); err != nil {
			return fmt.Errorf("%s: %w", f.config, err)
		}
	}
	if f.quick {
		config.Quick()
	}
	if err := config.Validate(); err != nil {
		return err
	}
	return writable(filepath.Join(f.out, "config.json"))
}

// saveAll writes results into the output folder, the configuration last: while
// it is missing, the results are not complete.
func (a *app) saveAll(ctx context.Context, f *paperFlags, config any, files map[string]func(io.Writer) error) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := a.deliver(ctx, filepath.Join(f.out, name), f.replace, files[name]); err != nil {
			return err
		}
	}
	return a.deliver(ctx, filepath.Join(f.out, "config.json"), f.force, func(w io.Writer) error { return paper.WriteConfig(w, config) })
}

// pictureFile makes a file of a picture.
func pictureFile(draw func() (image.Image, error)) func(io.Writer) error {
	return func(w io.Writer) error {
		picture, err := draw()
		if err != nil {
			return err
		}
		return report.WritePNG(w, picture)
	}
}

// stepsShown is the resolution of an experiment's progress bar.
const stepsShown = 1000

// progress returns a bar and what an experiment reports to.
func (a *app) progress(what string) (*bar, func(string, float64)) {
	b := a.newBar(stepsShown, what)
	shown := 0
	return b, func(what string, done float64) {
		b.describe(what)
		now := int(done * stepsShown)
		b.add(now - shown)
		shown = now
	}
}

// speechFlags are the flags of the speech experiment.
type speechFlags struct {
	paperFlags
	speech, noise string
	work          string
	only          []string
	tune          bool
}

const paperSpeechLong = `Train NMF, sparse NMF, discriminative NMF, a recurrent network and VAE-NMF on
noises by themselves (Table 1 of the paper) and on all of them (Table 2), and
score them at -5, 0, 5 and 10 dB by SDR, SIR, SAR and narrow-band PESQ.

Speech: TIMIT as it is shipped, or any folder that tells speakers apart (by
files named corpus__speaker__utterance, or by folders). Noise: NOISEX-92 as it
is shipped, cut in two in time, or a folder with train/ and test/ in it.

What is finished is kept in the folder --work; the same command goes on there
after an interruption.`

func newPaperSpeech(a *app) *cobra.Command {
	var f speechFlags
	cmd := &cobra.Command{
		Use:     "speech --speech FOLDER --noise FOLDER -o FOLDER",
		Short:   "separate speech from noise by all the systems of the paper",
		Long:    paperSpeechLong,
		Example: "  sotto paper speech --speech timit/ --noise noisex92/ -o speech-results/",
		Args:    arguments(0, 0, "no argument"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.paperSpeech(cmd.Context(), &f) },
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.speech, "speech", "", "folder of clean speech, like TIMIT")
	flags.StringVar(&f.noise, "noise", "", "folder of noises, like NOISEX-92")
	flags.StringVar(&f.work, "work", "", "folder for finished parts (default: cells in the output folder)")
	flags.StringSliceVar(&f.only, "only", nil, "systems to run, of "+strings.Join(paper.Systems(), ", ")+" (default all)")
	flags.BoolVar(&f.tune, "tune", false, "hold the test part back: score on a part of the training material")
	return cmd
}

func (a *app) paperSpeech(ctx context.Context, f *speechFlags) error {
	if f.speech == "" || f.noise == "" {
		return usagef("paper speech needs --speech FOLDER and --noise FOLDER")
	}
	for _, name := range f.only {
		if !slices.Contains(paper.Systems(), name) {
			return usagef("--only: %q is no system; choose from %s", name, strings.Join(paper.Systems(), ", "))
		}
	}
	cfg := paper.DefaultSpeech()
	if err := f.prepare(cfg, "results.md", "results.csv", "results.json", "comparison.png", "dictionaries-*.png"); err != nil {
		return err
	}
	part := paper.Test
	if f.tune {
		part = paper.Tuning
	}
	if f.work == "" {
		f.work = filepath.Join(f.out, cellsFolder)
	}
	bar, show := a.progress("reading")
	defer bar.finish()
	data, err := paper.LoadSpeech(ctx, f.speech, f.noise, cfg, part)
	if err != nil {
		return err
	}
	r, err := paper.RunSpeech(ctx, data, cfg, paper.Options{Work: f.work, Only: f.only, Workers: f.jobs, Report: show})
	if err != nil {
		return err
	}
	bar.finish()
	files := map[string]func(io.Writer) error{
		"results.md": r.WriteMarkdown, "results.csv": r.WriteCSV, "results.json": r.WriteJSON,
		"comparison.png": pictureFile(r.Comparison),
	}
	for _, condition := range r.Conditions() {
		files["dictionaries-"+condition+".png"] = pictureFile(func() (image.Image, error) { return r.Dictionaries(condition) })
	}
	if err := a.saveAll(ctx, &f.paperFlags, cfg, files); err != nil {
		return err
	}
	return r.WriteMarkdown(a.out)
}
