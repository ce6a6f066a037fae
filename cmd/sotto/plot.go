package main

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/internal/audiofile"
	"sotto/internal/report"
)

func newPlot(a *app) *cobra.Command {
	var (
		out   string
		force bool
	)
	cmd := &cobra.Command{
		Use:   "plot FILE... -o PICTURE.png",
		Short: "draw spectrograms, side by side",
		Long: `Draw the spectrogram of a recording as a PNG. Several recordings, such as one
before and after cleaning, stand side by side on one scale of levels. Channels
are averaged.`,
		Example: "  sotto plot noisy.wav clean.wav -o before-after.png",
		Args:    arguments(1, maxPanels, fmt.Sprintf("1 to %d files", maxPanels)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usagef("no output; name one, such as -o spectrogram.png")
			}
			if err := cmp.Or(spare(out, lookAt(args)), writes(".png", out), refuse(out, force)); err != nil {
				return err
			}
			clips, err := await(cmd.Context(), func() ([]report.Clip, error) { return readClips(args) })
			if err != nil {
				return err
			}
			return a.drawSpectrograms(cmd.Context(), out, force, clips...)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", `the picture, or "-"`)
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace the picture if it exists")
	return cmd
}

// maxPanels is as many spectrograms as can be told apart on a wide screen.
const maxPanels = 6

func readClips(paths []string) ([]report.Clip, error) {
	clips := make([]report.Clip, len(paths))
	for i, path := range paths {
		x, rate, err := audiofile.ReadMono(path)
		if err != nil {
			return nil, err
		}
		clips[i] = report.Clip{Title: filepath.Base(path), Rate: rate, Samples: x}
	}
	return clips, nil
}

// drawSpectrograms writes the picture of the clips.
func (a *app) drawSpectrograms(ctx context.Context, path string, force bool, clips ...report.Clip) error {
	picture, err := await(ctx, func() (image.Image, error) { return report.Spectrograms(clips...) })
	if err != nil {
		return err
	}
	return a.save(ctx, path, force, func(w io.Writer) error { return report.WritePNG(w, picture) })
}
