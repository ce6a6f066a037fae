package pesq

import (
	"fmt"
	"math"
)

const (
	// scaleBits is the binary exponent that the largest sample is brought to: the 16-bit scale in which P.862 is written.
	scaleBits = 15
	// inBand is the power in the level band, with the largest sample at 2^14 or more, below which there is only rounding.
	inBand = 1e-9
	// targetPower is the mean power, between 350 and 3250 Hz, to which both signals are brought (P.862).
	targetPower = 1e7
	// wideFade is the length, in samples, of the ramps at both ends before the filter of P.862.2.
	wideFade = 16
)

// prepare fills m.ref and m.deg from the samples: margins, level, input filter, alignment prefilter and activity.
// longest is the padded length of the longer of the two signals.
func (m *Meter) prepare(ref, deg []float32, longest int) error {
	both := [2]*signal{&m.ref, &m.deg}
	for i, x := range [2][]float32{ref, deg} {
		m.load(both[i], x, longest)
	}
	m.filter(m.level, m.ref.band, m.deg.band)
	for i, name := range [2]string{"reference", "degraded"} {
		if err := m.setLevel(both[i], name, longest); err != nil {
			return err
		}
	}
	switch m.mode {
	case Narrow:
		m.filter(m.input, m.extended(&m.ref), m.extended(&m.deg))
	case Wide:
		m.filterWide(&m.ref)
		m.filterWide(&m.deg)
	}
	for _, s := range both {
		m.shape(s)
		m.detect(s)
	}
	return nil
}

// load puts the samples x between margins, on the 16-bit scale. Their scale does not matter to the score, and as a power of
// two it changes no digit of it; this one keeps all signals alike in size.
func (m *Meter) load(s *signal, x []float32, longest int) {
	s.n, s.padded = len(x), len(x)+2*m.grid.margin
	s.heard = zeros(s.heard, longest+m.grid.tail)
	var peak float64
	for _, v := range x {
		peak = max(peak, math.Abs(float64(v)))
	}
	_, exponent := math.Frexp(peak)
	scale := math.Ldexp(1, scaleBits-exponent)
	speech := m.speech(s)
	for i, v := range x {
		speech[i] = float64(v) * scale
	}
	s.band = append(s.band[:0], m.extended(s)...)
}

// speech returns the part of s.heard that holds input samples.
func (m *Meter) speech(s *signal) []float64 { return s.heard[m.grid.margin:][:s.n] }

// extended returns the part of s.heard that holds input samples and the tail after them, where filters ring.
func (m *Meter) extended(s *signal) []float64 { return s.heard[m.grid.margin:][:s.n+m.grid.tail] }

// setLevel brings s to the common level: the power of s.band, which it expects to be band-passed, becomes targetPower.
func (m *Meter) setLevel(s *signal, name string, longest int) error {
	power := 0.0
	for _, v := range s.band {
		power += v * v
	}
	// The longer signal's length divides both powers: so does P.862.
	power /= float64(longest - 2*m.grid.margin + m.grid.tail)
	if power < inBand {
		return fmt.Errorf("pesq: %s is silent between 350 and 3250 Hz, expected speech: there is nothing to score", name)
	}
	gain := float32(math.Sqrt(targetPower / power))
	speech := m.speech(s)
	for i, v := range speech {
		speech[i] = float64(float32(v) * gain)
	}
	return nil
}

// filterWide applies the input filter of P.862.2 between short fades.
func (m *Meter) filterWide(s *signal) {
	speech := m.speech(s)
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
	speech := m.speech(s)
	for _, v := range speech {
		sum += v
	}
	// The sum runs over the speech and the divisor counts the margins too: so does P.862.
	mean := sum / float64(s.padded)
	for i, v := range s.heard[:len(s.shaped)] {
		s.shaped[i] = float32(v)
	}
	out := s.shaped[g.margin : g.margin+s.n]
	for i, v := range speech {
		// Distance to the nearer end; the ramps of two blocks never meet in a quarter of a second.
		fade := min(1, (float64(min(i, s.n-1-i))+0.5)/float64(g.block))
		out[i] = float32((v - mean) * fade)
	}
	for _, f := range g.prefilter {
		f.run(s.shaped[g.margin:]) // the zeros before leave it at rest
	}
}
