package corpus

import (
	"math"
	"slices"
	"testing"

	"sotto/internal/testsig"
)

// TestGroundBelongsToTheTarget looks at the lead of mixtures without noise, where
// the floor and the rumble of the recording stand alone.
func TestGroundBelongsToTheTarget(t *testing.T) {
	below := func(x []float32) float64 { // the share of the power below the voice
		y := slices.Clone(x)
		filter4(y, butterworth8(lowPass, 2*voiceBand))
		return float64(power(y) / power(x))
	}
	for _, c := range []struct {
		name           string
		floor, rumble  float64
		level          float64
		least, highest float64 // share below the voice
	}{
		{"floor", 1, 0, -30, 0, 1},
		{"rumble", 0, 1, -10, 0.95, 1.05},
	} {
		cfg := onlyConfig()
		cfg.NearClean, cfg.NearCleanKept = 1, 0
		cfg.Channel.EQ, cfg.Channel.EQGain = 1, 8 // which moves the level of the voice
		cfg.NearCleanSNR = Range{90, 90}          // as good as none
		cfg.Level = Range{-20, -20}
		cfg.Speech.Lead, cfg.Speech.LeadTime, cfg.Speech.LevelSpread = 1, Range{1.5, 1.5}, Range{}
		cfg.Speech.Floor, cfg.Speech.FloorLevel = c.floor, Range{c.level, c.level}
		cfg.Speech.Rumble, cfg.Speech.RumbleLevel = c.rumble, Range{c.level, c.level}
		x := newTestMixer(t, cfg, 1)
		var m Mixture
		for i := range uint64(20) {
			x.Mix(i, &m)
			lead := m.Clean[SampleRate/4 : 3*SampleRate/2]
			// The voice of a segment may lie below level one, and a rumble swells and fades.
			testsig.NearAt(t, c.name+": level in dB against the voice", decibels(float64(power(lead)))+20, c.level+2, 5)
			if share := below(lead); share < c.least || share > c.highest {
				t.Errorf("%s, mixture %d: %.2f of the power lies below the voice, want %g..%g", c.name, i, share, c.least, c.highest)
			}
			if diff := farthest(m.Clean, m.Noisy); diff > 1e-4 {
				t.Errorf("%s, mixture %d: target and input differ by %g, want what the recording has in both", c.name, i, diff)
			}
		}
	}
}

func farthest(a, b []float32) float64 {
	var top float64
	for i := range a {
		top = max(top, math.Abs(float64(a[i]-b[i])))
	}
	return top
}

// TestGroundHasNoTail expects the same in a room: what the recording has of its own
// is not what the room gave back.
func TestGroundHasNoTail(t *testing.T) {
	cfg := onlyConfig()
	cfg.NearClean, cfg.NearCleanKept, cfg.NearCleanSNR = 1, 0, Range{90, 90}
	cfg.Speech.Lead, cfg.Speech.LeadTime = 1, Range{1.5, 1.5}
	cfg.Speech.Floor, cfg.Speech.FloorLevel = 1, Range{-10, -10}
	cfg.Speech.RumbleLevel = Range{-10, -10}
	cfg.Channel.Reverb, cfg.Channel.TailLevel = 1, Range{0, 0}
	x := newTestMixer(t, cfg, 1)
	var m Mixture
	for i := range uint64(10) {
		x.Mix(i, &m)
		if diff := farthest(m.Clean[:SampleRate], m.Noisy[:SampleRate]); diff > 1e-4 {
			t.Errorf("mixture %d: target and input differ by %g before anybody speaks", i, diff)
		}
		if diff := farthest(m.Clean, m.Noisy); diff < 0.01 {
			t.Errorf("mixture %d: no tail of the room in the input", i)
		}
	}
}

// TestNoGroundWithoutAVoice expects that silence stays silent in the target.
func TestNoGroundWithoutAVoice(t *testing.T) {
	cfg := onlyConfig()
	cfg.Speech.Floor, cfg.Speech.Rumble = 1, 1
	cfg.Speech.FloorLevel, cfg.Speech.RumbleLevel = Range{-10, -10}, Range{-10, -10}
	x := newTestMixer(t, cfg, 1)
	for _, group := range x.speech.groups {
		for i := range group {
			group[i].samples = make([]int16, len(group[i].samples))
		}
	}
	var m Mixture
	for i := range uint64(5) {
		if x.Mix(i, &m); largest(m.Clean) > 0 {
			t.Errorf("mixture %d: a target of %.2g without any voice", i, largest(m.Clean))
		}
	}
}
