package pesq

import "math"

// Constants of the second alignment (P.862); lengths in frames.
const (
	shortestBad  = 5 // shorter stretches of bad frames stay as they are
	maxBad       = 1000
	smear        = 2   // frames on each side that a bad frame speaks for
	searchFrames = 4   // whole frames (32 ms) by which an interval may be shifted
	leastMatch   = 0.5 // correlation below which the shift is not believed
	leastPower   = 1e-6
)

// interval is a stretch of bad frames, [from, to), and the extra shift in samples that aligns it better.
type interval struct{ from, to, shift int }

// badIntervals lists the stretches of frames, none of them short, whose disturbance is so large that their alignment is in doubt.
func (p *model) badIntervals() []interval {
	bad := make([]bool, p.frames)
	for j := 1; j < p.frames; j++ {
		bad[j] = p.symmetric[j] > badFrame
	}
	oneIn := func(from, to int) bool {
		for _, b := range bad[from:to] {
			if b {
				return true
			}
		}
		return false
	}
	marked := make([]bool, p.frames)
	for j := smear; j < p.frames-1-smear; j++ {
		marked[j] = oneIn(j-smear, j+1) && oneIn(j, j+smear+1)
	}
	var list []interval
	for _, r := range findRuns(marked) {
		if r.to-r.from >= shortestBad && len(list) < maxBad {
			list = append(list, interval{from: r.from, to: r.to})
		}
	}
	return list
}

// realign looks for a better alignment of the bad intervals and lowers the disturbance of their frames where it helps.
// length is that of both signals with margins and tail, longest that without the tail.
func (m *Meter) realign(length, longest int) {
	p, g := &m.model, m.grid
	p.bad = p.badIntervals()
	if len(p.bad) == 0 {
		return
	}
	p.aligned = zeros(p.aligned, length)
	for i := g.margin; i < length-g.margin; i++ {
		p.aligned[i] = m.deg.heard[min(max(i+p.delayAt(i), g.margin), length-g.margin-1)]
	}
	p.realigned = append(p.realigned[:0], p.aligned...)
	for k := range p.bad {
		v := &p.bad[k]
		from, to := v.from*g.hop+g.margin, v.to*g.hop+g.frame+g.margin
		v.shift = m.shift(from, to, longest)
		for i := from; i < min(to, length); i++ {
			p.realigned[i] = p.aligned[min(max(i+v.shift, 0), longest-1)]
		}
	}
	for _, v := range p.bad {
		at := func(j int) []float64 { return p.realigned[g.margin+j*g.hop:] }
		for j := v.from; j < v.to; j += 2 {
			k := min(j+1, v.to-1)
			p.bandPowers(p.degFrame(j), p.degFrame(k), at(j), at(k))
		}
		gain := 1.0
		for j := v.from; j < v.to; j++ {
			gain = p.gain(j, gain)
			s, a := p.disturbance(j, gain)
			p.symmetric[j] = min(p.symmetric[j], s)
			p.asymmetric[j] = min(p.asymmetric[j], a)
		}
	}
}

// shift returns the lag at which the magnitudes of the degraded signal match those of the reference samples [from, to)
// best, 0 if none matches well.
func (m *Meter) shift(from, to, longest int) int {
	p, g := &m.model, m.grid
	search := searchFrames * g.frame
	n := to - from + 2*search
	// The search never moves the reference past the ends of the degraded segment, so lags do not wrap.
	m.scratch = zeros(m.scratch, pow2(n))
	z := m.scratch
	var refPower, degPower float64
	for i := range n {
		v := math.Abs(p.aligned[min(max(from-search+i, g.margin), longest-g.margin+g.tail-1)])
		z[i] = complex(0, v)
		degPower += v * v
	}
	for i := from; i < to; i++ {
		v := math.Abs(m.ref.heard[i])
		z[i-from+search] += complex(v, 0)
		refPower += v * v
	}
	scale := float64(pow2(2 * n))
	if refPower/scale <= leastPower || degPower/scale <= leastPower {
		return 0
	}
	correlate(z)
	lag := firstPeak(z, -search, search)
	if real(z[(lag+len(z))%len(z)]) < leastMatch*math.Sqrt(refPower*degPower) {
		return 0
	}
	return lag
}
