package corpus

import "math"

// ground lays what a recording has of its own under the voice, over the whole segment and for the target to keep: a floor, a
// rumble, both or neither. A segment without a voice gets none: it would be all there is.
func (d *draft) ground() {
	cfg := &d.cfg.Speech
	d.frames = framePowers(d.frames, d.Clean)
	voice := activePower(d.frames)
	if voice < quietest {
		return
	}
	if d.chance(cfg.Floor) {
		clear(d.source)
		if d.chance(0.25) {
			d.mains()
		} else {
			d.colour()
		}
		d.lay(cfg.FloorLevel, voice)
	}
	if d.chance(cfg.Rumble) {
		clear(d.source)
		d.white(d.source)
		filter3(d.source, butterworth6(lowPass, d.logarithmic(rumbleLow, rumbleHigh)))
		d.lay(cfg.RumbleLevel, voice)
	}
}

// Rumble ends between rumbleLow and rumbleHigh, in Hz: steps, tables, traffic and microphone stands, below the voice.
const (
	rumbleLow  = 25
	rumbleHigh = voiceBand
)

// lay adds source to Clean at a level in dB, drawn from r, against that of the voice.
func (d *draft) lay(r Range, voice float32) {
	p := power(d.source)
	if p < minPower {
		return
	}
	g := amplitude(r.draw(d.rng)) * float32(math.Sqrt(float64(voice/p)))
	addTo(d.Clean, d.source, g)
}
