package paper

import (
	"image"
	"math"
	"slices"

	"sotto/internal/report"
)

// Comparison draws the means of all systems by signal-to-noise ratio, with
// intervals over seeds: SDR and PESQ of both tables.
func (r *SpeechResults) Comparison() (image.Image, error) {
	var charts []report.Chart
	for _, t := range r.tables() {
		for _, m := range []metric{metrics[0], metrics[3]} {
			charts = append(charts, r.chart(t, m))
		}
	}
	return report.Bars(charts...)
}

func (r *SpeechResults) chart(t table, m metric) report.Chart {
	c := report.Chart{X: "input SNR in dB", Y: m.name}
	if m.name != "PESQ" {
		c.Y += " in dB"
	}
	c.Title = map[table]string{separate: "trained on each noise by itself", pooled: "trained on all noises together"}[t]
	for _, snr := range r.ratios() {
		c.Labels = append(c.Labels, ratioName(snr))
	}
	for _, name := range r.systems() {
		s := report.Series{Name: name}
		for _, snr := range r.ratios() {
			i := selection{r, t, "", snr}.interval(name, m)
			s.Y, s.Error = append(s.Y, i.Mean), append(s.Error, i.Half)
			if math.IsNaN(i.Half) {
				s.Error[len(s.Error)-1] = 0
			}
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// Conditions returns what systems were trained under: the noises, and all of
// them together.
func (r *SpeechResults) Conditions() []string { return r.Config.conditions() }

// Dictionaries draws the dictionaries of the first seed by NMF and VAE-NMF: in
// dB relative to each atom's peak, atoms sorted by their centre of gravity.
func (r *SpeechResults) Dictionaries(condition string) (image.Image, error) {
	var m []report.Matrix
	for _, method := range []method{plain, variational} {
		p := r.dictionaries[condition+" "+string(method)]
		m = append(m, picture("speech, "+string(method), p.speech.W, p.speech.Bins, p.speech.Rank),
			picture(condition+", "+string(method), p.noise.W, p.noise.Bins, p.noise.Rank))
	}
	return report.Heatmaps("dB", m...)
}

// lowest is where the pictures' scale ends.
const lowest = -50

func picture(title string, w []float32, bins, rank int) report.Matrix {
	type atom struct{ index, centre, peak float64 }
	atoms := make([]atom, rank)
	for k := range rank {
		sum, moment, peak := 0.0, 0.0, 1e-30
		for i := range bins {
			v := float64(w[i*rank+k])
			sum += v
			moment += v * float64(i)
			peak = max(peak, v)
		}
		atoms[k] = atom{float64(k), moment / max(sum, 1e-30), peak}
	}
	slices.SortFunc(atoms, func(a, b atom) int {
		if a.centre < b.centre {
			return -1
		}
		return 1
	})
	m := report.Matrix{Title: title, X: "atom", Y: "kHz", Rows: bins, Cols: rank, Values: make([]float64, bins*rank), Top: sampleRate / 2000}
	for k, a := range atoms {
		for i := range bins {
			m.Values[i*rank+k] = max(lowest, 20*math.Log10(max(float64(w[i*rank+int(a.index)])/a.peak, 1e-9)))
		}
	}
	return m
}
