package pesq

import (
	"errors"
	"math"
)

// perceive runs the perceptual model over the aligned signals and returns the raw score. longest is the padded length of
// the longer signal.
func (m *Meter) perceive(utterances []utterance, longest int) (float64, error) {
	p, g := &m.model, m.grid
	p.utterances = utterances
	span := longest - 2*g.margin + g.tail
	quiet := m.quietEnds(longest)
	p.first = quiet.from / g.hop
	p.frames = (span - quiet.to) / g.hop
	if p.first >= p.frames {
		return 0, errors.New("pesq: reference is too faint to be heard throughout, expected speech: there is nothing to score")
	}
	m.analyse(longest + g.tail)
	p.equalise(span/g.hop - 1)
	p.compare()
	bad := p.anyBad()
	p.clearLost()
	p.bad = nil
	if bad {
		m.realign(longest+g.tail, longest)
	}
	p.normalise()
	weights := timeWeights(p.frames, (longest-2*g.margin)/g.hop-1)
	raw := rawScore(p.average(p.symmetric, weights), p.average(p.asymmetric, weights))
	if math.IsNaN(raw) {
		return 0, errors.New("pesq: no frame of the two signals can be compared, expected speech: check both files")
	}
	return raw, nil
}

// quietEnds counts the samples at the start and at the end of the reference that nobody hears.
func (m *Meter) quietEnds(longest int) run {
	const (
		taps  = 5   // samples summed
		limit = 500 // of the sum of magnitudes, on the 16-bit scale
	)
	x := m.ref.heard
	count := func(at, step int) int {
		n := 0
		for ; n < longest/2; n++ {
			sum := 0.0
			for i := range taps {
				sum += math.Abs(x[at+(n+i)*step])
			}
			if sum >= limit {
				break
			}
		}
		return n
	}
	return run{count(m.grid.margin, 1), count(longest-m.grid.margin+m.grid.tail-1, -1)}
}

// anyBad tells whether some frame is disturbed enough to doubt its alignment.
func (p *model) anyBad() bool {
	for _, d := range p.symmetric {
		if d > badFrame {
			return true
		}
	}
	return false
}

// normalise weighs each frame by its power, softly, and limits the disturbances.
func (p *model) normalise() {
	for j, t := range p.total {
		w := math.Pow((t+SoftOffset)/SoftScale, SoftPower)
		p.symmetric[j] = min(p.symmetric[j]/w, MostDisturbance)
		p.asymmetric[j] = min(p.asymmetric[j]/w, MostDisturbance)
	}
}

// timeWeights returns the weights of n frames: 1, but in recordings over 16 s what was heard last counts more.
func timeWeights(n, span int) []float64 {
	const (
		long   = 1000 // frames
		ramp   = 5500 // frames over which the difference grows to its limit
		spread = 0.5
	)
	w := make([]float64, n)
	r := 0.0
	if n > long {
		r = min(spread, float64(span-long)/ramp)
	}
	for j := range w {
		w[j] = 1 - r + r*float64(j)/float64(span)
	}
	return w
}

// average combines the disturbances of the frames: a norm of order 6 over 320 ms, in which the worst moments stand out,
// then one of order 2 over these.
func (p *model) average(x, weights []float64) float64 {
	const group, step = 20, 10
	var sum, norm float64
	for s := p.first; s < p.frames; s += step {
		y := 0.0
		for _, v := range x[s:min(s+group, p.frames)] {
			v3 := v * v * v
			y += v3 * v3
		}
		w := weights[s-p.first]
		v := w * math.Pow(y/group, 1.0/6)
		sum += v * v
		norm += w * w
	}
	return math.Sqrt(sum / norm)
}

// rawScore is the score of P.862 from the two averages.
func rawScore(symmetric, asymmetric float64) float64 {
	return BestRaw - SymmetricShare*symmetric - AdditionShare*asymmetric
}

// opinion maps a raw score to MOS-LQO: P.862.1 for narrow-band, P.862.2 for wide-band.
func opinion(mode Mode, raw float64) float64 {
	slope, offset := 1.4945, 4.6607
	if mode == Wide {
		slope, offset = 1.3669, 3.8224
	}
	return 0.999 + 4/(1+math.Exp(-slope*raw+offset))
}
