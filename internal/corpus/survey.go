package corpus

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Survey describes many mixtures by numbers: what one would listen for in a few of them.
type Survey struct {
	// Mixtures is their number; NoiseOnly and Clean count those without speech and those without noise.
	Mixtures, NoiseOnly, Clean int
	// SNR, Level, Active and Peak hold, in ascending order, the SNR in dB and the level in dBFS of mixtures with both speech and
	// noise, the share of active frames in mixtures with speech, and the largest sample of all noisy signals.
	SNR, Level, Active, Peak []float64
	// Sources counts the uses of every kind of source: speech by corpus, recorded noise by corpus, synthetic noise by kind.
	Sources map[string]int
}

// NewSurvey makes mixtures 0..n-1 of a mixer, on all cores, and describes them.
func NewSurvey(ctx context.Context, x *Mixer, n int) (*Survey, error) {
	type row struct {
		snr, level, active, peak float64
		sources                  []string
	}
	rows := make([]row, n)
	mixtures := make(chan *Mixture, n)
	err := parallel(ctx, n, func(i int) error {
		var m *Mixture
		select {
		case m = <-mixtures:
		default:
			m = &Mixture{}
		}
		x.Mix(uint64(i), m)
		frames := framePowers(nil, m.Clean)
		rows[i] = row{m.SNR, m.LevelDB, activeShare(frames), float64(largest(m.Noisy)), slices.Clone(m.Sources)}
		mixtures <- m
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := &Survey{Mixtures: n, Sources: map[string]int{}}
	for _, r := range rows {
		switch {
		case math.IsInf(r.snr, -1):
			s.NoiseOnly++
		case math.IsInf(r.snr, 1):
			s.Clean++
			s.Active = append(s.Active, r.active)
		default:
			s.SNR, s.Level, s.Active = append(s.SNR, r.snr), append(s.Level, r.level), append(s.Active, r.active)
		}
		s.Peak = append(s.Peak, r.peak)
		for _, name := range r.sources {
			kind, _, _ := strings.Cut(name, fieldSeparator)
			s.Sources[kind]++
		}
	}
	for _, v := range [][]float64{s.SNR, s.Level, s.Active, s.Peak} {
		slices.Sort(v)
	}
	return s, nil
}

// activeShare is the share of frames with speech.
func activeShare(frames []float32) float64 {
	threshold := activePower(frames) * activeMargin
	active := 0
	for _, p := range frames {
		if p > threshold {
			active++
		}
	}
	return float64(active) / float64(max(len(frames), 1))
}

// String is a table of percentiles and the counts.
func (s *Survey) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d mixtures, %d without speech, %d without noise\n", s.Mixtures, s.NoiseOnly, s.Clean)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmin\t10%\t25%\t50%\t75%\t90%\tmax\tmean\t")
	for _, v := range []struct {
		name   string
		values []float64
	}{{"SNR (dB)", s.SNR}, {"level (dBFS)", s.Level}, {"active share", s.Active}, {"peak", s.Peak}} {
		fmt.Fprintf(w, "%s\t", v.name)
		var sum float64
		for _, x := range v.values {
			sum += x
		}
		if len(v.values) > 0 {
			for _, p := range []float64{0, 0.1, 0.25, 0.5, 0.75, 0.9, 1} {
				fmt.Fprintf(w, "%.2f\t", v.values[int(p*float64(len(v.values)-1))])
			}
			fmt.Fprintf(w, "%.2f\t", sum/float64(len(v.values)))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // into a buffer: it cannot fail
	kinds := make([]string, 0, len(s.Sources))
	for k := range s.Sources {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		fmt.Fprintf(&b, "%s %d  ", k, s.Sources[k])
	}
	return strings.TrimSpace(b.String()) + "\n"
}
