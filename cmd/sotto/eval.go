package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/internal/audiofile"
	"sotto/internal/report"
)

const evalLong = `Score recordings against clean references.

With a folder that holds clean/, noisy/ and, for SIR and SAR, noise/ with files
of the same names, every noisy file is cleaned and scored beside the noisy one:
means per signal-to-noise ratio, which manifest.json gives ({"items": [{"id":
"NAME", "snr": DB}, ...]}), and over all. With --processed DIR the files of
another program are scored instead. A name is that of the file without its
extension, with the folders below clean/, noisy/ and so on before it: "ann/1".

With two files, a reference and a degraded recording of the same length, that
pair is scored.

Everything is scored at 16 kHz; channels are averaged and other rates resampled.
The first second of the files of a folder is processed but not scored: there the
programs that adapt to the noise still listen. --skip changes that.`

const evalExample = `  sotto eval bench/
  sotto eval bench/ --model build/train/model.safetensors --format markdown
  sotto eval bench/ --processed other-program/ --metrics pesq_wb,stoi
  sotto eval reference.wav cleaned.wav --json`

// folderSkip is what is not scored of the clips of a folder; see evalLong.
const folderSkip = time.Second

// evalFlags are the flags of the eval command.
type evalFlags struct {
	knobs
	metrics   string
	processed string
	skip      time.Duration
	format    string
	json      bool
	clips     bool
	jobs      int
}

func newEval(a *app) *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:     "eval FOLDER | eval REFERENCE DEGRADED",
		Short:   "score a model on a folder of mixtures, or a pair of files",
		Long:    evalLong,
		Example: evalExample,
		Args:    arguments(1, 2, "a folder, or a reference and a degraded file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.applies(cmd, len(args)); err != nil {
				return err
			}
			if len(args) == 1 {
				if !cmd.Flags().Changed("skip") {
					f.skip = folderSkip
				}
				return a.evalFolder(cmd.Context(), &f, args[0])
			}
			return a.evalPair(cmd.Context(), &f, args[0], args[1])
		},
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.metrics, "metrics", defaultMetrics, "scores, of "+strings.Join(metricKeys(), ", ")+", or all")
	flags.StringVar(&f.processed, "processed", "", "score the files of this folder instead of running a model")
	flags.DurationVar(&f.skip, "skip", 0, "what to leave out at the start (default 1s for a folder, 0s for a pair)")
	flags.StringVar(&f.format, "format", report.Text.String(), "text, markdown, csv or json")
	flags.BoolVar(&f.json, "json", false, "the same as --format json")
	flags.BoolVar(&f.clips, "clips", false, "a row per clip instead of means (JSON has both)")
	flags.IntVarP(&f.jobs, "jobs", "j", 0, "clips to score at a time (0: one per core)")
	return cmd
}

// applies refuses flags that are of no use for the given number of arguments.
func (f *evalFlags) applies(cmd *cobra.Command, args int) error {
	switch {
	case args == 2:
		return unused(cmd, "for a pair of files", append(knobNames(), "processed", "clips", "jobs")...)
	case f.processed != "":
		return unused(cmd, "with --processed, which runs no model", knobNames()...)
	}
	return nil
}

// settings checks the flags that both forms of the command share.
func (f *evalFlags) settings() (*meter, report.Format, error) {
	m, err := newMeter(f.metrics)
	if err != nil {
		return nil, 0, err
	}
	format, err := report.ParseFormat(f.format)
	if err != nil {
		return nil, 0, usageError{fmt.Errorf("--format: %w", err)}
	}
	if f.json {
		format = report.JSON
	}
	if f.skip < 0 {
		return nil, 0, usagef("--skip is %v, expected 0s or more", f.skip)
	}
	return m, format, nil
}

// skipSamples returns f.skip at the rate of scoring.
func (f *evalFlags) skipSamples() int { return int(f.skip.Seconds() * scoreRate) }

// leaves returns an error unless something of a reference of n samples is left
// to be scored.
func (f *evalFlags) leaves(n int, ref string) error {
	switch {
	case n == 0:
		return fmt.Errorf("%s: no samples, expected a recording; choose another reference", ref)
	case f.skipSamples() >= n:
		return usagef("--skip is %v, expected less than the length of %s", f.skip, ref)
	}
	return nil
}

// evalPair scores one file against another.
func (a *app) evalPair(ctx context.Context, f *evalFlags, ref, deg string) error {
	m, format, err := f.settings()
	if err != nil {
		return err
	}
	for _, path := range []string{ref, deg} {
		if isFolder(path) {
			return usagef("%s is a folder, expected two files; a folder is scored by itself", path)
		}
	}
	scores, err := await(ctx, func() ([]float64, error) { return f.scorePair(m, ref, deg) })
	if err != nil {
		return err
	}
	t := report.Table{Columns: m.columns}
	t.Add(cells(scores)...)
	return t.Write(a.out, format)
}

// scorePair reads the two files and returns a score per column.
func (f *evalFlags) scorePair(m *meter, ref, deg string) ([]float64, error) {
	clean, err := audiofile.ReadMonoAt(ref, scoreRate)
	if err != nil {
		return nil, err
	}
	est, err := audiofile.ReadMonoAt(deg, scoreRate)
	if err != nil {
		return nil, err
	}
	if err := sameLength(ref, deg, len(clean), len(est)); err != nil {
		return nil, err
	}
	if err := f.leaves(len(clean), ref); err != nil {
		return nil, err
	}
	skip := f.skipSamples()
	rows, problems := m.measure(reference{clean: clean[skip:]}, est[skip:])
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s against %s: %w", deg, ref, problems[0])
	}
	return rows[0], nil
}

// sameLength returns an error unless two recordings are aligned, in samples at
// the rate of scoring.
func sameLength(ref, deg string, n, k int) error {
	if n == k {
		return nil
	}
	return fmt.Errorf("%s is %.4f s long, expected %.4f s like %s; trim or align it first",
		deg, float64(k)/scoreRate, float64(n)/scoreRate, ref)
}

// cells turns scores into cells of a table.
func cells(values []float64) []any {
	row := make([]any, len(values))
	for i, v := range values {
		row[i] = v
	}
	return row
}

// evalFolder scores a model, or processed files, on a folder of mixtures.
func (a *app) evalFolder(ctx context.Context, f *evalFlags, dir string) error {
	m, format, err := f.settings()
	if err != nil {
		return err
	}
	j, err := workers(f.jobs)
	if err != nil {
		return err
	}
	mixtures, err := listMixtures(dir)
	if err != nil {
		return err
	}
	e := &evaluation{meter: m, flags: f, dir: dir, mixtures: mixtures, systems: []string{"noisy", "sotto"}}
	if f.processed != "" {
		if e.processed, err = byName(f.processed); err != nil {
			return fmt.Errorf("--processed: %w", err)
		}
		e.systems[1] = "processed"
	} else if e.model, e.config, err = f.load(ctx); err != nil {
		return err
	}
	bar := a.newBar(int64(len(mixtures)), "scoring")
	defer bar.finish()
	e.scores = make([][][]float64, len(mixtures))
	problems := make([][]error, len(mixtures))
	errs := parallel(ctx, len(mixtures), j, func(i int) error {
		defer bar.add(1)
		s, err := await(ctx, func() (scored, error) { return e.scoreClip(mixtures[i]) })
		e.scores[i], problems[i] = s.rows, s.problems
		return err
	})
	bar.finish()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	a.warn(problems)
	return e.write(a.out, format)
}

// warn says how many scores are missing from the means, and why the first is.
func (a *app) warn(problems [][]error) {
	n := 0
	var first error
	for _, p := range problems {
		for _, err := range p {
			if n++; first == nil {
				first = err
			}
		}
	}
	if n > 0 {
		fmt.Fprintf(a.err, "sotto: %d scores are missing from the table; the first because %s\n", n, printable(first.Error()))
	}
}

// mean returns the mean of the values that are there, or NaN.
func mean(values []float64) float64 {
	sum, n := 0.0, 0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

var errNoMixtures = errors.New("expected clean/ and noisy/ with files of the same names")
