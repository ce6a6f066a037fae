package corpus

import (
	"math"
	"slices"
)

// crossFade is the overlap, 50 ms, where a clip shorter than the segment repeats.
const crossFade = SampleRate / 20

// disturb fills Noisy with one to three noises.
func (d *draft) disturb() {
	cfg := &d.cfg.Noise
	count := 1
	switch u := d.rng.Float64(); {
	case u < cfg.Three:
		count = 3
	case u < cfg.Three+cfg.Two:
		count = 2
	}
	for k := range count {
		clear(d.source)
		floor := d.drawNoise()
		d.shapeInTime()
		level := 0.0
		if k > 0 {
			level = cfg.Relative.draw(d.rng)
		}
		p := max(float64(power(d.source)), floor)
		if p < minPower {
			continue
		}
		g := amplitude(level) / float32(math.Sqrt(p))
		addTo(d.Noisy, d.source, g)
	}
	// Nothing but pauses was drawn, or something barely audible that must not be blown up: a steady noise takes its place.
	if power(d.Noisy) < quietest {
		clear(d.source)
		d.shaped()
		g := 1 / float32(math.Sqrt(max(float64(power(d.source)), minPower)))
		addTo(d.Noisy, d.source, g)
	}
}

// drawNoise puts one noise into source, at about level one where it sounds, and returns the least power to normalise it by: a
// clip's quiet stretch is not turned up to the level of its loud ones.
func (d *draft) drawNoise() (floor float64) {
	cfg := &d.cfg.Noise
	u := d.rng.Float64()
	pick := func(p float64) bool {
		u -= p
		return u < 0
	}
	switch {
	case pick(cfg.Babble):
		d.babble()
	case pick(cfg.Shaped):
		d.shaped()
	case pick(cfg.Hum):
		d.hum()
	case pick(cfg.Clicks):
		d.clicks()
	case pick(cfg.Tones):
		d.tones()
	default:
		d.recorded()
		return quietest
	}
	return 0
}

// shapeInTime makes source rise or fall along the segment, or start within it.
func (d *draft) shapeInTime() {
	cfg := &d.cfg.Noise
	if d.chance(cfg.Ramp) {
		level := cfg.RampLevel.draw(d.rng)
		g, step := amplitude(-level/2), amplitude(level/float64(len(d.source)))
		for i := range d.source {
			d.source[i] *= g
			g *= step
		}
	}
	if d.chance(cfg.Onset) {
		at := d.rng.IntN(len(d.source) * 3 / 4)
		clear(d.source[:at])
		fadeIn(d.source[at:], fade)
	}
}

// recorded plays a clip from a random position, and from its start again when it ends; or pieces of it; or either backwards.
func (d *draft) recorded() {
	cfg := &d.cfg.Noise
	speed := 1.0
	if d.chance(cfg.SpeedChange) {
		speed = cfg.Speed.draw(d.rng)
	}
	t := &d.noise.groups[d.noise.draw(d.rng)][0]
	if d.chance(cfg.Grains) {
		d.grains(t, speed)
	} else {
		d.loop(d.source, t, d.rng.IntN(len(t.samples)), speed, cfg.LoopGap)
	}
	if d.chance(cfg.Reverse) {
		slices.Reverse(d.source)
	}
	if d.chance(cfg.Pulse) {
		d.modulate(d.logarithmic(0.05, 1.5), Range{3, 25}.draw(d.rng), d.chance(0.5))
	}
	d.equalise(d.source, d.cfg.Channel.NoiseEQGain)
	d.Sources = append(d.Sources, t.name)
}

// grains fills source with short pieces of a clip in any order, joined by cross-fades.
func (d *draft) grains(t *tune, speed float64) {
	const least = 4 * fade
	overlap := 0
	for pos := 0; pos < len(d.source); {
		n := max(int(d.cfg.Noise.GrainTime.draw(d.rng)*SampleRate), least)
		piece := d.piece[:min(n, len(d.source)-pos)]
		clear(piece)
		from := d.rng.IntN(max(len(t.samples)-int(float64(least)*speed)-kernelTaps, 1))
		piece = piece[:d.speeds.render(piece, t.samples, from, speed, t.gain, d.read)]
		fadeIn(piece, overlap)
		ended := pos+len(piece) == len(d.source)
		if overlap = min(crossFade, len(piece)/4); !ended {
			fadeOut(piece, overlap)
		}
		for i, v := range piece {
			d.source[pos+i] += v
		}
		if ended {
			return
		}
		pos += max(len(piece)-overlap, fade)
	}
}

// loop adds a clip to dst from a sample onwards and repeats it with cross-fades or, with probability gap each time, after a pause
// of up to a second.
func (d *draft) loop(dst []float32, t *tune, from int, speed, gap float64) {
	overlap := min(crossFade, int(float64(len(t.samples))/speed)/4)
	for pos := 0; pos < len(dst); from = 0 {
		piece := d.piece[:len(dst)-pos]
		clear(piece)
		n := d.speeds.render(piece, t.samples, from, speed, t.gain, d.read)
		ended := n < len(piece)
		piece = piece[:n]
		joint := min(overlap, n/2)
		if pos > 0 {
			fadeIn(piece, joint)
		}
		if ended {
			fadeOut(piece, joint)
		}
		for i, v := range piece {
			dst[pos+i] += v
		}
		if !ended {
			return
		}
		if pos += n - joint; d.chance(gap) {
			pos += joint + d.rng.IntN(SampleRate)
		}
	}
}

// fadeIn ramps the start of x up over n samples, in power, as the sum of unrelated sounds adds up.
func fadeIn(x []float32, n int) {
	for i := range min(n, len(x)) {
		x[i] *= ramp(i, n)
	}
}

// fadeOut ramps the end of x down over n samples.
func fadeOut(x []float32, n int) {
	for i := range min(n, len(x)) {
		x[len(x)-1-i] *= ramp(i, n)
	}
}

func ramp(i, n int) float32 { return float32(math.Sqrt((float64(i) + 0.5) / float64(n))) }
