package corpus

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Quality is what Screen judges a recording of speech by.
type Quality struct {
	// Range is the distance in dB between loud and quiet frames of 20 ms (their 95th and 5th percentile): how far the speech stands
	// above the noise of its room, heard from voiceBand upwards. Frames of digital silence do not count. It is 0 for silence.
	Range float64
	// HighBand is the energy above 6 kHz in the active frames, in dB relative to that above voiceBand.
	HighBand float64
	// Clipped is the share of samples at full scale.
	Clipped float64
}

// Thresholds say which speech is good enough to be a target.
type Thresholds struct {
	// MinRange is the least Range in dB.
	MinRange float64
	// MinHighBand is the least HighBand in dB.
	MinHighBand float64
	// MaxClipped is the largest share of clipped samples.
	MaxClipped float64
	// MinSeconds is the least length.
	MinSeconds float64
}

// DefaultThresholds were chosen by looking at the histograms of the training corpora. Of LibriSpeech, speechocean762, Picovoice
// and VCTK (352 minutes) they keep 87 %: 39 of 44, 182 of 214, 81 of 89 and 4.5 of 4.8 minutes. Range: the bulk lies at 35..45 dB
// and thins out below; 32 drops 4 % of the clips. HighBand: the bulk lies at -20..-32 dB, band-limited recordings form a bump at
// -64, and the 70 LibriSpeech utterances kept for validation and measurement all lie above -33. Nothing is clipped.
func DefaultThresholds() Thresholds {
	return Thresholds{
		MinRange:    32,
		MinHighBand: -40,
		MaxClipped:  1e-3,
		MinSeconds:  0.5,
	}
}

// voiceBand is where voices begin, in Hz: the lowest fundamentals of men. Rumble below it belongs to many a good recording (a
// fourth of LibriSpeech's have more than a hundredth of their energy there) and says nothing about a room's noise.
const voiceBand = 80

// Measure judges a clip.
func Measure(c *Clip) Quality {
	x := make([]float32, 0, len(c.Samples))
	for _, v := range c.Samples {
		x = append(x, float32(v))
	}
	var q Quality
	if len(x) < levelFrame {
		q.HighBand = math.Inf(-1)
		return q
	}
	for _, v := range c.Samples {
		if v >= math.MaxInt16-1 || v <= math.MinInt16+2 {
			q.Clipped++
		}
	}
	q.Clipped /= float64(len(x))
	filter3(x, butterworth6(highPass, voiceBand))
	all := framePowers(nil, x)
	q.Range = levelRange(all)
	filter3(x, butterworth6(highPass, 6000))
	high := framePowers(nil, x)
	threshold := activePower(all) * activeMargin
	var whole, above float64
	for i, p := range all {
		if p > threshold {
			whole += float64(p)
			above += float64(high[i])
		}
	}
	q.HighBand = decibels(above / max(whole, 1e-30))
	return q
}

// levelRange is the distance in dB between the 95th and the 5th percentile of the frame powers above digital silence.
func levelRange(powers []float32) float64 {
	const silence = trimLevel * trimLevel / 4.0
	audible := slices.DeleteFunc(slices.Clone(powers), func(p float32) bool { return p < silence })
	if len(audible) == 0 {
		return 0
	}
	slices.Sort(audible)
	n := float64(len(audible) - 1)
	return decibels(float64(audible[int(0.95*n)])) - decibels(float64(audible[int(0.05*n)]))
}

// reject names the first threshold that a clip misses, or is empty.
func (t *Thresholds) reject(c *Clip, q Quality) string {
	switch {
	case c.Seconds() < t.MinSeconds:
		return rejectShort
	case q.Range < t.MinRange:
		return rejectNoisy
	case !(q.HighBand >= t.MinHighBand): // Written so that NaN is rejected.
		return rejectDull
	case q.Clipped > t.MaxClipped:
		return rejectClipped
	}
	return ""
}

// Reasons for a rejection, and columns of the report.
const (
	rejectShort   = "short"
	rejectNoisy   = "noisy"
	rejectDull    = "dull"
	rejectClipped = "clipped"
)

// ScreenReport says what a screening kept.
type ScreenReport struct {
	// Corpora are the counts per corpus, sorted by name; the last entry is the total.
	Corpora []ScreenCount
	// Quality holds the measures of every clip of the set, in its order.
	Quality []Quality
}

// ScreenCount is one line of a ScreenReport.
type ScreenCount struct {
	Corpus               string
	Clips, Kept          int
	Seconds, KeptSeconds float64
	// Rejected counts the clips that were too short, too noisy, too dull or clipped, by that name.
	Rejected map[string]int
}

// Screen returns the clips that meet the thresholds and a report. Samples are shared with s.
func Screen(s *Set, t Thresholds) (*Set, *ScreenReport) {
	r := &ScreenReport{Quality: make([]Quality, len(s.Clips))}
	// The context never ends and measuring never fails, so there is no error to handle.
	_ = parallel(context.Background(), len(s.Clips), func(i int) error {
		r.Quality[i] = Measure(&s.Clips[i])
		return nil
	})
	kept := &Set{}
	counts := map[string]*ScreenCount{}
	total := &ScreenCount{Corpus: "total", Rejected: map[string]int{}}
	for i := range s.Clips {
		c := &s.Clips[i]
		n := counts[c.Corpus()]
		if n == nil {
			n = &ScreenCount{Corpus: c.Corpus(), Rejected: map[string]int{}}
			counts[c.Corpus()] = n
		}
		why := t.reject(c, r.Quality[i])
		n.add(c, why)
		total.add(c, why)
		if why == "" {
			kept.Clips = append(kept.Clips, *c)
		}
	}
	for _, n := range counts {
		r.Corpora = append(r.Corpora, *n)
	}
	slices.SortFunc(r.Corpora, func(a, b ScreenCount) int { return strings.Compare(a.Corpus, b.Corpus) })
	r.Corpora = append(r.Corpora, *total)
	return kept, r
}

func (n *ScreenCount) add(c *Clip, why string) {
	n.Clips++
	n.Seconds += c.Seconds()
	if why != "" {
		n.Rejected[why]++
		return
	}
	n.Kept++
	n.KeptSeconds += c.Seconds()
}

// String is a table with one line per corpus.
func (r *ScreenReport) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "corpus\tclips\tkept\tminutes\tkept\tshort\tnoisy\tdull\tclipped\t")
	for _, n := range r.Corpora {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.1f\t%d\t%d\t%d\t%d\t\n", n.Corpus, n.Clips, n.Kept, n.Seconds/60, n.KeptSeconds/60,
			n.Rejected[rejectShort], n.Rejected[rejectNoisy], n.Rejected[rejectDull], n.Rejected[rejectClipped])
	}
	_ = w.Flush() // into a buffer: it cannot fail
	return b.String()
}
