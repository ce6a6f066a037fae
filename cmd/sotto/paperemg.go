package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"sotto/internal/paper"
)

const paperEMGLong = `Learn muscle synergies, four for each movement, by NMF and by VAE-NMF, and
reconstruct repetitions that they were not learned from. The variance accounted
for (VAF), by muscle and overall, answers the paper's question whether the higher
training VAF of NMF is over-fitting.

Data: exercise 1 of Ninapro DB1, as its MAT-files (S1_A1_E1.mat) or as CSV files
(S01_E1.csv.gz) with columns ch1, ch2, ..., restimulus and rerepetition. What
stands before the first underscore of a name is the subject.`

func newPaperEMG(a *app) *cobra.Command {
	var (
		f    paperFlags
		data string
	)
	cmd := &cobra.Command{
		Use:     "emg --data FOLDER -o FOLDER",
		Short:   "learn muscle synergies and reconstruct muscle activity",
		Long:    paperEMGLong,
		Example: "  sotto paper emg --data ninapro-db1/ -o emg-results/",
		Args:    arguments(0, 0, "no argument"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.paperEMG(cmd.Context(), &f, data) },
	}
	f.register(cmd)
	cmd.Flags().StringVar(&data, "data", "", "folder of recordings of Ninapro DB1")
	return cmd
}

func (a *app) paperEMG(ctx context.Context, f *paperFlags, data string) error {
	if data == "" {
		return usagef("paper emg needs --data FOLDER")
	}
	cfg := paper.DefaultEMG()
	if err := f.prepare(cfg, "results.md", "results.csv", "results.json", "reconstructions.png", "synergies.png"); err != nil {
		return err
	}
	bar, show := a.progress("reading")
	defer bar.finish()
	recordings, err := paper.LoadEMG(ctx, data)
	if err != nil {
		return err
	}
	r, err := paper.RunEMG(ctx, recordings, cfg, paper.Options{Workers: f.jobs, Report: show})
	if err != nil {
		return err
	}
	bar.finish()
	files := map[string]func(io.Writer) error{
		"results.md": r.WriteMarkdown, "results.csv": r.WriteCSV, "results.json": r.WriteJSON,
		"reconstructions.png": pictureFile(r.Reconstructions), "synergies.png": pictureFile(r.Synergies),
	}
	if err := a.saveAll(ctx, f, cfg, files); err != nil {
		return err
	}
	return r.WriteMarkdown(a.out)
}
