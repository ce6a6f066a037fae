package corpus

// dropOut silences target and noisy signal together for short times, as lost packets do.
func (d *draft) dropOut() {
	c := &d.cfg.Accident
	if !d.chance(c.Gap) {
		return
	}
	for range 1 + d.rng.IntN(3) {
		n := min(int(c.GapTime.draw(d.rng)*SampleRate), d.length-1)
		at := d.rng.IntN(d.length - n)
		clear(d.Clean[at : at+n])
		clear(d.Noisy[at : at+n])
	}
}

// ceiling is the largest value of a mixture.
const ceiling = 0.99

// limitPeak clips the noisy signal, rarely, and turns target and noisy signal down together where they would leave [-1, 1].
func (d *draft) limitPeak() {
	top := largest(d.Noisy)
	if c := &d.cfg.Accident; d.chance(c.Clip) {
		top *= amplitude(-c.ClipDepth.draw(d.rng))
		for i, v := range d.Noisy {
			d.Noisy[i] = min(max(v, -top), top)
		}
	}
	if top = max(top, largest(d.Clean)); top > ceiling {
		g := ceiling / top
		scale(d.Clean, g)
		scale(d.Noisy, g)
		d.LevelDB += decibels(float64(g)) * 2
	}
}
