package pesq

import (
	"fmt"
	"math"
)

const (
	// fullScale takes samples of full scale 1 to the 16-bit scale in which P.862 is written.
	fullScale = 32768
	// targetPower is the mean power, between 350 and 3250 Hz, to which both signals are brought (P.862).
	targetPower = 1e7
	// wideFade is the length, in samples, of the ramps at both ends before the filter of P.862.2.
	wideFade = 16
)

// prepare fills s from the samples x: margins, level, input filter, alignment prefilter and activity.
// longest is the padded length of the longer of the two signals.
func (m *Meter) prepare(s *signal, name string, x []float32, longest int) error {
	g := m.grid
	s.n, s.padded = len(x), len(x)+2*g.margin
	s.heard = grow(s.heard, longest+g.tail)
	speech := s.heard[g.margin : g.margin+s.n]
	for i, v := range x {
		speech[i] = float64(v) * fullScale
	}
	extended := s.heard[g.margin : g.margin+s.n+g.tail]
	power := 0.0
	for _, v := range m.filter(m.level, extended) {
		power += v * v
	}
	power /= float64(longest - 2*g.margin + g.tail)
	gain := float32(math.Sqrt(targetPower / power))
	if power == 0 || math.IsInf(float64(gain), 0) {
		return fmt.Errorf("pesq: %s is silent between 350 and 3250 Hz, expected speech: there is nothing to score", name)
	}
	for i, v := range speech {
		speech[i] = float64(float32(float32(v) * gain))
	}
	switch m.mode {
	case Narrow:
		copy(extended, m.filter(m.input, extended))
	case Wide:
		m.filterWide(s, speech)
	}
	m.shape(s)
	m.detect(s)
	return nil
}

// filterWide applies the input filter of P.862.2 between short fades.
func (m *Meter) filterWide(s *signal, speech []float64) {
	s.shaped = grow(s.shaped, len(speech))
	for i, v := range speech {
		s.shaped[i] = float32(v)
	}
	for k := 1; k < wideFade; k++ {
		s.shaped[k-1] *= float32(k) / wideFade
		s.shaped[len(speech)-k] *= float32(k) / wideFade
	}
	for _, f := range wideInput {
		f.run(s.shaped)
	}
	for i, v := range s.shaped {
		speech[i] = float64(v)
	}
}

// shape makes the copy of the signal that time alignment works on: without its constant part, faded in and out over one
// block, and band-limited to where speech is strong.
func (m *Meter) shape(s *signal) {
	g := m.grid
	s.shaped = grow(s.shaped, s.padded+g.tail)
	sum := 0.0
	for _, v := range s.heard[g.margin : g.margin+s.n] {
		sum += v
	}
	// The sum runs over the speech and the divisor counts the margins too: so does P.862.
	mean := sum / float64(s.padded)
	for i, v := range s.heard[:len(s.shaped)] {
		s.shaped[i] = float32(v)
	}
	speech := s.heard[g.margin : g.margin+s.n]
	out := s.shaped[g.margin : g.margin+s.n]
	for i, v := range speech {
		// Distance to the nearer end; the ramps of two blocks never meet in a quarter of a second.
		fade := min(1, (float64(min(i, s.n-1-i))+0.5)/float64(g.block))
		out[i] = float32((v - mean) * fade)
	}
	for _, f := range g.prefilter {
		f.run(s.shaped)
	}
}
