package pesq

import "math"

// badFrame is the symmetric disturbance above which a frame is thought to be misaligned.
const badFrame = 30

// compare computes the disturbance of all frames in order.
func (p *model) compare() {
	p.total = grow(p.total, p.frames)
	p.symmetric = grow(p.symmetric, p.frames)
	p.asymmetric = grow(p.asymmetric, p.frames)
	gain := 1.0
	for j := range p.frames {
		p.total[j] = p.audible(p.refFrame(j), 1)
		gain = p.gain(j, gain)
		p.symmetric[j], p.asymmetric[j] = p.disturbance(j, gain)
	}
}

// gain returns the power ratio of the signals in frame j, smoothed with that of the frame before.
func (p *model) gain(j int, previous float64) float64 {
	const (
		offset = 5000 // keeps silent frames at gain 1
		memory = 0.2
	)
	g := (p.total[j] + offset) / (p.audible(p.degFrame(j), 1) + offset)
	if j > 0 {
		g = memory*previous + (1-memory)*g
	}
	return g
}

// disturbance brings the degraded frame j to the level of the reference and measures how much its loudness differs: the
// symmetric disturbance, and the asymmetric one, in which only what was added counts.
func (p *model) disturbance(j int, gain float64) (symmetric, asymmetric float64) {
	const (
		minGain, maxGain = 3e-4, 5
		maskShare        = 0.25 // of the softer of two loudnesses: smaller differences are masked
		offset           = 50   // of powers in the asymmetry factor
		power            = 1.2  // of the asymmetry factor
		least, most      = 3, 12
		worthPower       = 2.4 // ratio that raised to power is still below least
	)
	gain = min(max(gain, minGain), maxGain)
	ref, deg := p.refFrame(j), p.degFrame(j)
	squares := 0.0
	for b := 1; b < len(ref); b++ {
		v := deg[b] * gain
		lr, ld := p.loudness[b].of(ref[b]), p.loudness[b].of(v)
		d := math.Abs(ld-lr) - maskShare*min(ld, lr)
		if d <= 0 {
			continue
		}
		d *= p.grid.width[b]
		squares += d * d
		ratio := (v + offset) / (ref[b] + offset)
		if ratio < worthPower {
			continue
		}
		if factor := math.Pow(ratio, power); factor >= least {
			asymmetric += d * min(factor, most)
		}
	}
	return p.width * math.Sqrt(squares/p.width), asymmetric
}

// clearLost forgives frames that a negative jump of the delay took out of the degraded signal.
func (p *model) clearLost() {
	g := p.grid
	for i := 1; i < len(p.utterances); i++ {
		before, u := p.utterances[i-1], p.utterances[i]
		jump := u.delay - before.delay
		if jump >= -g.hop {
			continue
		}
		begin := (u.start - marginBlocks) * g.block
		from := min((begin+u.delay)/g.hop, ((before.end-marginBlocks)*g.block+before.delay)/g.hop)
		to := (begin-jump)/g.hop + 1
		for j := max(from, 0); j <= to && j < p.frames-1; j++ {
			p.symmetric[j], p.asymmetric[j] = 0, 0
		}
	}
}
