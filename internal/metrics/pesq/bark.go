package pesq

import "slices"

// model is the perceptual model at work on one pair of signals: power densities over the Bark scale, frame by frame.
type model struct {
	grid     *grid
	window   []float64
	loudness []Loudness
	width    float64 // of all bands but the lowest, Bark

	frame []complex128 // frames at hand, one real and one imaginary, then their spectrum

	utterances []utterance
	first      int       // frame with the first sound of the reference
	frames     int       // frames computed, from frame 0
	ref, deg   []float64 // band powers, frames x bands
	total      []float64 // audible power of each reference frame
	symmetric  []float64 // disturbance of each frame
	asymmetric []float64 // the same, additions weighted
	bad        []interval
	aligned    []float64 // degraded signal, delays undone
	realigned  []float64 // the same after realignment of bad intervals
}

func (p *model) init(g *grid) {
	p.grid = g
	p.window = hann(g.frame)
	p.frame = make([]complex128, g.frame)
	p.loudness = make([]Loudness, g.bands)
	for b := range p.loudness {
		p.loudness[b] = newLoudness(g, b)
	}
	for _, w := range g.width[1:] {
		p.width += w
	}
}

// delayAt returns the delay of the utterance that the reference sample at position at belongs to.
func (p *model) delayAt(at int) int {
	for _, u := range slices.Backward(p.utterances) {
		if u.start*p.grid.block <= at {
			return u.delay
		}
	}
	return p.utterances[0].delay
}

// refFrame returns the band powers of frame j of the reference.
func (p *model) refFrame(j int) []float64 { return p.ref[j*p.grid.bands : (j+1)*p.grid.bands] }

// degFrame returns the band powers of frame j of the degraded signal.
func (p *model) degFrame(j int) []float64 { return p.deg[j*p.grid.bands : (j+1)*p.grid.bands] }

// analyse computes the band powers of all frames of both signals, each degraded frame taken at its delay.
func (m *Meter) analyse(length int) {
	p, g := &m.model, m.grid
	p.ref = grow(p.ref, p.frames*g.bands)
	p.deg = grow(p.deg, p.frames*g.bands)
	for j := range p.frames {
		at := g.margin + j*g.hop
		late := at + p.delayAt(at)
		if late > 0 && late+g.frame < length {
			p.bandPowers(p.refFrame(j), p.degFrame(j), m.ref.heard[at:], m.deg.heard[late:])
			continue
		}
		p.bandPowers(p.refFrame(j), p.degFrame(j), m.ref.heard[at:], m.ref.heard[at:])
		clear(p.degFrame(j))
	}
}

// bandPowers writes the power of each Bark band in the first frame of x and of y.
func (p *model) bandPowers(dstX, dstY, x, y []float64) {
	for i, w := range p.window {
		p.frame[i] = complex(w*x[i], w*y[i])
	}
	forward(p.frame)
	k := 0
	for b, lines := range p.grid.lines {
		var sumX, sumY float64
		for range lines {
			if k > 0 { // the constant part is not heard
				powX, powY := powers(p.frame, k)
				sumX += powX
				sumY += powY
			}
			k++
		}
		scale := p.grid.density[b] * p.grid.powerScale
		dstX[b], dstY[b] = sumX*scale, sumY*scale
	}
}

// audible sums the powers that exceed factor times the hearing threshold, in all bands but the lowest.
func (p *model) audible(power []float64, factor float64) float64 {
	sum := 0.0
	for b := 1; b < len(power); b++ {
		if power[b] > factor*p.grid.threshold[b] {
			sum += power[b]
		}
	}
	return sum
}

// equalise gives the reference the linear frequency response of the degraded signal, within +-20 dB: a steady colouring
// disturbs little, so it is taken out.
func (p *model) equalise(compensatedFrames int) {
	const (
		silentPower = 1e7  // frames below it, 20 dB over threshold, do not count
		above       = 100  // powers count from 20 dB over threshold
		offset      = 1000 // keeps empty bands quiet
		limit       = 100
	)
	bands := p.grid.bands
	sumRef, sumDeg := make([]float64, bands), make([]float64, bands)
	for j := range p.frames {
		ref, deg := p.ref[j*bands:(j+1)*bands], p.deg[j*bands:(j+1)*bands]
		if p.audible(ref, above) < silentPower {
			continue
		}
		for b, t := range p.grid.threshold {
			if ref[b] > above*t {
				sumRef[b] += ref[b]
			}
			if deg[b] > above*t {
				sumDeg[b] += deg[b]
			}
		}
	}
	n := float64(compensatedFrames)
	for b := range bands {
		ratio := (sumDeg[b]/n + offset) / (sumRef[b]/n + offset)
		ratio = min(max(ratio, 1.0/limit), limit)
		for j := range p.frames {
			p.ref[j*bands+b] *= ratio
		}
	}
}
