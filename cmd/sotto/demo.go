package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sotto/assets"
	"sotto/internal/audiofile"
	"sotto/internal/report"
)

// demoLead is the noise alone at the start of the recording; it is cleaned but
// not scored, like the first second of the clips that eval scores.
const demoLead = time.Second

func newDemo(a *app) *cobra.Command {
	var (
		k     knobs
		out   string
		force bool
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "clean the noisy recording that comes with the program",
		Long: `Clean the noisy recording that comes with the program, six seconds of a voice
beside a running tap. Writes the recording, what became of it, the voice alone
and a picture of before and after into a folder, and prints the scores.`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), &k, out, force) },
	}
	k.register(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", "sotto-demo", "folder to write into")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace what is there")
	return cmd
}

func (a *app) demo(ctx context.Context, k *knobs, dir string, force bool) error {
	m, cfg, err := k.load(ctx)
	if err != nil {
		return err
	}
	paths := make([]string, 4)
	for i, name := range []string{"noisy.wav", "cleaned.wav", "reference.wav", "before-after.png"} {
		paths[i] = filepath.Join(dir, name)
		if err := refuse(paths[i], force); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	noisy, rate, err := decode(assets.Demo().Noisy, "noisy sample")
	if err != nil {
		return err
	}
	voice, _, err := decode(assets.Demo().Clean, "clean sample")
	if err != nil {
		return err
	}
	proc, err := newProcessor(m, cfg, rate)
	if err != nil {
		return err
	}
	cleaned := cleanSamples(proc, rate, noisy)
	for i, x := range [][]float32{noisy, cleaned, voice} {
		if err := ctx.Err(); err != nil {
			return err
		}
		w, err := createSound(ctx, paths[i], force, audiofile.Info{SampleRate: rate, Channels: 1}, audiofile.PCM16)
		if err != nil {
			return err
		}
		if err := w.Write(x); err != nil {
			return errors.Join(err, w.Abort())
		}
		if err := closeSound(paths[i], w); err != nil {
			return err
		}
	}
	err = a.drawSpectrograms(ctx, paths[3], force,
		report.Clip{Title: "before", Rate: rate, Samples: noisy},
		report.Clip{Title: "after", Rate: rate, Samples: cleaned})
	if err != nil {
		return err
	}
	if err := a.scoreDemo(voice, noisy, cleaned); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "\nlisten: %s and %s\nlook:   %s\n", paths[0], paths[1], paths[3])
	return err
}

// decode reads a recording that is built in, of one channel.
func decode(file []byte, name string) (x []float32, rate int, err error) {
	r, err := audiofile.NewReader(bytes.NewReader(file), name)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	x = make([]float32, r.Info().Frames)
	for n := 0; n < len(x); {
		k, err := r.Read(x[n:])
		if err != nil {
			return nil, 0, err
		}
		n += k
	}
	return x, r.Info().SampleRate, nil
}

// scoreDemo prints the scores of the noisy recording and of the cleaned one.
func (a *app) scoreDemo(voice, noisy, cleaned []float32) error {
	m, err := newMeter(defaultMetrics)
	if err != nil {
		return err
	}
	skip := int(demoLead.Seconds() * scoreRate)
	rows, problems := m.measure(reference{clean: voice[skip:]}, noisy[skip:], cleaned[skip:])
	a.warn([][]error{problems})
	t := report.Table{Columns: append([]report.Column{{Key: "recording"}}, m.columns...)}
	for i, name := range []string{"noisy", "cleaned"} {
		t.Add(append([]any{name}, cells(rows[i])...)...)
	}
	return t.Write(a.out, report.Text)
}
