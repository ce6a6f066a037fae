package stream

import "math"

// Durations of the concealment in seconds (ALGORITHMS 5.6).
const (
	concealHistory = 0.040  // what is remembered of the output: two periods of the lowest voice and some.
	concealShort   = 0.0025 // shortest period looked for: 400 Hz.
	concealLong    = 0.015  // longest period looked for: 67 Hz.
	concealWindow  = 0.010  // span that two periods are compared over.
	concealHold    = 0.010  // the repeated period plays at full level for so long,
	concealEnd     = 0.040  // and has faded to nothing here.
	fadeTime       = 0.005  // crossfades, and fades from and to silence.
)

// concealer invents a plausible continuation of a signal that stops short: the last pitch period, repeated and faded out.
// All its memory is allocated at construction. It belongs to the playback thread.
type concealer struct {
	past   []float32 // ring of the last output samples.
	at     int       // where the next sample goes.
	line   []float32 // past in order of time.
	cycle  []float32 // the period that is repeated; its end joins its beginning.
	offset float32   // step between the signal and the cycle, bled off over bleed samples.
	bleed  int
	age    int // samples invented since begin.
	hold   int
	end    int
	short  int
	long   int
	window int
}

// newConcealer returns a concealer for rate Hz whose output is silence until it remembers something.
func newConcealer(rate int) *concealer {
	samples := func(seconds float64) int { return int(math.Ceil(seconds * float64(rate))) }
	c := &concealer{
		past: make([]float32, samples(concealHistory)), line: make([]float32, samples(concealHistory)),
		hold: samples(concealHold), end: samples(concealEnd),
		short: max(samples(concealShort), 4), long: samples(concealLong), window: samples(concealWindow),
	}
	c.cycle = make([]float32, 0, c.long)
	c.age = c.end
	return c
}

// remember notes what was played.
func (c *concealer) remember(x []float32) {
	if len(x) > len(c.past) {
		x = x[len(x)-len(c.past):]
	}
	n := copy(c.past[c.at:], x)
	copy(c.past, x[n:])
	c.at = (c.at + len(x)) % len(c.past)
}

// begin starts a continuation of what was remembered last.
func (c *concealer) begin() {
	n := copy(c.line, c.past[c.at:])
	copy(c.line[n:], c.past[:c.at])
	x := c.line
	period := c.period()
	start := len(x) - period
	c.cycle = append(c.cycle[:0], x[start:]...)
	// The last quarter of the cycle turns into what came before its first sample, so that the cycle has no seam.
	quarter := max(period/4, 1)
	for i := range quarter {
		w := float32(i+1) / float32(quarter)
		j := period - quarter + i
		c.cycle[j] += w * (x[start-period+j] - c.cycle[j])
	}
	c.offset = x[len(x)-1] - x[start-1]
	c.bleed = max(period/2, 1)
	c.age = 0
}

// period finds the lag, in samples, at which the end of the signal resembles itself most: the largest normalised
// correlation. Looking at every fourth sample is enough at 48 kHz to tell pitch periods apart, and bounds the time the
// callback spends here to some 0.1 ms.
func (c *concealer) period() int {
	x := c.line
	stride := max(c.window/120, 1)
	best, bestScore := c.long, math.Inf(-1)
	for lag := c.short; lag <= c.long; lag++ {
		var dot, energy float64
		for i := len(x) - c.window; i < len(x); i += stride {
			a, b := float64(x[i]), float64(x[i-lag])
			dot += a * b
			energy += b * b
		}
		if dot <= 0 {
			continue
		}
		if score := dot * dot / (energy + 1e-12); score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}

// next fills dst with the continuation.
func (c *concealer) next(dst []float32) {
	for i := range dst {
		if c.age >= c.end {
			clear(dst[i:])
			return
		}
		v := c.cycle[c.age%len(c.cycle)]
		if c.age < c.bleed {
			phase := math.Pi * float64(c.age+1) / float64(c.bleed+1)
			v += c.offset * float32(0.5+0.5*math.Cos(phase))
		}
		if c.age > c.hold {
			v *= float32(c.end-c.age) / float32(c.end-c.hold)
		}
		dst[i] = v
		c.age++
	}
}
