package corpus

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/internal/testsig"
)

// speechSet is a small corpus: up to 20 speakers of three utterances each, with pauses.
func speechSet(speakers int) *Set { return &Set{Clips: slices.Clone(allSpeech().Clips[:3*speakers])} }

var allSpeech = sync.OnceValue(func() *Set {
	s := &Set{}
	for k := range 20 {
		for u := range 3 {
			x := testsig.SpeechLike(5*SampleRate/2, SampleRate, uint64(10*k+u+1))
			name := fmt.Sprintf("test__s%02d__u%d", k, u)
			s.Clips = append(s.Clips, Clip{Path: name, Name: name, Speaker: fmt.Sprintf("test__s%02d", k), Samples: quantise(x)})
		}
	}
	return s
})

// noiseSet is a small corpus of noise, one clip longer than a segment, one shorter, one padded with digital silence.
func noiseSet() *Set {
	s := &Set{}
	for k, seconds := range []int{9, 1, 2} {
		x := testsig.WhiteNoise(seconds*SampleRate, 0.1, uint64(k+1))
		if k == 2 {
			clear(x[SampleRate:])
		}
		name := fmt.Sprintf("test__noise%d__n%d", k, k)
		s.Clips = append(s.Clips, Clip{Path: name, Name: name, Class: fmt.Sprint("noise", k), Samples: quantise(x)})
	}
	return s
}

func newTestMixer(t testing.TB, cfg MixConfig, seed uint64) *Mixer {
	t.Helper()
	x, err := NewMixer(speechSet(4), noiseSet(), cfg, seed)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// plainConfig leaves out whatever makes noisy - clean differ from the noise that SNR is about.
func plainConfig() MixConfig {
	cfg := DefaultMixConfig()
	cfg.NearCleanKept, cfg.Channel.Reverb, cfg.Accident = 0, 0, AccidentConfig{}
	return cfg
}

func TestMixIsAPureFunctionOfSeedAndIndex(t *testing.T) {
	x := newTestMixer(t, DefaultMixConfig(), 7)
	const n = 60
	want := make([]Mixture, n)
	for i := range want {
		x.Mix(uint64(i), &want[i])
	}
	// Another mixer, many goroutines, reused buffers, reverse order.
	y := newTestMixer(t, DefaultMixConfig(), 7)
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			var m Mixture
			for i := n - 1 - w; i >= 0; i -= 3 {
				y.Mix(uint64(i), &m)
				if !slices.Equal(m.Noisy, want[i].Noisy) || !slices.Equal(m.Clean, want[i].Clean) {
					t.Errorf("mixture %d differs when made again by another goroutine", i)
				}
				if m.SNR != want[i].SNR || m.LevelDB != want[i].LevelDB || !slices.Equal(m.Sources, want[i].Sources) {
					t.Errorf("mixture %d is described differently when made again", i)
				}
			}
		})
	}
	wg.Wait()
	var a, b Mixture
	x.Mix(0, &a)
	newTestMixer(t, DefaultMixConfig(), 8).Mix(0, &b)
	if slices.Equal(a.Noisy, b.Noisy) {
		t.Error("seeds 7 and 8 give the same mixture")
	}
	if slices.Equal(want[1].Noisy, want[2].Noisy) {
		t.Error("mixtures 1 and 2 are the same")
	}
}

func TestMixReachesTheSNRAndLevelItStates(t *testing.T) {
	x := newTestMixer(t, plainConfig(), 1)
	var m Mixture
	noise := make([]float32, x.Length())
	for i := range uint64(300) {
		x.Mix(i, &m)
		for k := range noise {
			noise[k] = m.Noisy[k] - m.Clean[k]
		}
		speech := float64(activePower(framePowers(nil, m.Clean)))
		switch {
		case math.IsInf(m.SNR, -1):
			if top := largest(m.Clean); top != 0 || !math.IsInf(m.LevelDB, -1) {
				t.Errorf("mixture %d without speech: clean peak %g, level %g, want 0 and -Inf", i, top, m.LevelDB)
			}
			continue
		case math.IsInf(m.SNR, 1):
			if !slices.Equal(m.Clean, m.Noisy) {
				t.Errorf("mixture %d without noise: noisy differs from clean", i)
			}
		default:
			testsig.NearAt(t, fmt.Sprintf("mixture %d: SNR in dB", i), decibels(speech/float64(power(noise))), m.SNR, 0.02)
		}
		testsig.NearAt(t, fmt.Sprintf("mixture %d: level in dB", i), decibels(speech), m.LevelDB, 0.01)
	}
}

// TestNearCleanNoiseIsKept expects that mixtures with a floor of their own, or
// none, have nothing to take away, and that some of them have one.
func TestNearCleanNoiseIsKept(t *testing.T) {
	cfg := plainConfig()
	cfg.NoiseOnly, cfg.NearClean, cfg.NearCleanKept = 0, 1, 1
	x := newTestMixer(t, cfg, 1)
	var m Mixture
	noisy := 0
	for i := range uint64(20) {
		x.Mix(i, &m)
		if !slices.Equal(m.Clean, m.Noisy) || !math.IsInf(m.SNR, 1) {
			t.Errorf("mixture %d: SNR %g dB and a target that differs from the input, want none of it", i, m.SNR)
		}
		if len(m.Sources) > 0 && slices.ContainsFunc(m.Sources, func(s string) bool { return strings.HasPrefix(s, "synthetic:") || strings.Contains(s, "noise") }) {
			noisy++
		}
	}
	if noisy < 4 || noisy > 16 {
		t.Errorf("%d of 20 mixtures have a noise in them, want about half", noisy)
	}
	// The tail of a room is not kept, and noise alone is no target.
	cfg.Channel.Reverb = 1
	newTestMixer(t, cfg, 1).Mix(1, &m)
	if slices.Equal(m.Clean, m.Noisy) {
		t.Error("the tail of a room is part of the target")
	}
	cfg.Channel.Reverb = 0
	quiet := newTestMixer(t, cfg, 1)
	for _, group := range quiet.speech.groups {
		for i := range group {
			group[i].samples = make([]int16, len(group[i].samples))
		}
	}
	for i := range uint64(20) {
		if quiet.Mix(i, &m); largest(m.Clean) > 0 {
			t.Errorf("mixture %d: a target of %.2g without any voice", i, largest(m.Clean))
		}
	}
}

func TestMixStaysFiniteAndBelowFullScale(t *testing.T) {
	cfg := DefaultMixConfig()
	cfg.Level, cfg.SNR = Range{-15, 0}, Range{-20, 0} // Loud, so that limiting matters.
	cfg.Accident.Clip, cfg.Accident.Gap, cfg.Channel.Reverb, cfg.Channel.BandLimit = 0.3, 0.3, 0.5, 0.5
	x := newTestMixer(t, cfg, 3)
	var m Mixture
	for i := range uint64(200) {
		x.Mix(i, &m)
		for name, s := range map[string][]float32{"clean": m.Clean, "noisy": m.Noisy} {
			if len(s) != x.Length() {
				t.Fatalf("mixture %d: %s has %d samples, want %d", i, name, len(s), x.Length())
			}
			for k, v := range s {
				if !(v >= -1 && v <= 1) {
					t.Fatalf("mixture %d: %s[%d] = %g, want a value within [-1, 1]", i, name, k, v)
				}
			}
		}
	}
}

// TestMixStatistics is a check by numbers that mixtures are what the configuration says.
func TestMixStatistics(t *testing.T) {
	cfg := DefaultMixConfig()
	cfg.Segment = time.Second
	x := newTestMixer(t, cfg, 5)
	var m Mixture
	const n = 1000
	var silent, free, count int
	var sum, lo, hi, level float64
	for i := range uint64(n) {
		x.Mix(i, &m)
		switch {
		case math.IsInf(m.SNR, -1):
			silent++
		case m.SNR > cfg.SNR.Hi:
			free++
		default:
			count++
			sum += m.SNR
			lo, hi = min(lo, m.SNR), max(hi, m.SNR)
			level = min(level, m.LevelDB)
		}
	}
	// Three standard deviations of a share of 0.05 in 1000 are 0.021, of 0.15 they are 0.034; some one-second segments are a pause by themselves.
	testsig.NearAt(t, "share without speech", float64(silent)/n, cfg.NoiseOnly, 0.035)
	testsig.NearAt(t, "share nearly clean", float64(free)/n, cfg.NearClean, 0.034)
	testsig.NearAt(t, "mean SNR", sum/float64(count), 9, 0.9) // Standard error 7.9/sqrt(800) = 0.28.
	if lo > -6.5 || hi < 28 {
		t.Errorf("SNRs span %.1f..%.1f dB, want nearly -8..30", lo, hi)
	}
	if level > -39 {
		t.Errorf("lowest level is %.1f dBFS, want nearly -42", level)
	}
}

func TestMixWithTheSmallestCorpora(t *testing.T) {
	speech := speechSet(1).Filter(func(c *Clip) bool { return strings.HasSuffix(c.Name, "u0") })
	noise := noiseSet()
	noise.Clips = noise.Clips[1:2]
	short := Clip{Path: "b", Name: "b", Speaker: "b", Samples: speech.Clips[0].Samples[:SampleRate/5]}
	speech.Clips = append(speech.Clips, short)
	x, err := NewMixer(speech, noise, DefaultMixConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var m Mixture
	for i := range uint64(100) {
		x.Mix(i, &m)
		if largest(m.Noisy) == 0 {
			t.Errorf("mixture %d is silent", i)
		}
	}
}

func TestNewMixerSaysWhatIsMissing(t *testing.T) {
	silence := &Set{Clips: []Clip{{Name: "silence", Samples: make([]int16, SampleRate)}}}
	short := DefaultMixConfig()
	short.Segment = 0
	reversed := DefaultMixConfig()
	reversed.SNR = Range{5, -5}
	dead := DefaultMixConfig()
	dead.Channel.T60 = Range{}
	for _, c := range []struct {
		speech, noise *Set
		cfg           MixConfig
		want          string
	}{
		{&Set{}, noiseSet(), DefaultMixConfig(), "no speech"},
		{speechSet(1), &Set{}, DefaultMixConfig(), "no noise"},
		{silence, noiseSet(), DefaultMixConfig(), "no speech"},
		{speechSet(1), silence, DefaultMixConfig(), "no noise"},
		{speechSet(1), noiseSet(), short, "segment of 0s"},
		{speechSet(1), noiseSet(), reversed, "MixConfig.SNR"},
		{speechSet(1), noiseSet(), dead, "MixConfig.Channel.T60"},
	} {
		_, err := NewMixer(c.speech, c.noise, c.cfg, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, c.want)
		}
	}
}

func TestMixAccidents(t *testing.T) {
	cfg := plainConfig()
	cfg.Accident = AccidentConfig{Gap: 1, GapTime: Range{0.1, 0.1}, Clip: 1, ClipDepth: Range{6, 6}}
	cfg.SNR, cfg.NearClean, cfg.NoiseOnly = Range{0, 0}, 0, 0
	x := newTestMixer(t, cfg, 2)
	var m Mixture
	for i := range uint64(30) {
		x.Mix(i, &m)
		top, flat, run, gap := largest(m.Noisy), 0, 0, 0
		for k, v := range m.Noisy {
			if v == top || v == -top {
				flat++
			}
			if run++; v != 0 || m.Clean[k] != 0 {
				run = 0
			}
			gap = max(gap, run)
		}
		if flat < 3 {
			t.Errorf("mixture %d: %d samples at the clipping level, want some", i, flat)
		}
		if gap < SampleRate/10 {
			t.Errorf("mixture %d: longest digital silence %d samples, want at least 1600", i, gap)
		}
	}
}

func TestMixAllocatesNothingOnceWarm(t *testing.T) {
	x := newTestMixer(t, DefaultMixConfig(), 1)
	var m Mixture
	x.Mix(0, &m)
	var i uint64
	if n := testing.AllocsPerRun(200, func() { i++; x.Mix(i, &m) }); n != 0 {
		t.Errorf("Mix allocates %g times, want 0", n)
	}
}

func BenchmarkMix(b *testing.B) {
	x := newTestMixer(b, DefaultMixConfig(), 1)
	benchmarkMix(b, x)
}

func benchmarkMix(b *testing.B, x *Mixer) {
	b.Helper()
	b.ReportAllocs()
	var m Mixture
	x.Mix(0, &m)
	var i uint64
	for b.Loop() {
		i++
		x.Mix(i, &m)
	}
	seconds := float64(x.Length()) / SampleRate
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N)/seconds, "ms/audio-s")
	runtime.KeepAlive(m)
}

func TestSurveyCounts(t *testing.T) {
	cfg := DefaultMixConfig()
	cfg.NoiseOnly, cfg.NearClean = 0.2, 0.2
	const n = 200
	s, err := NewSurvey(t.Context(), newTestMixer(t, cfg, 1), n)
	if err != nil {
		t.Fatal(err)
	}
	if s.NoiseOnly+s.Clean+len(s.SNR) != n || len(s.Peak) != n || len(s.Active) != n-s.NoiseOnly {
		t.Errorf("%d + %d + %d mixtures, want %d together", s.NoiseOnly, s.Clean, len(s.SNR), n)
	}
	testsig.NearAt(t, "share without speech", float64(s.NoiseOnly)/n, 0.2, 0.09)
	testsig.NearAt(t, "share without noise", float64(s.Clean)/n, 0.1, 0.07)
	if !slices.IsSorted(s.SNR) || s.Peak[n-1] > 0.9901 {
		t.Errorf("SNRs sorted: %v, largest peak %g, want true and at most 0.99", slices.IsSorted(s.SNR), s.Peak[n-1])
	}
	if text := s.String(); !strings.Contains(text, "SNR (dB)") || !strings.Contains(text, "synthetic:babble") {
		t.Errorf("survey without its figures:\n%s", text)
	}
}

func TestWeightsAreByCorpus(t *testing.T) {
	speech := speechSet(2)
	for i := range speech.Clips[3:] {
		speech.Clips[3+i].Name = "other" + speech.Clips[3+i].Name[len("test"):]
	}
	cfg := DefaultMixConfig()
	cfg.Noise.Babble = 0
	cfg.Speech.Weight = map[string]float64{"other": 0}
	x, err := NewMixer(speech, noiseSet(), cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSurvey(t.Context(), x, 30)
	if err != nil {
		t.Fatal(err)
	}
	if s.Sources["other"] != 0 || s.Sources["test"] == 0 {
		t.Errorf("sources %v, want none of the corpus of weight zero", s.Sources)
	}
	cfg.Speech.Weight = map[string]float64{"othr": 0}
	if _, err := NewMixer(speech, noiseSet(), cfg, 1); err == nil || !strings.Contains(err.Error(), "othr") {
		t.Errorf("weight for a corpus that is not there: %v, expected an error that names it", err)
	}
}

func TestTrimming(t *testing.T) {
	x := make([]int16, 3*SampleRate)
	copy(x[SampleRate:], quantise(testsig.Sine(SampleRate, 300, SampleRate, 0.5)))
	x[SampleRate/2], x[0], x[len(x)-1] = 40, 2, -3 // A faint click, and what a codec leaves of zeros.
	c := Clip{Samples: x}
	noise, speech := newTune(&c, asNoise(nil)), newTune(&c, asSpeech(nil))
	testsig.NearAt(t, "seconds of noise left", float64(len(noise.samples))/SampleRate, 1.5, 0.01)
	testsig.NearAt(t, "seconds of speech left", float64(len(speech.samples))/SampleRate, 1.1, 0.025)
	testsig.NearAt(t, "level of the speech", float64(speech.gain)*0.5/math.Sqrt2*32768, 1, 0.01)
	if silent := newTune(&Clip{Samples: make([]int16, SampleRate)}, asNoise(nil)); silent.gain != 0 {
		t.Errorf("gain %g of silence, want 0", silent.gain)
	}
}
