package stream

// mixer turns a processed hop into the heard one: it fades between processed and unprocessed sound for the bypass, and to
// silence for mute, over one hop. The unprocessed sound is delayed as the processed one is, so that the fade is inaudible in
// what both have in common. It belongs to the DSP goroutine.
type mixer struct {
	line   []float32 // the last Latency input samples, then the hop.
	dry    []float32 // the hop, Latency samples late.
	heard  []float32
	bypass float32 // share of the unprocessed sound, 0..1.
	gain   float32
}

func newMixer(hop, latency int) *mixer {
	return &mixer{line: make([]float32, latency+hop), dry: make([]float32, hop), heard: make([]float32, hop), gain: 1}
}

// mix returns the heard hop, valid until the next call, and leaves the delayed input in m.dry.
func (m *mixer) mix(input, wet []float32, bypass, mute bool) []float32 {
	hop := len(input)
	copy(m.line, m.line[hop:])
	copy(m.line[len(m.line)-hop:], input)
	copy(m.dry, m.line[:hop])
	share, gain := float32(0), float32(1)
	if bypass {
		share = 1
	}
	if mute {
		gain = 0
	}
	if share == m.bypass && gain == m.gain && gain == 1 && share == 0 {
		copy(m.heard, wet)
		return m.heard
	}
	stepShare, stepGain := (share-m.bypass)/float32(hop), (gain-m.gain)/float32(hop)
	for i, w := range wet {
		n := float32(i + 1)
		s, g := m.bypass+n*stepShare, m.gain+n*stepGain
		m.heard[i] = g * (w + s*(m.dry[i]-w))
	}
	m.bypass, m.gain = share, gain
	return m.heard
}

// skipper hides that hops are left out: the next one begins with a crossfade from the first that is missing.
type skipper struct {
	held    []float32 // the beginning of the first missing hop.
	missing bool
}

func newSkipper(hop, rate int) *skipper {
	return &skipper{held: make([]float32, max(min(hop, int(fadeTime*float64(rate))), 1))}
}

// leaveOut notes that a hop is not going to be processed.
func (s *skipper) leaveOut(hop []float32) {
	if !s.missing {
		copy(s.held, hop)
	}
	s.missing = true
}

// join blends into hop what would have come in its place.
func (s *skipper) join(hop []float32) {
	if !s.missing {
		return
	}
	s.missing = false
	for i, h := range s.held {
		hop[i] = h + (hop[i]-h)*float32(i+1)/float32(len(s.held)+1)
	}
}
