package corpus

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Mixtures to validate on are made like those that enhancers are compared on: one second of noise alone, then speech at one of
// five SNRs.
const validationLead = SampleRate

// validationSNRs are taken in turn.
var validationSNRs = [...]float64{-5, 0, 5, 10, 15}

// ValidationSet returns n mixtures of 6 to 10 s (less where an utterance ends before), without equalisers, rooms or accidents: a
// second of noise alone, then one utterance at -32..-20 dBFS with one recorded noise at -5, 0, 5, 10 or 15 dB in turn. No utterance
// and no noise is used again before all others were. SNR is measured over the active speech and over the noise after the first
// second. The result depends on the sets, seed and n alone.
func ValidationSet(speech, noise *Set, seed uint64, n int) ([]Mixture, error) {
	talk := newPool(speech, asUtterances())
	sound := newPool(noise, asNoise(nil))
	switch {
	case n <= 0:
		return nil, fmt.Errorf("corpus: validation set of %d mixtures, expected at least one", n)
	case len(talk.groups) == 0:
		return nil, errors.New("corpus: no speech to validate on: expected at least one clip of 0.1 s that is not silent")
	case len(sound.groups) == 0:
		return nil, errors.New("corpus: no noise to validate on: expected at least one clip of 0.1 s that is not silent")
	}
	rng := rand.New(rand.NewPCG(splitmix(seed), 0))
	utterances, noises := rng.Perm(len(talk.groups)), rng.Perm(len(sound.groups))
	out := make([]Mixture, n)
	for k := range out {
		v := validation{
			rng:    rng,
			speech: &talk.groups[utterances[k%len(utterances)]][0],
			noise:  &sound.groups[noises[k%len(noises)]][0],
		}
		v.mix(&out[k], validationSNRs[k%len(validationSNRs)])
	}
	return out, nil
}

// asUtterances is speech with each clip apart.
func asUtterances() role {
	r := asSpeech(nil)
	r.key = asNoise(nil).key
	return r
}

// validation is one mixture to validate on in the making.
type validation struct {
	rng           *rand.Rand
	speech, noise *tune
}

func (v *validation) mix(m *Mixture, snr float64) {
	length := int(Range{6, 10}.draw(v.rng) * SampleRate)
	talk := v.speech.samples
	if spare := len(talk) - (length - validationLead); spare > 0 {
		from := v.rng.IntN(spare)
		talk = talk[from : from+length-validationLead]
	}
	m.prepare(validationLead + len(talk))
	for i, s := range talk {
		m.Clean[validationLead+i] = v.speech.gain * float32(s)
	}
	d := draft{Mixer: &Mixer{speeds: newSpeeder(1)}, Mixture: m, workspace: m.work}
	m.work.pcg.Seed(v.rng.Uint64(), 0)
	d.loop(m.Noisy, v.noise, v.rng.IntN(max(len(v.noise.samples)/2, 1)), 1, 0)
	m.Sources = append(m.Sources, v.speech.name, v.noise.name)

	speech := float64(activePower(framePowers(nil, m.Clean)))
	noise := float64(power(m.Noisy[validationLead:]))
	level := Range{-32, -20}.draw(v.rng)
	gs := math.Pow(10, level/20) / math.Sqrt(max(speech, minPower))
	gn := gs * math.Sqrt(speech/max(noise, minPower)) * math.Pow(10, -snr/20)
	for i, x := range m.Noisy {
		m.Clean[i] *= float32(gs)
		m.Noisy[i] = m.Clean[i] + float32(gn)*x
	}
	m.SNR, m.LevelDB = snr, level
	d.limitPeak()
	m.work = nil // Mixtures to validate on are kept, not remade: their scratch memory is not.
}
