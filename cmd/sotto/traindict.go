package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sotto/dict"
	"sotto/enhance"
	"sotto/internal/corpus"
	"sotto/internal/train"
)

// dictFlags are the flags of "train dict".
type dictFlags struct {
	data    []string
	exclude []string
	out     string
	method  string
	rank    int
	frames  int
	epochs  float64
	kl      float64
	seed    uint64
	screen  bool
	force   bool
}

func newTrainDict(a *app) *cobra.Command {
	var f dictFlags
	cmd := &cobra.Command{
		Use:   "dict --data FOLDER -o FILE",
		Short: "learn a dictionary of spectra",
		Args:  arguments(0, 0, "no argument"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.trainDict(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.data, "data", nil, "folder of recordings (repeatable)")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "base name of a clip to leave out (repeatable)")
	flags.StringVarP(&f.out, "out", "o", "", "dictionary to write")
	flags.StringVar(&f.method, "method", methodVAE, "vae (VAE-NMF), or kl, frobenius, is (NMF)")
	flags.IntVar(&f.rank, "rank", 256, "number of atoms")
	flags.IntVar(&f.frames, "frames", 300000, "at most this many frames")
	flags.Float64Var(&f.epochs, "epochs", 0, "passes over the frames, or iterations of NMF (0: the method's default)")
	flags.Float64Var(&f.kl, "kl-weight", 0, "weight of the divergence from the prior in VAE-NMF (0: the default)")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the start and of the order")
	flags.BoolVar(&f.screen, "screen", false, "leave out speech that is too noisy or dull to be a target")
	flags.BoolVarP(&f.force, "force", "f", false, "replace an existing file")
	return cmd
}

func (a *app) trainDict(ctx context.Context, f dictFlags) error {
	if f.out == "" || len(f.data) == 0 {
		return usagef("no %s: train dict needs --data FOLDER and -o FILE", missing(f.out == "", "output", "folder of recordings"))
	}
	if err := f.check(); err != nil {
		return err
	}
	set, err := a.loadClips(ctx, f.data, f.exclude)
	if err != nil {
		return err
	}
	if f.screen {
		var r *corpus.ScreenReport
		set, r = corpus.Screen(set, corpus.DefaultThresholds())
		fmt.Fprint(a.err, r)
	}
	frames, err := train.Frames(set, enhance.DefaultGrid(), f.frames, f.seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%d frames of %.1f hours\n", frames.Count, set.Seconds()/3600)
	d, err := a.fit(ctx, frames, f)
	if err != nil {
		return err
	}
	return a.deliver(ctx, f.out, f.force, d.Write)
}

// check finds what would fail after the recordings are read, or after hours.
func (f *dictFlags) check() error {
	if _, err := f.divergence(); err != nil {
		return err
	}
	const most = 1e6 // epochs, and the weight: no advice, but a finite number
	if f.rank < 1 || f.rank > dict.MaxRank || f.frames < 1 || !(f.epochs >= 0 && f.epochs <= most) || !(f.kl >= 0 && f.kl <= most) {
		return usagef("rank %d, %d frames, %g epochs, KL weight %g: expected 1 to %d, at least 1, and 0 to %g for both others", f.rank, f.frames, f.epochs, f.kl, dict.MaxRank, most)
	}
	if err := refuse(f.out, f.force); err != nil {
		return err
	}
	return writable(f.out)
}

// methodVAE is the method that is no NMF.
const methodVAE = "vae"

// divergence returns what the method's NMF minimises.
func (f *dictFlags) divergence() (dict.Divergence, error) {
	switch f.method {
	case methodVAE, "kl":
		return dict.KL, nil
	case "frobenius":
		return dict.Frobenius, nil
	case "is":
		return dict.ItakuraSaito, nil
	}
	return 0, usagef("--method is %q, expected vae, kl, frobenius or is", f.method)
}

func missing(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func (a *app) loadClips(ctx context.Context, folders, exclude []string) (*corpus.Set, error) {
	reading := stages{app: a, what: "reading"}
	defer reading.finish()
	return train.LoadClips(ctx, folders, exclude, reading.report)
}

// fit learns the dictionary by the chosen method.
func (a *app) fit(ctx context.Context, frames *dict.Frames, f dictFlags) (*dict.Dictionary, error) {
	start := time.Now()
	report := func(s dict.Stats) {
		fmt.Fprintf(a.err, "step %d/%d  objective %.2f  reconstruction %.2f  KL %.2f  penalty %.3g  dead atoms %d  min W %.2g  %s\n",
			s.Step, s.Steps, s.Objective, s.Reconstruction, s.KL, s.Penalty, s.DeadAtoms, s.MinW, time.Since(start).Round(time.Second))
	}
	if f.method == methodVAE {
		steps := f.epochs
		if steps == 0 {
			steps = 20
		}
		every := max(1, int(steps*float64(frames.Count)/256/25))
		return dict.Train(ctx, frames, dict.VAEConfig{Rank: f.rank, Epochs: f.epochs, KLWeight: f.kl, Seed: f.seed, ReportEvery: every}, report)
	}
	divergence, err := f.divergence()
	if err != nil {
		return nil, err
	}
	if divergence == dict.ItakuraSaito {
		frames = frames.Power()
	}
	return dict.NMF(ctx, frames, dict.NMFConfig{Divergence: divergence, Rank: f.rank, Iterations: int(f.epochs), Seed: f.seed}, report)
}
