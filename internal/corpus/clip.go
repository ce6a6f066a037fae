package corpus

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// SampleRate is the rate in Hz of every clip and mixture.
const SampleRate = 16000

// Clip is one recording.
type Clip struct {
	// Path is where the file was read from.
	Path string
	// Root is the folder that was being loaded; Path lies below it.
	Root string
	// Speaker identifies the talker across folders ("corpus__speaker"), or, for a recording without one, the file itself.
	Speaker string
	// Name is the file's base name without its extension.
	Name string
	// Class is what sounds in a noise clip ("rain"); for speech it is the speaker's name within the corpus.
	Class string
	// Samples is the signal at SampleRate; full scale is 32768.
	Samples []int16
}

// Seconds is the length of the clip.
func (c *Clip) Seconds() float64 { return float64(len(c.Samples)) / SampleRate }

// Corpus is the first field of a name of the form corpus__class__clip, or the class of any other clip.
func (c *Clip) Corpus() string {
	if name, _, ok := strings.Cut(c.Name, fieldSeparator); ok {
		return name
	}
	return c.Class
}

// Source identifies the recording that a clip was cut from: ESC-50 marks the cuts of one recording with a trailing letter
// (2-37806-A, 2-37806-B), and clips that share a source sound alike.
func (c *Clip) Source() string {
	if n := len(c.Name); n > 2 && c.Name[n-2] == '-' && c.Name[n-1] >= 'A' && c.Name[n-1] <= 'Z' {
		return c.Name[:n-2]
	}
	return c.Name
}

// Set is a collection of clips.
type Set struct {
	Clips []Clip
}

// Seconds is the length of all clips together.
func (s *Set) Seconds() float64 {
	var sum float64
	for i := range s.Clips {
		sum += s.Clips[i].Seconds()
	}
	return sum
}

// Speakers returns the sorted names of all speakers.
func (s *Set) Speakers() []string {
	names := make([]string, 0, len(s.Clips))
	for i := range s.Clips {
		names = append(names, s.Clips[i].Speaker)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Filter returns the clips for which keep is true. Samples are shared with s.
func (s *Set) Filter(keep func(*Clip) bool) *Set {
	out := &Set{}
	for i := range s.Clips {
		if keep(&s.Clips[i]) {
			out.Clips = append(out.Clips, s.Clips[i])
		}
	}
	return out
}

// Join returns one set with the clips of all, in a fixed order. Samples are shared.
func Join(sets ...*Set) *Set {
	out := &Set{}
	for _, s := range sets {
		out.Clips = append(out.Clips, s.Clips...)
	}
	out.sort()
	return out
}

// sort puts the clips in an order that does not depend on how they were loaded.
func (s *Set) sort() {
	slices.SortStableFunc(s.Clips, func(a, b Clip) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Path, b.Path))
	})
}

// Floats appends the samples of the clip, as fractions of full scale, to dst[:0].
func (c *Clip) Floats(dst []float32) []float32 {
	dst = slices.Grow(dst[:0], len(c.Samples))[:len(c.Samples)]
	for i, v := range c.Samples {
		dst[i] = float32(v) * (1.0 / 32768)
	}
	return dst
}

// quantise rounds a signal to 16 bits, limiting what lies beyond full scale.
func quantise(x []float32) []int16 {
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = int16(math.RoundToEven(min(max(float64(v)*32768, math.MinInt16), math.MaxInt16)))
	}
	return out
}
