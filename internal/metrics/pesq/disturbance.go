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
	const memory = 0.2
	g := (p.total[j] + GainOffset) / (p.audible(p.degFrame(j), 1) + GainOffset)
	if j > 0 {
		g = memory*previous + (1-memory)*g
	}
	return g
}

// disturbance brings the degraded frame j to the level of the reference and measures how much its loudness differs: the
// symmetric disturbance, and the asymmetric one, in which only what was added counts.
func (p *model) disturbance(j int, gain float64) (symmetric, asymmetric float64) {
	const worthPower = 2.4 // ratio that raised to AdditionPower is still below LeastAddition
	gain = min(max(gain, LeastGain), MostGain)
	ref, deg := p.refFrame(j), p.degFrame(j)
	squares := 0.0
	for b := 1; b < len(ref); b++ {
		v := deg[b] * gain
		lr, ld := p.loudness[b].Of(ref[b]), p.loudness[b].Of(v)
		d := math.Abs(ld-lr) - MaskShare*min(ld, lr)
		if d <= 0 {
			continue
		}
		d *= p.grid.width[b]
		squares += d * d
		ratio := (v + AdditionOffset) / (ref[b] + AdditionOffset)
		if ratio < worthPower {
			continue
		}
		if factor := math.Pow(ratio, AdditionPower); factor >= LeastAddition {
			asymmetric += d * min(factor, MostAddition)
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
