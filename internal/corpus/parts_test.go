package corpus

import (
	"math"
	"slices"
	"strings"
	"testing"

	"sotto/internal/testsig"
)

// onlyConfig leaves out everything random but what a test then asks for.
func onlyConfig() MixConfig {
	cfg := DefaultMixConfig()
	cfg.NoiseOnly, cfg.NearClean = 0, 0
	cfg.Speech.SpeedChange, cfg.Speech.Lead, cfg.Speech.OtherTalker = 0, 0, 0
	cfg.Speech.Floor, cfg.Speech.Rumble = 0, 0
	cfg.Noise = NoiseConfig{Talkers: Range{3, 12}, Speed: Range{1, 1}}
	cfg.Channel = ChannelConfig{T60: cfg.Channel.T60, Cutoff: cfg.Channel.Cutoff}
	cfg.Accident = AccidentConfig{}
	return cfg
}

func TestLoopKeepsTheLevelOfANoise(t *testing.T) {
	x := newTestMixer(t, onlyConfig(), 1)
	var m Mixture
	m.prepare(x.length)
	d := draft{Mixer: x, Mixture: &m, workspace: m.work}
	clip := quantise(testsig.WhiteNoise(SampleRate/2, 0.1, 1))
	for _, speed := range []float64{1, 0.8} {
		clear(m.Noisy)
		d.loop(m.Noisy, &tune{samples: clip, gain: 1.0 / 3277}, 1000, speed, 0)
		for i, p := range framePowers(nil, m.Noisy) {
			if db := decibels(float64(p)); math.Abs(db) > 3 { // 320 Gaussian samples spread by 0.35 dB.
				t.Errorf("speed %g: frame %d at %.1f dB, want 0: the clip repeats every 0.5 s", speed, i, db)
			}
		}
	}
}

// TestGrainsAreOfTheClipInAnotherOrder puts a rising sweep of levels together anew:
// every moment's level is one of the clip's, and they do not rise.
func TestGrainsAreOfTheClipInAnotherOrder(t *testing.T) {
	cfg := onlyConfig()
	cfg.Noise.GrainTime = Range{0.2, 0.4}
	x := newTestMixer(t, cfg, 1)
	var m Mixture
	m.prepare(x.length)
	d := draft{Mixer: x, Mixture: &m, workspace: m.work}
	m.work.pcg.Seed(2, 1)
	rising := testsig.WhiteNoise(10*SampleRate, 0.1, 1)
	for i := range rising {
		rising[i] *= float32(1+i/SampleRate) / 10
	}
	d.grains(&tune{samples: quantise(rising), gain: 1.0 / 3277}, 1)
	var falls int
	frames := framePowers(nil, d.source)
	for i, p := range frames[:len(frames)-1] {
		db := decibels(float64(p))
		if db < -26 || db > 3 {
			t.Errorf("frame %d at %.1f dB, want -20 to 0", i, db)
		}
		if i >= 10 && p < frames[i-10]/2 {
			falls++
		}
	}
	if falls == 0 {
		t.Error("the level never falls, as if the clip were played in its order")
	}
}

// TestReverseAndPulse compares a noise as it is with the same played backwards
// and with a level that moves.
func TestReverseAndPulse(t *testing.T) {
	cfg := onlyConfig()
	render := func(cfg MixConfig) []float32 {
		x := newTestMixer(t, cfg, 1)
		var m Mixture
		m.prepare(x.length)
		d := draft{Mixer: x, Mixture: &m, workspace: m.work}
		m.work.pcg.Seed(3, 1)
		d.recorded()
		return slices.Clone(d.source)
	}
	forwards := render(cfg)
	cfg.Noise.Reverse = 1
	backwards := render(cfg)
	slices.Reverse(backwards)
	if !slices.Equal(forwards, backwards) {
		t.Error("a noise played backwards is not the noise reversed")
	}
	cfg.Noise.Reverse, cfg.Noise.Pulse = 0, 1
	pulsed := render(cfg)
	var low, high float32 = 1, 0
	for i, v := range pulsed {
		if math.Abs(float64(forwards[i])) > 0.1 {
			low, high = min(low, v/forwards[i]), max(high, v/forwards[i])
		}
	}
	if high > 1.001 || high < 1.2*low {
		t.Errorf("the level moves between %.3f and %.3f of the noise's, want from below to 1 at most", low, high)
	}
}

func TestLoopGapsAreSilent(t *testing.T) {
	x := newTestMixer(t, onlyConfig(), 1)
	var m Mixture
	m.prepare(x.length)
	d := draft{Mixer: x, Mixture: &m, workspace: m.work}
	m.work.pcg.Seed(1, 1)
	d.loop(m.Noisy, &tune{samples: quantise(testsig.WhiteNoise(SampleRate/2, 0.1, 1)), gain: 1}, 0, 1, 1)
	silent := 0
	for _, p := range framePowers(nil, m.Noisy) {
		if p == 0 {
			silent++
		}
	}
	if silent < 20 || silent > 180 {
		t.Errorf("%d of 200 frames are silent, want gaps of 0.5 s on average between pieces of 0.5 s", silent)
	}
}

func TestReverbGoesToTheNoisySignalOnly(t *testing.T) {
	cfg := onlyConfig()
	cfg.NearClean = 1
	cfg.Channel.Reverb, cfg.Channel.T60, cfg.Channel.TailLevel = 1, Range{0.2, 0.2}, Range{-10, -10}
	x := newTestMixer(t, cfg, 1)
	var m Mixture
	tested := 0
	for i := range uint64(20) {
		if x.Mix(i, &m); !math.IsInf(m.SNR, 1) {
			continue
		}
		tested++
		tail := make([]float32, len(m.Clean))
		for k := range tail {
			tail[k] = m.Noisy[k] - m.Clean[k]
		}
		testsig.NearAt(t, "level of the tail in dB", decibels(float64(power(tail)/power(m.Clean))), -10, 0.1)
	}
	if tested == 0 {
		t.Error("no mixture without noise among 20, want about half")
	}
}

func TestReflectionsStayWithinTheEarlyPart(t *testing.T) {
	x := newTestMixer(t, onlyConfig(), 1)
	var m Mixture
	m.prepare(x.length)
	d := draft{Mixer: x, Mixture: &m, workspace: m.work}
	const at = 2 * early
	m.Clean[at] = 1
	d.reflect(0.4)
	count := 0
	for i, v := range m.Clean {
		if v != 0 {
			count++
			if i < at || i >= at+early {
				t.Errorf("reflection %d samples after the sound, want less than %d", i-at, early)
			}
		}
	}
	if m.Clean[at] != 1 || count < 3 || count > 1+reflections {
		t.Errorf("direct sound %g and %d samples in all, want 1 and up to %d", m.Clean[at], count, 1+reflections)
	}
}

func TestBandLimitHoldsForSpeechAndNoise(t *testing.T) {
	high := func(x []float32) float64 {
		y := slices.Clone(x)
		whole := power(y)
		filter4(y, butterworth8(highPass, 6000))
		return decibels(float64(power(y) / whole))
	}
	limited := onlyConfig()
	limited.Channel.BandLimit = 1
	limited.Channel.Cutoff = Range{3400, 3600}
	slow := onlyConfig()
	slow.Speech.SpeedChange, slow.Speech.Speed = 1, Range{0.6, 0.6}
	free := onlyConfig()
	for _, c := range []struct {
		name   string
		cfg    MixConfig
		lo, hi float64
	}{{"limited", limited, -200, -55}, {"slowed", slow, -200, -20}, {"free", free, -10, 0}} {
		var m Mixture
		newTestMixer(t, c.cfg, 1).Mix(1, &m)
		noise := make([]float32, len(m.Clean))
		for k := range noise {
			noise[k] = m.Noisy[k] - m.Clean[k]
		}
		if db := high(noise); db < c.lo || db > c.hi {
			t.Errorf("%s: noise above 6 kHz at %.1f dB, want %g..%g", c.name, db, c.lo, c.hi)
		}
		if db := high(m.Clean); db > c.hi {
			t.Errorf("%s: speech above 6 kHz at %.1f dB, want below %g", c.name, db, c.hi)
		}
	}
}

func TestSyntheticNoises(t *testing.T) {
	for name, set := range map[string]func(*NoiseConfig){
		sourceBabble: func(c *NoiseConfig) { c.Babble = 1 },
		sourceShaped: func(c *NoiseConfig) { c.Shaped = 1 },
		sourceHum:    func(c *NoiseConfig) { c.Hum = 1 },
		sourceClicks: func(c *NoiseConfig) { c.Clicks = 1 },
		sourceTones:  func(c *NoiseConfig) { c.Tones = 1 },
	} {
		cfg := onlyConfig()
		cfg.NoiseOnly = 1
		cfg.NoiseOnlyLevel = Range{-30, -30}
		set(&cfg.Noise)
		x := newTestMixer(t, cfg, 1)
		var m Mixture
		for i := range uint64(20) {
			x.Mix(i, &m)
			if len(m.Sources) == 0 || m.Sources[0] != name {
				t.Errorf("sources %v, want %s", m.Sources, name)
			}
			if top := largest(m.Noisy); top < 0.98 { // Peaks of clicks may be limited, which lowers the level.
				testsig.NearAt(t, name+": level in dBFS", decibels(float64(power(m.Noisy))), -30, 0.01)
			}
		}
	}
}

func TestHumStandsOnTheMainsFrequency(t *testing.T) {
	cfg := onlyConfig()
	cfg.NoiseOnly, cfg.Noise.Hum = 1, 1
	x := newTestMixer(t, cfg, 1)
	var m Mixture
	x.Mix(1, &m)
	// Autocorrelation at one period of 50 or 60 Hz.
	best := 0.0
	for _, lag := range []int{SampleRate / 50, SampleRate * 10 / 600} {
		var a float64
		for i := lag; i < len(m.Noisy); i++ {
			a += float64(m.Noisy[i]) * float64(m.Noisy[i-lag])
		}
		best = max(best, a/float64(len(m.Noisy))/float64(power(m.Noisy)))
	}
	if best < 0.9 {
		t.Errorf("autocorrelation %.2f after one period of the mains, want nearly 1", best)
	}
}

func TestTalkLeadsPausesAndChangesTalker(t *testing.T) {
	cfg := onlyConfig()
	cfg.Speech.Lead, cfg.Speech.LeadTime, cfg.Speech.OtherTalker = 1, Range{0.5, 0.5}, 1
	x := newTestMixer(t, cfg, 1)
	var m Mixture
	changed := 0
	for i := range uint64(20) {
		x.Mix(i, &m)
		if top := largest(m.Clean[:SampleRate/2-1]); top > 1e-6 {
			t.Errorf("mixture %d: clean peak %g within the first 0.5 s, want silence", i, top)
		}
		if len(m.Sources) < 3 {
			t.Errorf("mixture %d: sources %v, want two utterances and a noise", i, m.Sources)
			continue
		}
		a, _, _ := strings.Cut(m.Sources[0], "__u")
		if b, _, _ := strings.Cut(m.Sources[1], "__u"); a != b {
			changed++
		}
	}
	if changed < 15 {
		t.Errorf("the talker changes in %d of 20 mixtures, want nearly all", changed)
	}
}
