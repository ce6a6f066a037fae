package corpus

// fade is the length of the ramps, 5 ms, that keep cuts from clicking.
const fade = SampleRate / 200

// talk fills Clean with the utterances of one speaker, sometimes more, at level one, and equalises it.
func (d *draft) talk() {
	cfg := &d.cfg.Speech
	if d.chance(cfg.SpeedChange) {
		d.speed = cfg.Speed.draw(d.rng)
	}
	pos := 0
	if d.chance(cfg.Lead) {
		pos = min(int(cfg.LeadTime.draw(d.rng)*SampleRate), d.length/2)
	}
	group := d.speech.groups[d.talker]
	next, left := d.rng.IntN(len(group)), len(group)
	midway := pos == 0 // Without a lead the segment begins in the middle of an utterance.
	for first := true; pos < d.length; first = false {
		if left == 0 || !first && d.chance(cfg.OtherTalker) {
			group = d.speech.groups[d.speech.drawOther(d.rng, d.talker)]
			next, left = d.rng.IntN(len(group)), len(group)
		}
		t := &group[next%len(group)]
		next, left = next+1, left-1
		from := 0
		if first && midway || d.chance(0.3) {
			from = d.rng.IntN(max(len(t.samples)-SampleRate/2, 1))
		}
		pos += d.utter(d.Clean[pos:], t, from)
		pos += int(cfg.Pause.draw(d.rng) * SampleRate)
	}
	d.equalise(d.Clean, d.cfg.Channel.EQGain)
}

// utter adds an utterance from a sample onwards to dst, with a short fade at both ends, and returns its length there.
func (d *draft) utter(dst []float32, t *tune, from int) int {
	gain := t.gain * amplitude(d.cfg.Speech.LevelSpread.draw(d.rng))
	n := d.speeds.render(dst, t.samples, from, d.speed, gain, d.read)
	fadeIn(dst[:n], fade)
	fadeOut(dst[:n], fade)
	d.Sources = append(d.Sources, t.name)
	return max(n, fade) // Never nothing: the caller counts on getting on.
}
