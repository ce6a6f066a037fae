package enhance

import (
	"fmt"
	"math"
	"time"
)

const (
	// DefaultResidual is Config.Residual where that is 0: of 30 and 35 the one with
	// more PESQ on validation mixtures (docs/design.md).
	DefaultResidual = 35
	// leastAttenuation, in decibels, is what noise loses at any rate, however far
	// it is below the voice already.
	leastAttenuation = 3
	// residualSeconds is how long the levels of voice and noise are remembered:
	// a few words, so that a pause does not count as noise alone.
	residualSeconds = 2
)

// shaping is what becomes of the gains between the mask and the attenuation
// limit.
type shaping struct {
	// residual is Config.Residual; decay is what is left of the two energies a
	// hop later.
	residual, decay float64
	voice, noise    float64
	// postFilter is Config.PostFilter.
	postFilter float32
	// release is the share of a gain that the next one has at least; past are
	// the gains of the hop before, nil without release.
	release float32
	past    []float32
}

func newShaping(cfg Config, hop time.Duration, bins int) (*shaping, error) {
	switch {
	case !(cfg.Residual >= 0):
		return nil, fmt.Errorf("enhance: residual noise is wanted %v dB below the voice: want a positive number, 0 for %d, or +Inf for none", cfg.Residual, DefaultResidual)
	case !(cfg.PostFilter >= 0 && cfg.PostFilter <= 1):
		return nil, fmt.Errorf("enhance: post-filter of strength %v: want 0 (none) to 1", cfg.PostFilter)
	case cfg.Release < 0 || cfg.Release > time.Second:
		return nil, fmt.Errorf("enhance: gains that fall within %v: want 0 (at once) to 1s", cfg.Release)
	}
	s := &shaping{
		residual:   cfg.Residual,
		decay:      math.Exp(-hop.Seconds() / residualSeconds),
		postFilter: float32(cfg.PostFilter),
	}
	if s.residual == 0 {
		s.residual = DefaultResidual
	}
	if cfg.Release > 0 {
		s.release = float32(math.Exp(-hop.Seconds() / cfg.Release.Seconds()))
		s.past = make([]float32, bins)
	}
	return s, nil
}

// apply changes the gains of one spectrum, to the lowest bins of which the filter
// will add something before they count, and returns the share of the input to keep,
// for the noise that is left to lie as far below the voice as wanted.
func (s *shaping) apply(g []float32, spectrum, added []complex64) float32 {
	for k, past := range s.past {
		g[k] = max(sound(g[k]), s.release*past)
		s.past[k] = g[k]
	}
	if s.postFilter > 0 {
		for k, v := range g {
			g[k] = s.filtered(v)
		}
	}
	return s.keep(g, spectrum, added)
}

// filtered returns the post-filter of DeepFilterNet (Schröter et al. 2022, after
// Valin et al., arXiv 2008.04259): with s = sin(pi g/2), g (1+b)/(1 + b/s^2), which
// turns small gains further down and leaves large ones.
func (s *shaping) filtered(g float32) float32 {
	sin := float32(math.Sin(math.Pi / 2 * float64(g)))
	sin *= sin
	return g * (1 + s.postFilter) * sin / (sin + s.postFilter)
}

// keep follows the energies of what is kept and of what is taken away.
func (s *shaping) keep(g []float32, spectrum, added []complex64) float32 {
	var voice, noise float32
	for k, x := range added {
		y := spectrum[k]
		d := times(g[k], y+x)
		voice += power(d)
		noise += power(y - d)
	}
	spectrum = spectrum[len(added):]
	for k, v := range g[len(added):] {
		p := power(spectrum[k])
		voice += v * v * p
		noise += (1 - v) * (1 - v) * p
	}
	s.voice = follow(s.voice*s.decay, voice)
	s.noise = follow(s.noise*s.decay, noise)
	ratio := 10 * math.Log10((s.voice+tiny)/(s.noise+tiny))
	return float32(math.Pow(10, -max(s.residual-ratio, leastAttenuation)/20))
}

// follow adds an energy unless it is not finite.
func follow(sum float64, energy float32) float64 {
	if energy >= 0 && energy <= math.MaxFloat32 {
		sum += float64(energy)
	}
	return sum
}

// reset forgets the past.
func (s *shaping) reset() {
	s.voice, s.noise = 0, 0
	clear(s.past)
}
