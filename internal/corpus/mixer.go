package corpus

import (
	"errors"
	"math"
	"math/rand/v2"
)

// Mixer makes mixtures of speech and noise. It is safe for concurrent use with distinct Mixtures.
type Mixer struct {
	cfg    MixConfig
	seed   uint64
	length int
	speech *pool
	noise  *pool
	speeds *speeder
}

// Mixture is one training example. Its buffers are reused by the next Mix.
type Mixture struct {
	// Clean is the target and Noisy the input, full scale 1; the noise is Noisy - Clean. Both stay within +-0.99.
	Clean, Noisy []float32
	// SNR is the active level of Clean against the mean level of the noise, in dB, before drop-outs, clipping and the
	// reverberant tail: +Inf without noise, or where it belongs to the target, -Inf without speech.
	SNR float64
	// LevelDB is the active level of Clean in dBFS, -Inf without speech.
	LevelDB float64
	// Sources names the clips and the synthetic noises, in the order of their use; speech comes first.
	Sources []string

	work *workspace
}

// workspace is the scratch memory of a Mixture.
type workspace struct {
	pcg    rand.PCG
	rng    *rand.Rand
	source []float32 // one noise
	piece  []float32 // one repetition of a noise clip
	tail   []float32 // the late reverberation of the speech
	read   []float32 // the stretch of a clip that a speed change reads
	frames []float32 // powers
	hall   hall
}

// NewMixer prepares mixing; it measures every clip once. Samples are shared with the sets.
func NewMixer(speech, noise *Set, cfg MixConfig, seed uint64) (*Mixer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := checkWeights("speech", speech, cfg.Speech.Weight); err != nil {
		return nil, err
	}
	if err := checkWeights("noise", noise, cfg.Noise.Weight); err != nil {
		return nil, err
	}
	x := &Mixer{cfg: cfg, seed: seed, length: int(cfg.Segment.Seconds() * SampleRate)}
	x.speech = newPool(speech, asSpeech(cfg.Speech.Weight))
	x.noise = newPool(noise, asNoise(cfg.Noise.Weight))
	if len(x.speech.groups) == 0 {
		return nil, errors.New("corpus: no speech to mix: expected at least one clip of 0.1 s that is not silent")
	}
	if len(x.noise.groups) == 0 {
		return nil, errors.New("corpus: no noise to mix: expected at least one clip of 0.1 s that is not silent")
	}
	x.speeds = newSpeeder(max(cfg.Speech.Speed.Hi, cfg.Noise.Speed.Hi, 1))
	return x, nil
}

// Length is the number of samples of every mixture.
func (x *Mixer) Length() int { return x.length }

// Mix makes mixture i in m. The result depends on the sets, the configuration, the seed and i alone. It allocates on the first
// use of m only.
func (x *Mixer) Mix(i uint64, m *Mixture) {
	m.prepare(x.length)
	m.work.pcg.Seed(splitmix(x.seed), splitmix(i))
	d := draft{Mixer: x, Mixture: m, workspace: m.work}
	d.make()
}

// prepare sizes the buffers for n samples and clears them.
func (m *Mixture) prepare(n int) {
	if m.work == nil {
		m.work = &workspace{}
		m.work.rng = rand.New(&m.work.pcg)
		m.Sources = make([]string, 0, 64)
	}
	for _, b := range []*[]float32{&m.Clean, &m.Noisy, &m.work.source, &m.work.piece, &m.work.tail} {
		if cap(*b) < n {
			*b = make([]float32, n)
		}
		*b = (*b)[:n]
		clear(*b)
	}
	if longest := needed(n, maxSpeed); len(m.work.read) < longest {
		m.work.read = make([]float32, longest)
		m.work.frames = make([]float32, 0, n/levelFrame+1)
	}
	m.Sources = m.Sources[:0]
	m.SNR, m.LevelDB = math.Inf(-1), math.Inf(-1)
}

// draft is a mixture in the making.
type draft struct {
	*Mixer
	*Mixture
	*workspace
	// speed is the speed of the speech.
	speed float64
	// talker is the group of the speech pool that speaks first.
	talker int
}

// chance is true with probability p.
func (d *draft) chance(p float64) bool { return d.rng.Float64() < p }

// make decides what kind of mixture it is and puts it together.
func (d *draft) make() {
	kind := d.rng.Float64()
	d.speed = 1
	d.talker = d.speech.draw(d.rng)
	silent := kind < d.cfg.NoiseOnly
	if !silent {
		d.talk()
	}
	snr := d.drawSNR()
	kept := false
	if near := !silent && kind < d.cfg.NoiseOnly+d.cfg.NearClean; near {
		kept = d.chance(d.cfg.NearCleanKept)
		if snr = d.cfg.NearCleanSNR.draw(d.rng); d.chance(0.5) {
			snr = math.Inf(1)
		}
	}
	if !math.IsInf(snr, 1) {
		d.disturb()
	}
	tailed := !silent && d.chance(d.cfg.Channel.Reverb)
	if tailed {
		d.reverberate()
	}
	if !silent {
		d.ground()
	}
	d.limitBand(tailed)
	d.balance(snr)
	if kept && !tailed && !math.IsInf(d.LevelDB, -1) {
		copy(d.Clean, d.Noisy)
		d.SNR = math.Inf(1)
	}
	d.dropOut()
	d.limitPeak()
}

// drawSNR draws from the triangle over cfg.SNR with its peak at cfg.SNRMode, by inverting its distribution.
func (d *draft) drawSNR() float64 {
	lo, hi := d.cfg.SNR.Lo, d.cfg.SNR.Hi
	mode := min(max(d.cfg.SNRMode, lo), hi)
	u := d.rng.Float64()
	if u*(hi-lo) < mode-lo {
		return lo + math.Sqrt(u*(hi-lo)*(mode-lo))
	}
	return hi - math.Sqrt((1-u)*(hi-lo)*(hi-mode))
}

// balance brings the speech to its level and the noise to its SNR, and adds them up: until here Clean holds speech, tail its late
// reverberation and Noisy the noise.
func (d *draft) balance(snr float64) {
	d.frames = framePowers(d.frames, d.Clean)
	speech, noise := float64(activePower(d.frames)), float64(power(d.Noisy))
	if speech < minPower { // No speech, or a pause as long as the segment.
		clear(d.Clean)
		clear(d.tail)
		g := amplitude(d.cfg.NoiseOnlyLevel.draw(d.rng)) / float32(math.Sqrt(max(noise, minPower)))
		scale(d.Noisy, g)
		return
	}
	// Every utterance was brought to level one: where a segment got the quiet end of one only, it stays quiet.
	reference := max(speech, quietest)
	level := d.cfg.Level.draw(d.rng)
	gs := math.Pow(10, level/20) / math.Sqrt(reference)
	d.LevelDB = 20*math.Log10(gs) + decibels(speech)
	var gn float64
	if d.SNR = math.Inf(1); noise > minPower && !math.IsInf(snr, 1) {
		d.SNR = snr
		gn = gs * math.Sqrt(speech/noise) * math.Pow(10, -snr/20)
	}
	gain, gainNoise := float32(gs), float32(gn)
	clean, tail := d.Clean[:len(d.Noisy)], d.tail[:len(d.Noisy)]
	for i, n := range d.Noisy {
		c := gain * clean[i]
		clean[i] = c
		d.Noisy[i] = c + gain*tail[i] + gainNoise*n
	}
}

// Signals below minPower count as nothing: sources have power one. quietest is -15 dB.
const (
	minPower = 1e-9
	quietest = 0.0316
)

// addTo adds g times x to dst, which is at least as long.
func addTo(dst, x []float32, g float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] += g * v
	}
}

func scale(x []float32, g float32) {
	for i := range x {
		x[i] *= g
	}
}
