package paper

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"sotto/internal/report"
)

// systems returns the names of the systems that were measured, in the order of
// the tables.
func (r *SpeechResults) systems() []string {
	return slices.DeleteFunc(Systems(), func(name string) bool {
		return !slices.ContainsFunc(r.Measurements, func(m Measurement) bool { return m.System == name })
	})
}

// tables are the paper's tables that there are measurements for.
func (r *SpeechResults) tables() []table {
	return slices.DeleteFunc([]table{separate, pooled}, func(t table) bool {
		return !slices.ContainsFunc(r.Measurements, func(m Measurement) bool { return t.has(&m) })
	})
}

// ratios are the rows of a table: all signal-to-noise ratios, and their average.
func (r *SpeechResults) ratios() []float64 {
	return append(append([]float64(nil), r.Config.SNRs...), allRatios)
}

func ratioName(snr float64) string {
	if snr == allRatios {
		return "Aver"
	}
	return fmt.Sprintf("%g", snr)
}

// Compact returns one of the paper's two tables in its layout: a row per
// signal-to-noise ratio, a column per system, SDR/SIR/SAR/PESQ in every cell.
func (r *SpeechResults) compact(t table) *report.Table {
	out := &report.Table{Columns: []report.Column{{Key: "snr", Title: "SNR dB"}}}
	for _, name := range r.systems() {
		out.Columns = append(out.Columns, report.Column{Key: strings.ToLower(name), Title: name})
	}
	for _, snr := range r.ratios() {
		row := []any{ratioName(snr)}
		for _, name := range r.systems() {
			var cell []string
			for _, m := range metrics {
				cell = append(cell, Interval{selection{r, t, "", snr}.interval(name, m).Mean, math.NaN()}.String())
			}
			row = append(row, strings.Join(cell, "/"))
		}
		out.Add(row...)
	}
	return out
}

// beside returns a table with intervals over seeds and the paper's figures.
func (r *SpeechResults) beside(t table) *report.Table {
	out := &report.Table{Columns: []report.Column{{Key: "snr", Title: "SNR dB"}, {Key: "system", Title: "system"}}}
	for _, m := range metrics {
		out.Columns = append(out.Columns, report.Column{Key: m.name, Title: m.name}, report.Column{Key: m.name + "_paper", Title: "paper", Decimals: 2})
	}
	for _, snr := range r.ratios() {
		for _, name := range r.systems() {
			row := []any{ratioName(snr), name}
			for i, m := range metrics {
				row = append(row, selection{r, t, "", snr}.interval(name, m).String(), optional(publishedFor(t, name, snr, i)))
			}
			out.Add(row...)
		}
	}
	return out
}

// rounding is a ratio in dB beyond which there is nothing but rounding: the
// artefacts of an unprocessed mixture.
const rounding = 100

// String writes the interval as tables show it.
func (i Interval) String() string {
	if math.Abs(i.Mean) > rounding {
		return "-"
	}
	if math.IsNaN(i.Half) {
		return fmt.Sprintf("%.2f", i.Mean)
	}
	return fmt.Sprintf("%.2f ± %.2f", i.Mean, i.Half)
}

// optional is a cell that stays empty where there is no value.
func optional(x float64) any {
	if math.IsNaN(x) {
		return nil
	}
	return x
}

// perNoise returns the average over ratios by noise.
func (r *SpeechResults) perNoise() *report.Table {
	out := &report.Table{Columns: []report.Column{{Key: "trained_on", Title: "trained on"}, {Key: "noise", Title: "noise"}, {Key: "system", Title: "system"}}}
	for _, m := range metrics {
		out.Columns = append(out.Columns, report.Column{Key: m.name, Title: m.name})
	}
	for _, t := range r.tables() {
		for _, noise := range r.Config.Noises {
			for _, name := range r.systems() {
				on := "it alone"
				if t == pooled {
					on = "all noises"
				}
				row := []any{on, noise, name}
				for _, m := range metrics {
					row = append(row, selection{r, t, noise, allRatios}.interval(name, m).String())
				}
				out.Add(row...)
			}
		}
	}
	return out
}

// differences returns how far VAE-NMF is ahead of the other systems.
func (r *SpeechResults) differences() *report.Table {
	out := &report.Table{Columns: []report.Column{{Key: "table", Title: "table"}, {Key: "against", Title: VAENMF + " against"}}}
	for _, m := range metrics {
		out.Columns = append(out.Columns,
			report.Column{Key: m.name + "_seeds", Title: m.name + " (seeds)"},
			report.Column{Key: m.name + "_utterances", Title: m.name + " (utterances)"})
	}
	for _, t := range r.tables() {
		for _, name := range r.systems() {
			if name == VAENMF {
				continue
			}
			row := []any{int(t), name}
			for _, m := range metrics {
				s := selection{r, t, "", allRatios}
				row = append(row, s.difference(VAENMF, name, m, bySeed).signed(), s.difference(VAENMF, name, m, byUtterance).signed())
			}
			out.Add(row...)
		}
	}
	return out
}

func (i Interval) signed() string {
	if i.Mean < 0 || i.Mean > rounding {
		return i.String()
	}
	return "+" + i.String()
}

// measurements returns every score.
func (r *SpeechResults) measurements() *report.Table {
	t := &report.Table{}
	for _, key := range []string{"condition", "seed", "system", "noise", "snr", "utterance", "sdr", "sir", "sar", "pesq", "pesq_lqo", "si_sdr"} {
		t.Columns = append(t.Columns, report.Column{Key: key, Decimals: 2})
	}
	for _, m := range r.Measurements {
		t.Add(m.Condition, int(m.Seed), m.System, m.Noise, m.SNR, m.Utterance, m.SDR, m.SIR, m.SAR, m.PESQ, m.LQO, m.SISDR)
	}
	return t
}

// Warning is what every presentation of the speech results begins with.
const Warning = "The columns headed \"paper\" are the figures of arXiv 2301.07272, measured on all of TIMIT and NOISEX-92 with settings that its text does not give. " +
	"They stand here for orientation: results on other data are not comparable with them."

// WriteMarkdown writes all tables.
func (r *SpeechResults) WriteMarkdown(w io.Writer) error {
	p := &printer{w: w}
	p.printf("# The speech experiment\n\n%s\n\n", Warning)
	if r.Part != Test.String() {
		p.printf("These scores are of the %s part of the training material, on which choices are made.\n\n", r.Part)
	}
	p.printf("Trained on %d speakers, %.0f s of speech; scored on %d others, %d utterances x %d noises x %d ratios. %d seeds; ± is half the 95 %% interval over seeds. PESQ is narrow-band, raw (P.862).\n\n",
		r.speakers[0], r.seconds[0], r.speakers[1], r.utterances(), len(r.Config.Noises), len(r.Config.SNRs), len(r.Config.Seeds))
	titles := map[table]string{separate: "Table 1: trained on each noise by itself", pooled: "Table 2: trained on all noises together"}
	for _, t := range r.tables() {
		p.printf("## %s\n\nSDR/SIR/SAR in dB, PESQ:\n\n", titles[t])
		p.table(r.compact(t))
		p.printf("\nWith intervals, the paper's figures beside ours:\n\n")
		p.table(r.beside(t))
		p.printf("\n")
	}
	if slices.Contains(r.systems(), VAENMF) {
		p.printf("## VAE-NMF against the others, on the same mixtures\n\nMean differences over all ratios, with 95 %% intervals over seeds, and over test utterances:\n\n")
		p.table(r.differences())
		p.printf("\n")
	}
	p.printf("## By noise, mean over all ratios\n\n")
	p.table(r.perNoise())
	return p.err
}

func (r *SpeechResults) utterances() int {
	seen := map[string]bool{}
	for i := range r.Measurements {
		seen[r.Measurements[i].Utterance] = true
	}
	return len(seen)
}

// printer keeps the first error of a series of writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) table(t *report.Table) {
	if p.err == nil {
		p.err = t.Write(p.w, report.Markdown)
	}
}

// WriteCSV writes every score, a row per system and mixture.
func (r *SpeechResults) WriteCSV(w io.Writer) error { return r.measurements().Write(w, report.CSV) }

// WriteJSON writes every score with the configuration.
func (r *SpeechResults) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}
