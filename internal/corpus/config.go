package corpus

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Range is an interval that a value is drawn from, uniformly unless said otherwise.
type Range struct{ Lo, Hi float64 }

// draw returns a value of the range.
func (r Range) draw(rng *rand.Rand) float64 { return r.Lo + (r.Hi-r.Lo)*rng.Float64() }

// MixConfig says what mixtures are like. Start from [DefaultMixConfig]: a probability of zero means never, and a zero Range means
// the value 0. Probabilities are per mixture unless said otherwise; times are in seconds, levels in dB.
//
// The defaults are judgement, set wider than the conditions of use: speech at -32..-20 dBFS, SNR -5..15 dB, noise alone at first.
type MixConfig struct {
	// Segment is the length of every mixture. Default 4 s, long enough for a recurrent network to settle and to forget.
	Segment time.Duration

	// NoiseOnly is the probability of a mixture without speech. Default 0.05.
	NoiseOnly float64
	// NearClean is the probability of a mixture with hardly any noise: none at all in half of them, NearCleanSNR in the others.
	// Default 0.15: with 0.06, a network that had heard 23 hours took clean voices for noise (-3 dB of SI-SDR at 15 dB).
	NearClean float64
	// NearCleanKept is the probability that the noise of a near-clean mixture belongs to the target: recordings have a floor, and
	// what lies so far below the voice is let pass. Never in a room, whose tail is not. Default 0.5.
	NearCleanKept float64
	// SNR is the range of the ratio of the active speech level to the mean noise level. Its density is a triangle with its peak at
	// SNRMode. Defaults -8..30 with the peak at 5, which makes the mean 9.
	SNR Range
	// SNRMode is where the density of SNR peaks.
	SNRMode float64
	// NearCleanSNR is the SNR of near-clean mixtures. Default 30..50.
	NearCleanSNR Range
	// Level is the active level of the clean speech in dBFS. Default -42..-12.
	Level Range
	// NoiseOnlyLevel is the level in dBFS of mixtures without speech. Default -60..-15.
	NoiseOnlyLevel Range

	Speech   SpeechConfig
	Noise    NoiseConfig
	Channel  ChannelConfig
	Accident AccidentConfig
}

// SpeechConfig says how the talk of a mixture is assembled.
type SpeechConfig struct {
	// Lead is the probability of noise alone at the start, for LeadTime, but at most half the segment. Defaults 0.35 and 0.2..1.5.
	Lead     float64
	LeadTime Range
	// Pause is the silence between two utterances. Default 0.1..0.9.
	Pause Range
	// OtherTalker is the probability, after each utterance, that another speaker goes on. Default 0.1.
	OtherTalker float64
	// SpeedChange is the probability of another speed, and pitch, from Speed. Defaults 0.7 and 0.85..1.18.
	SpeedChange float64
	Speed       Range
	// LevelSpread is the range of the level of an utterance against the others. Default -2..2.
	LevelSpread Range
	// Floor is the probability that the recording of the voice has an even floor of its own, hiss or hum, at FloorLevel against the
	// voice, and Rumble that of one below the voice, at RumbleLevel. The target keeps both: what a recording has always had is no
	// noise that came to it, and a network that knows clean voices alone takes it away with a piece of the voice. Defaults 0.2 and
	// -50..-25, and 0.2 and -28..-3, about what amateurs' recordings have (a fourth of LibriSpeech's rumble at more than -20 dB).
	Floor, Rumble           float64
	FloorLevel, RumbleLevel Range
	// Weight says, by corpus, how much more often a speaker is drawn than the square root of its minutes says. Absent means 1,
	// 0 never. Default none.
	Weight map[string]float64
}

// NoiseConfig says what the noise of a mixture consists of.
type NoiseConfig struct {
	// Two and Three are the probabilities of two and three noises at once. Defaults 0.3 and 0.12.
	Two, Three float64
	// Babble, Shaped, Hum, Clicks and Tones are the probabilities, per noise, of a synthetic one; the remainder is recorded.
	// Defaults 0.09, 0.09, 0.03, 0.03 and 0.03.
	Babble, Shaped, Hum, Clicks, Tones float64
	// Talkers is the number of voices in synthetic babble. Default 3..12.
	Talkers Range
	// Relative is the level of the second and third noise against the first. Default -15..0.
	Relative Range
	// Reverse is the probability, per recorded noise, that it is played backwards. Default 0.3.
	Reverse float64
	// Grains is the probability, per recorded noise, that it is put together anew from pieces of GrainTime of one clip, in any
	// order. Pieces are at least 20 ms long. Defaults 0.25 and 0.08..0.8.
	Grains    float64
	GrainTime Range
	// Pulse is the probability, per recorded noise, of a level that moves within the segment as that of synthetic noise does.
	// Default 0.1.
	Pulse float64
	// SpeedChange is the probability, per recorded noise, of another speed from Speed. Defaults 0.6 and 0.6..1.7.
	SpeedChange float64
	Speed       Range
	// LoopGap is the probability, per repetition of a clip shorter than the segment, of a pause of up to one second instead of a
	// cross-fade. Default 0.3.
	LoopGap float64
	// Ramp is the probability, per noise, of a change of level along the segment, by RampLevel. Defaults 0.2 and -12..12.
	Ramp      float64
	RampLevel Range
	// Onset is the probability, per noise, that it starts somewhere within the segment. Default 0.08.
	Onset float64
	// Weight says, by corpus, how much more often a clip is drawn than the square root of its length says. Absent means 1, 0
	// never. Default none.
	Weight map[string]float64
}

// ChannelConfig says what rooms and microphones do to speech and noise.
type ChannelConfig struct {
	// EQ is the probability, for the speech and for each noise separately, of a random equaliser: a low shelf, a peak and a high
	// shelf of up to +-EQGain, or +-NoiseEQGain for noise. The clean target carries the speech's. Defaults 0.7, 8 and 12.
	EQ          float64
	EQGain      float64
	NoiseEQGain float64
	// Reverb is the probability of a room: reflections within the first 30 ms, which the target keeps, and a tail that it does
	// not, with reverberation time T60 and the level TailLevel against the rest. Defaults 0.1, 0.1..0.4 and -20..-6.
	Reverb    float64
	T60       Range
	TailLevel Range
	// BandLimit is the probability of a low-pass of speech and noise alike, Cutoff in Hz; half of them lie in 3400..4000, where
	// telephones and 8 kHz files end. Defaults 0.15 and 3400..7000.
	BandLimit float64
	Cutoff    Range
}

// AccidentConfig says what goes wrong on the way.
type AccidentConfig struct {
	// Clip is the probability that the noisy signal is clipped, by ClipDepth below its peak. Defaults 0.02 and 1..8.
	Clip      float64
	ClipDepth Range
	// Gap is the probability of one to three drop-outs, in target and noisy signal, of GapTime each. Defaults 0.03 and 0.01..0.15.
	Gap     float64
	GapTime Range
}

// DefaultMixConfig returns the defaults that the fields document.
func DefaultMixConfig() MixConfig {
	return MixConfig{
		Segment:        4 * time.Second,
		NoiseOnly:      0.05,
		NearClean:      0.15,
		NearCleanKept:  0.5,
		SNR:            Range{-8, 30},
		SNRMode:        5,
		NearCleanSNR:   Range{30, 50},
		Level:          Range{-42, -12},
		NoiseOnlyLevel: Range{-60, -15},
		Speech: SpeechConfig{
			Lead: 0.35, LeadTime: Range{0.2, 1.5},
			Pause:       Range{0.1, 0.9},
			OtherTalker: 0.1,
			SpeedChange: 0.7, Speed: Range{0.85, 1.18},
			LevelSpread: Range{-2, 2},
			Floor:       0.2, FloorLevel: Range{-50, -25},
			Rumble: 0.2, RumbleLevel: Range{-28, -3},
		},
		Noise: NoiseConfig{
			Two: 0.3, Three: 0.12,
			Babble: 0.09, Shaped: 0.09, Hum: 0.03, Clicks: 0.03, Tones: 0.03,
			Talkers:  Range{3, 12},
			Relative: Range{-15, 0},
			Reverse:  0.3,
			Grains:   0.25, GrainTime: Range{0.08, 0.8},
			Pulse:       0.1,
			SpeedChange: 0.6, Speed: Range{0.6, 1.7},
			LoopGap: 0.3,
			Ramp:    0.2, RampLevel: Range{-12, 12},
			Onset: 0.08,
		},
		Channel: ChannelConfig{
			EQ: 0.7, EQGain: 8, NoiseEQGain: 12,
			Reverb: 0.1, T60: Range{0.1, 0.4}, TailLevel: Range{-20, -6},
			BandLimit: 0.15, Cutoff: Range{3400, 7000},
		},
		Accident: AccidentConfig{
			Clip: 0.02, ClipDepth: Range{1, 8},
			Gap: 0.03, GapTime: Range{0.01, 0.15},
		},
	}
}

// minSegment is the shortest mixture: shorter ones would hold no syllable.
const minSegment = 500 * time.Millisecond

// Validate says in one line what is wrong with the configuration.
func (c *MixConfig) Validate() error {
	if c.Segment < minSegment {
		return fmt.Errorf("corpus: segment of %v, expected at least %v: set MixConfig.Segment", c.Segment, minSegment)
	}
	for _, x := range c.probabilities() {
		if !(x.p >= 0 && x.p <= 1) { // so that NaN is refused
			return fmt.Errorf("corpus: MixConfig.%s is %g, expected a probability, 0 to 1", x.name, x.p)
		}
	}
	for _, x := range c.ranges() {
		if !(x.r.Lo >= x.lo && x.r.Hi <= x.hi && x.r.Lo <= x.r.Hi) { // so that NaN is refused
			return fmt.Errorf("corpus: MixConfig.%s is %g..%g, expected a rising range within %g..%g", x.name, x.r.Lo, x.r.Hi, x.lo, x.hi)
		}
	}
	return nil
}

// bounds are a range of the configuration and what it must lie within.
type bounds struct {
	name   string
	r      Range
	lo, hi float64
}

// ranges lists every range of the configuration, and the gains of equalisers, which are ranges around zero.
func (c *MixConfig) ranges() []bounds {
	const longest = 60 // s
	return []bounds{
		{"SNR", c.SNR, -60, 100},
		{"NearCleanSNR", c.NearCleanSNR, -60, 100},
		{"Level", c.Level, -90, 0},
		{"NoiseOnlyLevel", c.NoiseOnlyLevel, -90, 0},
		{"Speech.LeadTime", c.Speech.LeadTime, 0, longest},
		{"Speech.Pause", c.Speech.Pause, 0, longest},
		{"Speech.LevelSpread", c.Speech.LevelSpread, -60, 60},
		{"Speech.Speed", c.Speech.Speed, minSpeed, maxSpeed},
		{"Speech.FloorLevel", c.Speech.FloorLevel, -120, 0},
		{"Speech.RumbleLevel", c.Speech.RumbleLevel, -120, 0},
		{"Noise.Speed", c.Noise.Speed, minSpeed, maxSpeed},
		{"Noise.Talkers", c.Noise.Talkers, 1, 64},
		{"Noise.Relative", c.Noise.Relative, -90, 90},
		{"Noise.RampLevel", c.Noise.RampLevel, -90, 90},
		{"Noise.GrainTime", c.Noise.GrainTime, 0, longest},
		{"Channel.EQGain", Range{0, c.Channel.EQGain}, 0, 60},
		{"Channel.NoiseEQGain", Range{0, c.Channel.NoiseEQGain}, 0, 60},
		{"Channel.T60", c.Channel.T60, 0.05, 10},
		{"Channel.TailLevel", c.Channel.TailLevel, -90, 30},
		{"Channel.Cutoff", c.Channel.Cutoff, 500, SampleRate / 2},
		{"Accident.ClipDepth", c.Accident.ClipDepth, 0, 90},
		{"Accident.GapTime", c.Accident.GapTime, 0, longest},
	}
}

// probability is a probability and the field of MixConfig that it comes from.
type probability struct {
	name string
	p    float64
}

// probabilities lists every probability of the configuration, and the sums of those that exclude each other.
func (c *MixConfig) probabilities() []probability {
	synthetic := c.Noise.Babble + c.Noise.Shaped + c.Noise.Hum + c.Noise.Clicks + c.Noise.Tones
	return []probability{
		{"NoiseOnly", c.NoiseOnly},
		{"NearClean", c.NearClean},
		{"NoiseOnly + NearClean", c.NoiseOnly + c.NearClean},
		{"NearCleanKept", c.NearCleanKept},
		{"Speech.Lead", c.Speech.Lead},
		{"Speech.OtherTalker", c.Speech.OtherTalker},
		{"Speech.SpeedChange", c.Speech.SpeedChange},
		{"Speech.Floor", c.Speech.Floor},
		{"Speech.Rumble", c.Speech.Rumble},
		{"Noise.Two", c.Noise.Two},
		{"Noise.Three", c.Noise.Three},
		{"Noise.Two + Three", c.Noise.Two + c.Noise.Three},
		{"Noise.Babble", c.Noise.Babble},
		{"Noise.Shaped", c.Noise.Shaped},
		{"Noise.Hum", c.Noise.Hum},
		{"Noise.Clicks", c.Noise.Clicks},
		{"Noise.Tones", c.Noise.Tones},
		{"Noise.Babble + Shaped + Hum + Clicks + Tones", synthetic},
		{"Noise.Reverse", c.Noise.Reverse},
		{"Noise.Grains", c.Noise.Grains},
		{"Noise.Pulse", c.Noise.Pulse},
		{"Noise.SpeedChange", c.Noise.SpeedChange},
		{"Noise.LoopGap", c.Noise.LoopGap},
		{"Noise.Ramp", c.Noise.Ramp},
		{"Noise.Onset", c.Noise.Onset},
		{"Channel.EQ", c.Channel.EQ},
		{"Channel.Reverb", c.Channel.Reverb},
		{"Channel.BandLimit", c.Channel.BandLimit},
		{"Accident.Clip", c.Accident.Clip},
		{"Accident.Gap", c.Accident.Gap},
	}
}
