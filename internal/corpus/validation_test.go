package corpus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sotto/internal/testsig"
)

// validationSpeech is a set of utterances of 4 to 12 s.
func validationSpeech() *Set {
	s := &Set{}
	for k, seconds := range []int{12, 4, 8} {
		name := fmt.Sprintf("test__s%d__u", k)
		x := testsig.SpeechLike(seconds*SampleRate, SampleRate, uint64(k+1))
		s.Clips = append(s.Clips, Clip{Path: name, Name: name, Speaker: name, Samples: quantise(x)})
	}
	return s
}

func TestValidationSet(t *testing.T) {
	const n = 10
	set, err := ValidationSet(validationSpeech(), noiseSet(), 1, n)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ValidationSet(validationSpeech(), noiseSet(), 1, n)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]int{}
	for k := range set {
		m := &set[k]
		used[m.Sources[0]]++
		if !slices.Equal(m.Noisy, again[k].Noisy) {
			t.Errorf("mixture %d differs when made again", k)
		}
		if s := float64(len(m.Clean)) / SampleRate; s < 4.8 || s > 10 {
			t.Errorf("mixture %d is %.1f s long, want about 5 (a short utterance) to 10", k, s)
		}
		if largest(m.Clean[:SampleRate]) != 0 || power(m.Noisy[:SampleRate]) == 0 {
			t.Errorf("mixture %d: the first second is not noise alone", k)
		}
		noise := make([]float32, len(m.Clean))
		for i := range noise {
			noise[i] = m.Noisy[i] - m.Clean[i]
		}
		speech := float64(activePower(framePowers(nil, m.Clean)))
		want := []float64{-5, 0, 5, 10, 15}[k%5]
		testsig.NearAt(t, fmt.Sprintf("mixture %d: SNR in dB", k), decibels(speech/float64(power(noise[SampleRate:]))), want, 0.02)
		testsig.NearAt(t, fmt.Sprintf("mixture %d: stated SNR", k), m.SNR, want, 0)
		testsig.NearAt(t, fmt.Sprintf("mixture %d: level in dB", k), decibels(speech), m.LevelDB, 0.01)
		if m.LevelDB < -32 || m.LevelDB > -20 {
			t.Errorf("mixture %d: level %.1f dBFS, want -32..-20", k, m.LevelDB)
		}
	}
	for name, times := range used {
		if times > 4 {
			t.Errorf("%s is used %d times while others wait", name, times)
		}
	}
}

func TestValidationSetSaysWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		speech, noise *Set
		n             int
		want          string
	}{
		{&Set{}, noiseSet(), 5, "no speech"},
		{validationSpeech(), &Set{}, 5, "no noise"},
		{validationSpeech(), noiseSet(), 0, "of 0 mixtures"},
	} {
		_, err := ValidationSet(c.speech, c.noise, 1, c.n)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one line with %q", err, c.want)
		}
	}
}
