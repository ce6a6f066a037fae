package main

import (
	"math"
	"slices"
	"strings"

	"sotto/internal/metrics/bsseval"
	"sotto/internal/metrics/composite"
	"sotto/internal/metrics/pesq"
	"sotto/internal/metrics/segmental"
	"sotto/internal/metrics/sisdr"
	"sotto/internal/metrics/stoi"
	"sotto/internal/report"
	"sotto/internal/resample"
)

// scoreRate is the rate in hertz at which everything is scored: that of wide-band
// PESQ, and of published figures.
const scoreRate = 16000

// atScoreRate resamples a recording for scoring.
func atScoreRate(x []float32, rate int) []float32 { return resample.Convert(x, rate, scoreRate) }

// reference is what an estimate is compared with, at scoreRate.
type reference struct {
	clean []float32
	noise []float32 // nil where it is not known
}

// score measures an estimate as long as the reference it was prepared for.
type score func(est []float32) ([]float64, error)

// metric is one or several scores that are computed together.
type metric struct {
	columns []report.Column
	// prepare does once what all estimates of one reference share.
	prepare func(r reference) (score, error)
}

// defaultMetrics are the scores that papers report.
const defaultMetrics = "pesq_wb,stoi,estoi,si_sdr,sdr"

// metrics returns everything that can be measured. The keys are those of
// published tables, and of every JSON that this program writes.
func metrics() []metric {
	one := func(key, title string, decimals int, f func(ref, est []float32) (float64, error)) metric {
		return metric{
			columns: []report.Column{{Key: key, Title: title, Decimals: decimals}},
			prepare: func(r reference) (score, error) {
				return func(est []float32) ([]float64, error) {
					v, err := f(r.clean, est)
					return []float64{v}, err
				}, nil
			},
		}
	}
	at := func(f func(ref, est []float32, rate int) (float64, error)) func(ref, est []float32) (float64, error) {
		return func(ref, est []float32) (float64, error) { return f(ref, est, scoreRate) }
	}
	return []metric{
		one("pesq_wb", "PESQ-WB", 2, at(pesq.WideBand)),
		one("pesq_nb", "PESQ-NB", 2, func(ref, est []float32) (float64, error) {
			_, lqo, err := pesq.NarrowBand(ref, est, scoreRate)
			return lqo, err
		}),
		{
			columns: []report.Column{{Key: "stoi", Title: "STOI", Decimals: 3}, {Key: "estoi", Title: "ESTOI", Decimals: 3}},
			prepare: func(r reference) (score, error) {
				return func(est []float32) ([]float64, error) {
					s, err := stoi.Score(r.clean, est, scoreRate)
					return []float64{s.STOI, s.ESTOI}, err
				}, nil
			},
		},
		one("si_sdr", "SI-SDR dB", 2, sisdr.Score),
		{
			columns: []report.Column{{Key: "sdr", Title: "SDR dB", Decimals: 2}},
			prepare: func(r reference) (score, error) {
				return sources(func(s bsseval.Result) []float64 { return []float64{s.SDR} }, r.clean)
			},
		},
		{
			columns: []report.Column{{Key: "sir", Title: "SIR dB", Decimals: 2}, {Key: "sar", Title: "SAR dB", Decimals: 2}},
			prepare: func(r reference) (score, error) {
				if r.noise == nil {
					return func([]float32) ([]float64, error) { return []float64{math.NaN(), math.NaN()}, nil }, nil
				}
				return sources(func(s bsseval.Result) []float64 { return []float64{s.SIR, s.SAR} }, r.clean, r.noise)
			},
		},
		{
			columns: []report.Column{
				{Key: "csig", Title: "CSIG", Decimals: 2}, {Key: "cbak", Title: "CBAK", Decimals: 2}, {Key: "covl", Title: "COVL", Decimals: 2},
			},
			prepare: func(r reference) (score, error) {
				return func(est []float32) ([]float64, error) { return opinions(r.clean, est) }, nil
			},
		},
		one("seg_snr", "segSNR dB", 2, at(segmental.SNR)),
		one("lsd", "LSD dB", 2, at(segmental.LSD)),
		one("llr", "LLR", 3, at(segmental.LLR)),
		one("wss", "WSS", 2, at(segmental.WSS)),
	}
}

// opinions predicts the three ratings of a listening test.
func opinions(ref, est []float32) ([]float64, error) {
	q, err := pesq.WideBand(ref, est, scoreRate)
	if err != nil {
		return nil, err
	}
	c, err := composite.Score(ref, est, scoreRate, q)
	return []float64{c.CSIG, c.CBAK, c.COVL}, err
}

// sources prepares BSS Eval for the given sources, the voice first.
func sources(pick func(bsseval.Result) []float64, refs ...[]float32) (score, error) {
	s, err := bsseval.NewScorer(refs)
	if err != nil {
		return nil, err
	}
	return func(est []float32) ([]float64, error) {
		r, err := s.Score(est)
		return pick(r), err
	}, nil
}

// meter computes a choice of scores.
type meter struct {
	columns []report.Column
	metrics []metric
	// place[i][j] is the column of score j of metric i, or -1.
	place [][]int
}

// newMeter returns a meter of the comma-separated keys, in their order.
func newMeter(keys string) (*meter, error) {
	all := metrics()
	if keys == "all" {
		var every []string
		for _, m := range all {
			for _, c := range m.columns {
				every = append(every, c.Key)
			}
		}
		keys = strings.Join(every, ",")
	}
	m := &meter{}
	wanted := strings.Split(keys, ",")
	found := 0
	m.columns = make([]report.Column, len(wanted))
	for _, candidate := range all {
		place := make([]int, len(candidate.columns))
		used := false
		for j, c := range candidate.columns {
			place[j] = slices.Index(wanted, c.Key)
			if place[j] >= 0 {
				m.columns[place[j]] = c
				found++
				used = true
			}
		}
		if used {
			m.metrics, m.place = append(m.metrics, candidate), append(m.place, place)
		}
	}
	if found != len(wanted) {
		return nil, usagef("--metrics is %q, expected different ones of %s, or all", keys, strings.Join(metricKeys(), ", "))
	}
	return m, nil
}

// metricKeys returns what --metrics understands.
func metricKeys() []string {
	var keys []string
	for _, m := range metrics() {
		for _, c := range m.columns {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// measure scores estimates of one reference: a row of values per estimate. A
// score that cannot be had is NaN; why is in problems.
func (m *meter) measure(r reference, ests ...[]float32) (rows [][]float64, problems []error) {
	rows = make([][]float64, len(ests))
	for i := range rows {
		rows[i] = make([]float64, len(m.columns))
		for j := range rows[i] {
			rows[i][j] = math.NaN()
		}
	}
	for n, metric := range m.metrics {
		score, err := metric.prepare(r)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for i, est := range ests {
			values, err := score(est)
			if err != nil {
				problems = append(problems, err)
				continue
			}
			for j, at := range m.place[n] {
				if at >= 0 {
					rows[i][at] = values[j]
				}
			}
		}
	}
	return rows, problems
}
