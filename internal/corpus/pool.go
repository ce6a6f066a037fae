package corpus

import (
	"context"
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

// newPool prepares the clips of a set; level measures the power that a clip is brought to one by. Silent clips are left out.
func newPool(s *Set, key func(*Clip) string, level func(frames []float32) float32) *pool {
	tunes := make([]tune, len(s.Clips))
	// The context never ends and the work never fails, so there is no error to handle.
	_ = parallel(context.Background(), len(s.Clips), func(i int) error {
		tunes[i] = newTune(&s.Clips[i], level)
		return nil
	})
	p := &pool{}
	index := map[string]int{}
	var lengths []float64
	for i := range tunes {
		if tunes[i].gain == 0 {
			continue
		}
		k := key(&s.Clips[i])
		g, ok := index[k]
		if !ok {
			g = len(p.groups)
			index[k] = g
			p.groups = append(p.groups, nil)
			lengths = append(lengths, 0)
		}
		p.groups[g] = append(p.groups[g], tunes[i])
		lengths[g] += float64(len(tunes[i].samples))
	}
	var sum float64
	for _, n := range lengths {
		sum += math.Sqrt(n)
		p.cumulative = append(p.cumulative, sum)
	}
	return p
}

// newTune trims and measures a clip; its gain is 0 when there is nothing to play.
func newTune(c *Clip, level func(frames []float32) float32) tune {
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
	if p := level(frames); p > 1 { // A mean below one step of 16 bits is no sound.
		t.gain = float32(1 / math.Sqrt(float64(p)))
	}
	return t
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
