package paper

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"math"
	"strings"

	"sotto/internal/metrics/vaf"
	"sotto/internal/report"
)

// overSubjects returns the mean over subjects of a value.
func (r *EMGResults) overSubjects(value func(s *EMGSubject) float64) Interval {
	x := make([]float64, len(r.Subjects))
	for i := range r.Subjects {
		x[i] = value(&r.Subjects[i])
	}
	return interval(x)
}

// percent is a VAF as tables show it.
func percent(i Interval) Interval { return Interval{100 * i.Mean, 100 * i.Half} }

func uncentred(v vaf.Result) float64 { return v.Global.Uncentred }

func centred(v vaf.Result) float64 { return v.Global.Centred }

// overall returns the VAFs of all muscles together.
func (r *EMGResults) overall() *report.Table {
	t := &report.Table{Columns: []report.Column{{Key: "part"}, {Key: "method"}, {Key: "uncentred", Title: "VAF % (uncentred)"}, {Key: "centred", Title: "VAF % (centred)"}}}
	for _, part := range []string{learned, held} {
		for _, method := range EMGMethods() {
			t.Add(part, method,
				percent(r.overSubjects(func(s *EMGSubject) float64 { return uncentred(s.VAF[part][method]) })).String(),
				percent(r.overSubjects(func(s *EMGSubject) float64 { return centred(s.VAF[part][method]) })).String())
		}
	}
	return t
}

// perMuscle returns the uncentred VAF of every channel.
func (r *EMGResults) perMuscle() *report.Table {
	t := &report.Table{Columns: []report.Column{{Key: "channel"}}}
	for _, part := range []string{learned, held} {
		for _, method := range EMGMethods() {
			t.Columns = append(t.Columns, report.Column{Key: part + " " + method, Title: method + ", " + part})
		}
	}
	for c := range r.Channels {
		row := []any{c + 1}
		for _, part := range []string{learned, held} {
			for _, method := range EMGMethods() {
				row = append(row, percent(r.overSubjects(func(s *EMGSubject) float64 { return s.VAF[part][method].Channels[c].Uncentred })).String())
			}
		}
		t.Add(row...)
	}
	return t
}

// comparison are differences between NMF and a use of VAE-NMF, in percent of
// VAF, with intervals over subjects.
type comparison struct {
	against          string
	training, unseen Interval // NMF minus the other
	fall             Interval // how much more NMF loses from training to held-out repetitions
}

func (r *EMGResults) compare(method string) comparison {
	at := func(s *EMGSubject, part, method string) float64 { return 100 * uncentred(s.VAF[part][method]) }
	lead := func(part string) func(s *EMGSubject) float64 {
		return func(s *EMGSubject) float64 { return at(s, part, emgNMF) - at(s, part, method) }
	}
	return comparison{
		method, r.overSubjects(lead(learned)), r.overSubjects(lead(held)),
		r.overSubjects(func(s *EMGSubject) float64 { return lead(learned)(s) - lead(held)(s) }),
	}
}

// Answer says in words whether the higher training VAF of NMF is over-fitting:
// it is, if the lead is lost where nothing was learned.
func (r *EMGResults) Answer() string {
	var text strings.Builder
	for _, method := range []string{emgVAE, emgVAEOnly} {
		c := r.compare(method)
		fmt.Fprintf(&text, "Against %s, NMF's VAF differs by %s points on training repetitions and by %s on held-out ones, that is %s more on the former. %s\n\n",
			method, c.training.signed(), c.unseen.signed(), c.fall.signed(), c.verdict())
	}
	return text.String()
}

// verdict reads the intervals.
func (c comparison) verdict() string {
	above := func(i Interval) bool { return i.Mean-i.Half > 0 }
	below := func(i Interval) bool { return i.Mean+i.Half < 0 }
	switch {
	case math.IsNaN(c.training.Half):
		return "One subject allows no interval, and so no answer."
	case !above(c.training):
		return "NMF is not ahead on training data here, so the question does not arise."
	case above(c.unseen) && above(c.fall):
		return "NMF fits the training repetitions a little more closely than they generalise, but it stays ahead on repetitions it has not seen: most of its lead is a better fit, not over-fitting."
	case above(c.unseen):
		return "The lead carries over to repetitions that NMF has not seen: it is a better fit, not over-fitting."
	case below(c.unseen):
		return "On repetitions that were not learned from the lead turns round: the higher training VAF is over-fitting."
	}
	return "On repetitions that were not learned from the lead is not distinguishable from none: the higher training VAF brings nothing there."
}

// WriteMarkdown writes tables and the answer.
func (r *EMGResults) WriteMarkdown(w io.Writer) error {
	p := &printer{w: w}
	movements := 0
	for _, s := range r.Subjects {
		movements += s.Movements
	}
	p.printf("# The muscle synergies\n\n%d subjects, %d movements, %d channels, %d synergies per movement; repetitions %v were held out. ± is half the 95 %% interval over subjects. VAF is over all movements of a subject, channels in units of their greatest value in training.\n\n",
		len(r.Subjects), movements, r.Channels, r.Config.Rank, r.Config.Held)
	p.printf("## All muscles\n\n")
	p.table(r.overall())
	p.printf("\n## Is the higher training VAF of NMF over-fitting?\n\n%s## By muscle: uncentred VAF in %%\n\n", r.Answer())
	p.table(r.perMuscle())
	return p.err
}

// WriteCSV writes a row per subject, part, method and channel; channel 0 is all
// together.
func (r *EMGResults) WriteCSV(w io.Writer) error {
	t := &report.Table{Columns: []report.Column{{Key: "subject"}, {Key: "part"}, {Key: "method"}, {Key: "channel"}, {Key: "uncentred"}, {Key: "centred"}}}
	for _, s := range r.Subjects {
		for _, part := range []string{learned, held} {
			for _, method := range EMGMethods() {
				v := s.VAF[part][method]
				t.Add(s.Subject, part, method, 0, v.Global.Uncentred, v.Global.Centred)
				for c, x := range v.Channels {
					t.Add(s.Subject, part, method, c+1, x.Uncentred, x.Centred)
				}
			}
		}
	}
	return t.Write(w, report.CSV)
}

// WriteJSON writes all VAFs with the configuration.
func (r *EMGResults) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// Reconstructions draws a held-out repetition and what both methods make of it.
func (r *EMGResults) Reconstructions() (image.Image, error) {
	var charts []report.Chart
	for c, original := range r.example.original {
		chart := report.Chart{
			Title: fmt.Sprintf("subject %s, movement %d, channel %d", r.example.subject, r.example.movement, c+1),
			X:     "sample", Y: "activity",
			Series: []report.Series{{Name: "original", Y: floats(original)}},
		}
		for _, method := range []string{emgNMF, emgVAE} {
			chart.Series = append(chart.Series, report.Series{Name: method, Y: floats(r.example.est[method][c])})
		}
		charts = append(charts, chart)
	}
	return report.Curves(charts...)
}

func floats(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// Synergies draws the synergies of the example as bars: those of NMF, and of
// VAE-NMF the most similar ones beside them.
func (r *EMGResults) Synergies() (image.Image, error) {
	nmf, vae := atoms(r.example.synergy[emgNMF].W, r.Config.Rank), atoms(r.example.synergy[emgVAE].W, r.Config.Rank)
	var charts []report.Chart
	for k, a := range nmf {
		best := 0
		for j, b := range vae {
			if cosine(a, b) > cosine(a, vae[best]) {
				best = j
			}
		}
		b := vae[best]
		vae = append(vae[:best:best], vae[best+1:]...)
		chart := report.Chart{
			Title: fmt.Sprintf("subject %s, movement %d, synergy %d (cosine %.2f)", r.example.subject, r.example.movement, k+1, cosine(a, b)),
			X:     "channel", Y: "weight",
			Series: []report.Series{{Name: emgNMF, Y: a}, {Name: emgVAE, Y: b}},
		}
		for c := range a {
			chart.Labels = append(chart.Labels, fmt.Sprint(c+1))
		}
		charts = append(charts, chart)
	}
	return report.Bars(charts...)
}

// atoms returns the columns of a dictionary.
func atoms(w []float32, rank int) [][]float64 {
	out := make([][]float64, rank)
	for i, v := range w {
		out[i%rank] = append(out[i%rank], float64(v))
	}
	return out
}
