package corpus

import "math"

// Names of synthetic noises in Mixture.Sources.
const (
	sourceBabble = "synthetic:babble"
	sourceShaped = "synthetic:shaped"
	sourceHum    = "synthetic:hum"
	sourceClicks = "synthetic:clicks"
	sourceTones  = "synthetic:tones"
)

// babble lets several speakers other than the one of the speech talk at once.
func (d *draft) babble() {
	talkers := int(math.Round(d.cfg.Noise.Talkers.draw(d.rng)))
	for range talkers {
		group := d.speech.groups[d.speech.drawOther(d.rng, d.talker)]
		gain := amplitude(Range{-5, 5}.draw(d.rng))
		next := d.rng.IntN(len(group))
		from := d.rng.IntN(len(group[next].samples))
		for pos := 0; pos < len(d.source); from = 0 {
			t := &group[next%len(group)]
			pos += d.speeds.render(d.source[pos:], t.samples, from, 1, gain*t.gain, d.read)
			next++
		}
	}
	d.equalise(d.source, d.cfg.Channel.NoiseEQGain)
	d.Sources = append(d.Sources, sourceBabble)
}

// white adds Gaussian noise of power one to x: the sum of the four 16-bit quarters of a random word.
func (d *draft) white(x []float32) {
	const norm = 2.6428e-5 // 1/(65536 sqrt(4/12))
	for i := range x {
		u := d.rng.Uint64()
		sum := int32(u&0xffff) + int32(u>>16&0xffff) + int32(u>>32&0xffff) + int32(u>>48)
		x[i] += norm * float32(sum-2*65535)
	}
}

// shaped is noise with a random spectral slope, sometimes with a resonance, steady or with a moving level.
func (d *draft) shaped() {
	d.colour()
	switch u := d.rng.Float64(); {
	case u < 0.3:
		d.modulate(d.logarithmic(0.05, 0.6), Range{3, 25}.draw(d.rng), false)
	case u < 0.55:
		d.modulate(d.logarithmic(0.04, 1.5), Range{3, 25}.draw(d.rng), true)
	}
	d.Sources = append(d.Sources, sourceShaped)
}

// colour fills source, which is silent, with steady noise of a random spectral slope, sometimes with a resonance.
func (d *draft) colour() {
	d.white(d.source)
	// Three shelves, two octaves apart, make a slope of -9 to 3 dB per octave.
	step := 2 * Range{-9, 3}.draw(d.rng)
	filter3(d.source, [3]biquad{highShelf(250, step), highShelf(1000, step), highShelf(4000, step)})
	if d.chance(0.3) {
		filter3(d.source, [3]biquad{
			peak(d.logarithmic(100, 6000), Range{6, 24}.draw(d.rng), d.logarithmic(1, 10)),
			peak(d.logarithmic(100, 6000), Range{-12, 18}.draw(d.rng), d.logarithmic(1, 10)),
			peak(d.logarithmic(100, 6000), Range{-12, 12}.draw(d.rng), d.logarithmic(1, 10)),
		})
	}
}

// modulate moves the level of source over depth dB, geometrically between knots every half period (in s); the levels of the knots are
// random or, when regular, alternate.
func (d *draft) modulate(period, depth float64, regular bool) {
	n := int(period / 2 * SampleRate)
	from := d.rng.Float64()
	for pos := 0; pos < len(d.source); pos += n {
		to := d.rng.Float64()
		if regular {
			to = math.Round(1 - from)
		}
		g, step := amplitude(depth*(from-1)), amplitude(depth*(to-from)/float64(n))
		for i := pos; i < min(pos+n, len(d.source)); i++ {
			d.source[i] *= g
			g *= step
		}
		from = to
	}
}

// hum is the mains and its harmonics, the odd ones stronger.
func (d *draft) hum() {
	d.mains()
	d.Sources = append(d.Sources, sourceHum)
}

// mains adds the mains frequency and its harmonics to source.
func (d *draft) mains() {
	base := 50.0
	if d.chance(0.5) {
		base = 60
	}
	base += Range{-0.3, 0.3}.draw(d.rng)
	decay := Range{0.4, 2}.draw(d.rng)
	for k := range 3 + d.rng.IntN(38) {
		level := math.Pow(float64(k+1), -decay) * d.logarithmic(0.2, 1)
		if k%2 == 1 {
			level *= 0.5
		}
		d.oscillate(d.source, base*float64(k+1), 0, float32(level))
	}
}

// oscillate adds a sine of random phase to x whose frequency goes from f Hz by slide Hz per second. The sine is a rotation by
// the recursion of complex multiplication, with the angle renewed every block.
func (d *draft) oscillate(x []float32, f, slide float64, level float32) {
	const block = 128
	sin, cos := math.Sincos(2 * math.Pi * d.rng.Float64())
	re, im := level*float32(cos), level*float32(sin)
	for len(x) > 0 {
		now := x[:min(block, len(x))]
		s, c := math.Sincos(2 * math.Pi * f / SampleRate)
		rs, rc := float32(s), float32(c)
		for i := range now {
			now[i] += re
			re, im = re*rc-im*rs, re*rs+im*rc
		}
		x = x[len(now):]
		f = min(max(f+slide*block/SampleRate, 20), 0.48*SampleRate)
	}
}

// clicks are impulses and short decaying resonances: keys, switches, crackle and knocks at random times, clocks and machines at
// regular ones.
func (d *draft) clicks() {
	rate := d.logarithmic(1, 40)
	pitch, ring := d.logarithmic(200, 6000), d.logarithmic(0.0003, 0.02)
	regular := d.chance(0.3)
	for pos := 0.0; ; {
		if wait := SampleRate / rate; regular {
			pos += wait
		} else {
			pos -= math.Log(1-d.rng.Float64()) * wait // Poisson arrivals: exponential distances.
		}
		if int(pos) >= len(d.source) {
			break
		}
		d.click(d.source[int(pos):], pitch*d.logarithmic(0.7, 1.4), ring*d.logarithmic(0.5, 2))
	}
	d.equalise(d.source, d.cfg.Channel.NoiseEQGain)
	d.Sources = append(d.Sources, sourceClicks)
}

// click adds one resonance of f Hz that decays by a factor e in tau seconds, struck by a very short burst of noise.
func (d *draft) click(x []float32, f, tau float64) {
	r := math.Exp(-1 / (tau * SampleRate))
	a1, a2 := float32(2*r*math.Cos(2*math.Pi*f/SampleRate)), float32(-r*r)
	level := float32(d.logarithmic(0.1, 1))
	struck := 1 + d.rng.IntN(SampleRate/1000)
	var y1, y2 float32
	for i := range x[:min(len(x), struck+int(9*tau*SampleRate))] {
		var in float32
		if i < struck {
			in = level * (2*d.rng.Float32() - 1)
		}
		y1, y2 = in+a1*y1+a2*y2, y1
		x[i] += y1
	}
}

// tones are one to three voices of beeps, whistles and sirens.
func (d *draft) tones() {
	for range 1 + d.rng.IntN(3) {
		f, slide := d.logarithmic(200, 4000), 0.0
		if d.chance(0.3) {
			slide = Range{-1500, 1500}.draw(d.rng)
		}
		on, off := d.logarithmic(0.05, 2), d.logarithmic(0.05, 1)
		if d.chance(0.3) {
			on = d.cfg.Segment.Seconds()
		}
		harmonics := 1 + d.rng.IntN(4)
		for pos := int(off * d.rng.Float64() * SampleRate); pos < len(d.source); pos += int((on + off) * SampleRate) {
			d.beep(pos, int(on*SampleRate), f, slide, harmonics)
		}
	}
	d.Sources = append(d.Sources, sourceTones)
}

// beep adds a tone with harmonics to source; source is silent there but for other tones.
func (d *draft) beep(at, n int, f, slide float64, harmonics int) {
	x := d.piece[:min(n, len(d.source)-at)]
	clear(x)
	for k := 1; k <= harmonics && f*float64(k) < 0.45*SampleRate; k++ {
		d.oscillate(x, f*float64(k), slide*float64(k), float32(d.logarithmic(0.1, 1)/float64(k)))
	}
	fadeIn(x, fade)
	fadeOut(x, fade)
	for i, v := range x {
		d.source[at+i] += v
	}
}
