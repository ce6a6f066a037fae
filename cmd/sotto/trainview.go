package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"time"

	"sotto/internal/report"
	"sotto/internal/train"
)

// trainView shows a training run: a bar where somebody looks, a line a minute
// elsewhere, and every line as JSON in the log.
type trainView struct {
	app  *app
	log  *json.Encoder
	bar  *bar
	last time.Time
}

// logEvery is the time between log lines.
const logEvery = time.Minute

func (v *trainView) show(p train.Progress) {
	if v.bar == nil {
		v.bar = v.app.newBar(int64(p.Steps), "training")
		v.bar.add(p.Step - 1)
	}
	v.bar.describe(progressLine(p))
	v.bar.add(1)
	if p.Scores == nil && time.Since(v.last) < logEvery {
		return
	}
	v.last = time.Now()
	_ = v.log.Encode(p) // the log is a convenience: a full disk must not end the run
	if v.bar.silent {
		fmt.Fprintln(v.app.err, progressLine(p))
	}
	if p.Scores != nil {
		mark := ""
		if p.Best {
			mark = "  best so far"
		}
		fmt.Fprintf(v.app.err, "%.1f h: %s%s\n", p.Hours, p.Scores, mark)
	}
}

func progressLine(p train.Progress) string {
	what := "mask"
	if p.Regression {
		what = "regression"
	}
	heard := ""
	if p.Loss.Heard > 0 {
		heard = fmt.Sprintf(", heard %.2f", p.Loss.Heard)
	}
	if p.Loss.Lost > 0 {
		heard += fmt.Sprintf(", lost %.3f", p.Loss.Lost)
	}
	return fmt.Sprintf("%.1f h  %s loss %.4f (compressed %.4f, SI-SDR %.2f dB%s)  %.2f h/min  left %s",
		p.Hours, what, p.Loss.Total, p.Loss.Compressed, p.Loss.SISDR, heard, p.HoursPerMinute, p.Remaining.Round(time.Second))
}

func (v *trainView) finish() {
	if v.bar != nil {
		v.bar.finish()
	}
}

// plotTraining draws a run's losses and validation scores over the hours heard.
func (a *app) plotTraining(ctx context.Context, path string, history []train.HistoryPoint) error {
	var hours, loss, noisySDR, sdr, noisySTOI, stoi, pesq []float64
	for _, h := range history {
		hours = append(hours, h.Hours)
		loss = append(loss, h.Compressed)
		sdr, noisySDR = append(sdr, h.Scores.SISDR), append(noisySDR, h.Scores.NoisySISDR)
		pesq = append(pesq, h.Scores.PESQ)
		stoi, noisySTOI = append(stoi, h.Scores.STOI), append(noisySTOI, h.Scores.NoisySTOI)
	}
	if len(hours) == 0 {
		return nil
	}
	const x = "hours of mixtures heard"
	img, err := report.Curves(
		report.Chart{Title: "training", X: x, Y: "compressed-spectrum error", Series: []report.Series{{X: hours, Y: loss}}},
		report.Chart{Title: "validation", X: x, Y: "SI-SDR, dB", Series: []report.Series{{Name: "sotto", X: hours, Y: sdr}, {Name: "noisy", X: hours, Y: noisySDR}}},
		report.Chart{Title: "validation", X: x, Y: "STOI", Series: []report.Series{{Name: "sotto", X: hours, Y: stoi}, {Name: "noisy", X: hours, Y: noisySTOI}}},
		report.Chart{Title: "validation", X: x, Y: "PESQ-WB", Series: []report.Series{{Name: "sotto", X: hours, Y: pesq}}},
	)
	if err != nil {
		return err
	}
	return a.save(ctx, path, true, func(w io.Writer) error { return png.Encode(w, img) })
}
