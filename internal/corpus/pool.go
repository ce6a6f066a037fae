package corpus

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// tune is a clip as the mixer plays it: without the digital silence at its ends, with the factor that brings it to level one.
type tune struct {
	name    string
	samples []int16
	gain    float32
}

// minTune is the shortest clip that is played, 0.1 s.
const minTune = SampleRate / 10

// pool is what the mixer draws clips from. Clips are grouped by speaker (speech) or stand alone (noise).
type pool struct {
	groups [][]tune
	// cumulative[g] is the weight of groups 0..g. The weight of a group is the square root of its length: longer groups have more
	// to give, but do not drown the others.
	cumulative []float64
}

// role says how a pool treats its clips.
type role struct {
	// key names the group of a clip.
	key func(*Clip) string
	// level measures the power that a clip is brought to one by.
	level func(frames []float32) float32
	// margin is how far, as a ratio of powers, a frame may lie below the level at the ends of a clip; quieter ends are cut.
	margin float32
	// weight is how often clips of a corpus are drawn against those of others; absent means 1.
	weight map[string]float64
}

// asSpeech groups clips by speaker and cuts the silence around utterances (a fourth of speechocean762, two thirds of the Picovoice
// commands): pauses are the mixer's to make.
func asSpeech(weight map[string]float64) role {
	return role{func(c *Clip) string { return c.Speaker }, activePower, activeMargin / 10, weight}
}

// asNoise keeps each clip apart and whole.
func asNoise(weight map[string]float64) role {
	return role{func(c *Clip) string { return c.Path + "\x00" + c.Name }, meanPower, 0, weight}
}

// checkWeights returns an error if a weight is for a corpus that no clip is of.
func checkWeights(what string, s *Set, weight map[string]float64) error {
	for _, name := range slices.Sorted(maps.Keys(weight)) {
		if !slices.ContainsFunc(s.Clips, func(c Clip) bool { return c.Corpus() == name }) {
			return fmt.Errorf("corpus: weight for %s of %s, which no clip is of: expected the first field of a clip's name", what, name)
		}
	}
	return nil
}

// newPool prepares the clips of a set. Silent clips, and those of weight zero, are left out.
func newPool(s *Set, r role) *pool {
	tunes := make([]tune, len(s.Clips))
	// The context never ends and the work never fails, so there is no error to handle.
	_ = parallel(context.Background(), len(s.Clips), func(i int) error {
		tunes[i] = newTune(&s.Clips[i], r)
		return nil
	})
	p := &pool{}
	index := map[string]int{}
	var lengths, weights []float64
	for i := range tunes {
		c := &s.Clips[i]
		weight, ok := r.weight[c.Corpus()]
		if !ok {
			weight = 1
		}
		if tunes[i].gain == 0 || weight <= 0 {
			continue
		}
		k := r.key(c)
		g, ok := index[k]
		if !ok {
			g = len(p.groups)
			index[k] = g
			p.groups, lengths, weights = append(p.groups, nil), append(lengths, 0), append(weights, weight)
		}
		p.groups[g] = append(p.groups[g], tunes[i])
		lengths[g] += float64(len(tunes[i].samples))
	}
	var sum float64
	for g, n := range lengths {
		sum += weights[g] * math.Sqrt(n)
		p.cumulative = append(p.cumulative, sum)
	}
	return p
}

// newTune trims and measures a clip; its gain is 0 when there is nothing to play.
func newTune(c *Clip, r role) tune {
	t := tune{name: c.Name, samples: trim(c.Samples)}
	if len(t.samples) < minTune {
		return t
	}
	frames := make([]float32, 0, len(t.samples)/levelFrame)
	buf := make([]float32, levelFrame)
	for x := t.samples; len(x) >= levelFrame; x = x[levelFrame:] {
		for i, v := range x[:levelFrame] {
			buf[i] = float32(v)
		}
		frames = append(frames, power(buf))
	}
	p := r.level(frames)
	if p > 1 { // A mean below one step of 16 bits is no sound.
		t.gain = float32(1 / math.Sqrt(float64(p)))
		t.samples = cutEnds(t.samples, frames, p*r.margin)
	}
	return t
}

// cutEnds cuts the frames at both ends whose power is below a threshold, but leaves 0.1 s of them before and 0.2 s after.
func cutEnds(x []int16, frames []float32, threshold float32) []int16 {
	const before, after = 5, 10
	loud := func(p float32) bool { return p >= threshold }
	first, last := slices.IndexFunc(frames, loud), len(frames)-1
	for last > first && !loud(frames[last]) {
		last--
	}
	return x[levelFrame*max(first-before, 0) : min(levelFrame*(last+1+after), len(x))]
}

// trimLevel is the largest value, in steps of 16 bits, that counts as digital silence: zero padding that went through a lossy
// codec is not quite zero.
const trimLevel = 3

// trim cuts the digital silence at both ends. Pauses inside stay: sounds that come and go are what noise is like.
func trim(x []int16) []int16 {
	loud := func(v int16) bool { return v > trimLevel || v < -trimLevel }
	first := slices.IndexFunc(x, loud)
	if first < 0 {
		return nil
	}
	last := len(x) - 1
	for !loud(x[last]) {
		last--
	}
	return x[first : last+1]
}

// meanPower is the level of noise.
func meanPower(frames []float32) float32 {
	var sum float32
	for _, p := range frames {
		sum += p
	}
	return sum / float32(max(len(frames), 1))
}

// draw picks a group by weight.
func (p *pool) draw(rng *rand.Rand) int {
	u := rng.Float64() * p.cumulative[len(p.cumulative)-1]
	return min(sort.SearchFloat64s(p.cumulative, u), len(p.groups)-1)
}

// drawOther picks a group that is not g if there is another.
func (p *pool) drawOther(rng *rand.Rand, g int) int {
	for range 4 {
		if h := p.draw(rng); h != g {
			return h
		}
	}
	return (g + 1) % len(p.groups)
}
