package paper

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a mean with half the width of its 95 % confidence interval, which
// is NaN for a single value.
type Interval struct{ Mean, Half float64 }

// confidence is the level of all intervals.
const confidence = 0.95

// interval returns the mean of independent values with Student's interval.
func interval(x []float64) Interval {
	n := float64(len(x))
	mean, sd := stat.MeanStdDev(x, nil)
	if len(x) < 2 {
		return Interval{mean, math.NaN()}
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile((1 + confidence) / 2)
	return Interval{mean, t * sd / math.Sqrt(n)}
}

// metric is one column of the paper's tables.
type metric struct {
	name  string
	value func(*Score) float64
}

var metrics = []metric{
	{"SDR", func(s *Score) float64 { return s.SDR }},
	{"SIR", func(s *Score) float64 { return s.SIR }},
	{"SAR", func(s *Score) float64 { return s.SAR }},
	{"PESQ", func(s *Score) float64 { return s.PESQ }},
}

// table is one of the paper's tables.
type table int

const (
	separate table = 1 + iota // trained on every noise by itself
	pooled                    // trained on all noises together
)

// has reports whether a measurement belongs to the table.
func (t table) has(m *Measurement) bool { return (t == pooled) == (m.Condition == Pooled) }

// allRatios stands for the average over signal-to-noise ratios.
const allRatios = math.MaxFloat64

// selection are measurements of one table.
type selection struct {
	results *SpeechResults
	table   table
	noise   string  // empty: all
	snr     float64 // allRatios: all
}

// means returns the means of a system by group.
func (s selection) means(system string, m metric, group func(*Measurement) string) map[string]float64 {
	sum, n := map[string]float64{}, map[string]float64{}
	for i := range s.results.Measurements {
		x := &s.results.Measurements[i]
		if x.System != system || !s.table.has(x) || (s.noise != "" && s.noise != x.Noise) || (s.snr != allRatios && s.snr != x.SNR) {
			continue
		}
		g := group(x)
		sum[g] += m.value(&x.Score)
		n[g]++
	}
	for g := range sum {
		sum[g] /= n[g]
	}
	return sum
}

func bySeed(m *Measurement) string      { return strconv.FormatUint(m.Seed, 10) }
func byUtterance(m *Measurement) string { return m.Utterance }

// interval is over seeds.
func (s selection) interval(system string, m metric) Interval {
	return interval(valuesOf(s.means(system, m, bySeed)))
}

func valuesOf(m map[string]float64) []float64 {
	var v []float64
	for _, x := range m {
		v = append(v, x)
	}
	slices.Sort(v) // so that sums do not depend on the order of a map.
	return v
}

// difference is over the groups of mixtures: how much better one system is
// than another on the same ones.
func (s selection) difference(system, other string, m metric, group func(*Measurement) string) Interval {
	a, b := s.means(system, m, group), s.means(other, m, group)
	var d []float64
	for g, x := range a {
		if y, ok := b[g]; ok {
			d = append(d, x-y)
		}
	}
	return interval(d)
}

// figures of a system in the paper: SDR, SIR, SAR and PESQ by ratio, in the
// order of published.snrs, then their averages as printed.
type figures [5][4]float64

// published are the tables of arXiv 2301.07272, by our names of its systems:
// RNN stands for the column that it calls DNN.
var published = struct {
	snrs   []float64
	tables map[table]map[string]figures
}{
	snrs: []float64{-5, 0, 5, 10, allRatios},
	tables: map[table]map[string]figures{
		separate: {
			NMF:       {{2.90, 5.65, 8.62, 1.98}, {7.15, 10.17, 11.56, 2.33}, {11.14, 15.38, 13.63, 2.72}, {14.25, 19.62, 15.82, 2.96}, {8.86, 12.71, 12.41, 2.50}},
			DNMF:      {{4.62, 8.56, 8.85, 2.03}, {8.28, 11.66, 12.15, 2.42}, {11.87, 15.55, 14.92, 2.73}, {15.08, 18.82, 17.99, 2.99}, {9.96, 13.65, 13.48, 2.54}},
			Recurrent: {{5.83, 10.49, 8.41, 2.03}, {9.68, 13.92, 12.31, 2.56}, {13.12, 17.45, 15.41, 2.84}, {16.76, 19.14, 19.30, 3.21}, {11.34, 15.25, 13.86, 2.66}},
			VAENMF:    {{5.85, 10.61, 8.57, 2.05}, {9.73, 13.96, 12.40, 2.42}, {13.37, 17.52, 15.48, 2.85}, {16.94, 19.57, 19.36, 3.16}, {11.47, 15.42, 13.95, 2.62}},
		},
		pooled: {
			NMF:       {{1.95, 5.36, 7.10, 1.89}, {6.02, 9.91, 9.87, 2.13}, {9.64, 14.90, 11.93, 2.52}, {12.39, 19.37, 13.82, 2.85}, {7.50, 12.39, 10.68, 2.35}},
			DNMF:      {{3.94, 7.46, 8.74, 1.96}, {7.72, 11.01, 11.83, 2.32}, {11.35, 14.86, 14.65, 2.62}, {14.60, 18.45, 17.32, 2.93}, {9.40, 12.95, 13.14, 2.46}},
			Recurrent: {{5.45, 9.57, 7.52, 2.12}, {9.47, 13.40, 12.21, 2.52}, {13.23, 17.16, 15.07, 2.81}, {16.84, 20.63, 18.39, 3.04}, {11.25, 15.19, 13.30, 2.62}},
			VAENMF:    {{5.73, 11.71, 7.80, 2.00}, {9.65, 14.32, 11.66, 2.42}, {13.27, 18.16, 15.15, 2.83}, {16.82, 21.41, 18.21, 3.12}, {11.37, 16.40, 13.21, 2.59}},
		},
	},
}

// publishedFor returns the paper's figure, NaN where it has none.
func publishedFor(t table, system string, snr float64, m int) float64 {
	f, ok := published.tables[t][system]
	for i, x := range published.snrs {
		if ok && x == snr {
			return f[i][m]
		}
	}
	return math.NaN()
}
