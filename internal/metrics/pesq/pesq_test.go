package pesq

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"sotto/internal/testsig"
)

// modes lists what can be scored: mode, rate and the greatest MOS-LQO.
var modes = []struct {
	mode Mode
	rate int
	best float64
}{
	{Narrow, 8000, 4.5486},
	{Narrow, 16000, 4.5486},
	{Wide, 16000, 4.6439},
}

func eachMode(t *testing.T, do func(t *testing.T, score func(ref, deg []float32) float64, rate int, best float64)) {
	t.Helper()
	for _, c := range modes {
		t.Run(fmt.Sprintf("%v/%d", c.mode, c.rate), func(t *testing.T) {
			m, err := New(c.mode, c.rate)
			if err != nil {
				t.Fatal(err)
			}
			do(t, func(ref, deg []float32) float64 {
				t.Helper()
				r, err := m.Score(ref, deg)
				if err != nil {
					t.Fatal(err)
				}
				return r.LQO
			}, c.rate, c.best)
		})
	}
}

// TestIdentity changes the signal in ways that nobody hears: the score is the greatest there is.
func TestIdentity(t *testing.T) {
	eachMode(t, func(t *testing.T, score func(ref, deg []float32) float64, rate int, best float64) {
		t.Helper()
		clean := whisper(2*rate, rate, 1)
		testsig.NearAt(t, "same", score(clean, clean), best, 1e-4)
		testsig.NearAt(t, "quieter", score(clean, scaled(clean, 0.1)), best, 1e-4)
		testsig.NearAt(t, "inverted", score(clean, scaled(clean, -1)), best, 1e-4)
		for _, delay := range []int{1, 333, rate} {
			late := append(make([]float32, delay), clean...)
			testsig.NearAt(t, fmt.Sprint("late by ", delay), score(clean, late), best, 1e-4)
			testsig.NearAt(t, fmt.Sprint("early by ", delay), score(late, clean), best, 1e-4)
		}
	})
}

func TestMoreNoiseScoresLess(t *testing.T) {
	eachMode(t, func(t *testing.T, score func(ref, deg []float32) float64, rate int, best float64) {
		t.Helper()
		clean := testsig.SpeechLike(4*rate, rate, 1)
		last := best
		for _, rms := range []float64{0.001, 0.003, 0.01, 0.03} {
			got := score(clean, mix(clean, rms, 2))
			if got >= last-0.05 || got < 1 {
				t.Errorf("noise of RMS %v scores %.3f, want less than %.3f", rms, got, last)
			}
			last = got
		}
	})
}

func TestDelayAndScaleDoNotMatter(t *testing.T) {
	eachMode(t, func(t *testing.T, score func(ref, deg []float32) float64, rate int, _ float64) {
		t.Helper()
		clean := testsig.SpeechLike(4*rate, rate, 1)
		noisy := mix(clean, 0.005, 2)
		want := score(clean, noisy)
		testsig.NearAt(t, "eighth", score(clean, scaled(noisy, 0.125)), want, 0)
		testsig.NearAt(t, "faint", score(clean, scaled(noisy, 1e-7)), want, 1e-4)
		testsig.NearAt(t, "loud", score(scaled(clean, 3000), noisy), want, 1e-4)
		// A shift by whole hops moves every frame, so only the zeros in front and their share of the level are new.
		late := append(mix(make([]float32, rate/2), 0.005, 3), noisy...)
		testsig.NearAt(t, "late", score(append(make([]float32, rate/2), clean...), late), want, 0.1)
	})
}

// TestDelayJump drops 50 ms in a pause: two utterances with two delays.
func TestDelayJump(t *testing.T) {
	const rate = 16000
	voice := whisper(2*rate, rate, 4)
	clean := append(append(append([]float32{}, voice...), make([]float32, rate)...), voice...)
	jumped := append(append([]float32{}, clean[:2*rate+rate/2]...), clean[2*rate+rate/2+800:]...)
	m, err := New(Narrow, rate)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Score(clean, jumped)
	if err != nil {
		t.Fatal(err)
	}
	us := m.model.utterances
	if first, last := us[0], us[len(us)-1]; first.delay != 0 || last.delay != -800 {
		t.Errorf("utterances %+v, want delays 0 and -800", us)
	}
	if r.LQO < 4 {
		t.Errorf("LQO %.3f, want above 4: nothing of the speech is lost", r.LQO)
	}
}

// TestMeterForgets scores other pairs in between: nothing of them may stay.
func TestMeterForgets(t *testing.T) {
	for _, mode := range []Mode{Narrow, Wide} {
		const rate = 16000
		clean := testsig.SpeechLike(3*rate, rate, 5)
		noisy := mix(clean, 0.02, 6)
		m, err := New(mode, rate)
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.Score(clean, noisy)
		if err != nil {
			t.Fatal(err)
		}
		other := testsig.SpeechLike(5*rate, rate, 7)
		for _, pair := range [][2][]float32{
			{other, mix(other, 0.1, 8)},
			{other[:rate], mix(other, 0.05, 9)},
			{mix(other, 0.05, 9), other[:rate]},
			{make([]float32, rate), other},
		} {
			_, _ = m.Score(pair[0], pair[1]) // what it scores does not matter here
			got, err := m.Score(clean, noisy)
			if err != nil || got != want {
				t.Errorf("%v: %+v (%v) after another pair, want %+v", mode, got, err, want)
			}
		}
	}
}

func TestConcurrent(t *testing.T) {
	const rate = 16000
	clean := testsig.SpeechLike(rate, rate, 1)
	noisy := mix(clean, 0.01, 2)
	want, err := WideBand(clean, noisy, rate)
	if err != nil {
		t.Fatal(err)
	}
	wantRaw, _, err := NarrowBand(clean, noisy, rate)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			wide, errWide := WideBand(clean, noisy, rate)
			raw, _, errNarrow := NarrowBand(clean, noisy, rate)
			if wide != want || raw != wantRaw || errWide != nil || errNarrow != nil {
				t.Errorf("got %v, %v (%v, %v), want %v, %v", wide, raw, errWide, errNarrow, want, wantRaw)
			}
		})
	}
	group.Wait()
}

func TestErrors(t *testing.T) {
	const rate = 16000
	clean := testsig.SpeechLike(2*rate, rate, 1)
	with := func(v float64) []float32 {
		x := append([]float32{}, clean...)
		x[777] = float32(v)
		return x
	}
	burst := make([]float32, 2*rate)
	copy(burst[rate:], testsig.WhiteNoise(rate/10, 0.1, 1))
	var many []float32
	for range 60 {
		many = append(append(many, testsig.WhiteNoise(rate*3/10, 0.1, 1)...), make([]float32, rate*4/10)...)
	}
	for _, c := range []struct {
		name     string
		ref, deg []float32
		want     string
	}{
		{"empty", nil, clean, "0 samples, expected at least 4000"},
		{"short reference", clean[:3999], clean, "reference has 3999 samples"},
		{"short degraded", clean, clean[:3999], "degraded has 3999 samples"},
		{"NaN", with(math.NaN()), clean, "reference holds NaN at sample 777"},
		{"infinite", clean, with(math.Inf(-1)), "degraded holds -Inf at sample 777"},
		{"silent reference", make([]float32, 2*rate), clean, "reference is silent"},
		{"silent degraded", clean, make([]float32, 2*rate), "degraded is silent"},
		{"constant", slices.Repeat([]float32{0.5}, rate), clean, "reference is silent"},
		{"no utterance", burst, clean, "no utterance found"},
		{"many utterances", many, many, "found 60 utterances, expected at most 50"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := WideBand(c.ref, c.deg, rate); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("wide-band error %v, want %q", err, c.want)
			}
			if _, _, err := NarrowBand(c.ref, c.deg, rate); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("narrow-band error %v, want %q", err, c.want)
			}
		})
	}
}

func TestRates(t *testing.T) {
	x := testsig.SpeechLike(48000, 16000, 1)
	for _, rate := range []int{-1, 0, 8001, 44100, 48000} {
		if _, _, err := NarrowBand(x, x, rate); err == nil || !strings.Contains(err.Error(), "expected 8000 or 16000") {
			t.Errorf("narrow-band at %d Hz: error %v", rate, err)
		}
		if _, err := WideBand(x, x, rate); err == nil {
			t.Errorf("wide-band at %d Hz: no error", rate)
		}
	}
	if _, err := WideBand(x, x, 8000); err == nil || !strings.Contains(err.Error(), "expected 16000") {
		t.Errorf("wide-band at 8000 Hz: error %v", err)
	}
	if _, err := New(Mode(7), 16000); err == nil {
		t.Error("mode 7: no error")
	}
}

// TestQuarterSecond scores the shortest signal there is.
func TestQuarterSecond(t *testing.T) {
	eachMode(t, func(t *testing.T, score func(ref, deg []float32) float64, rate int, best float64) {
		t.Helper()
		x := testsig.WhiteNoise(rate/4, 0.1, 1)
		testsig.NearAt(t, "same", score(x, x), best, 1e-4)
	})
}

// TestStrangers pairs signals that have nothing to do with each other, of all lengths: any score or error will do, but it
// must be a number in range and there must be no panic.
func TestStrangers(t *testing.T) {
	const rate = 8000
	m, err := New(Narrow, rate)
	if err != nil {
		t.Fatal(err)
	}
	lengths := []int{rate / 4, rate/2 + 13, rate * 3}
	for seed := range uint64(6) {
		for _, nr := range lengths {
			for _, nd := range lengths {
				ref := testsig.SpeechLike(nr, rate, seed)
				deg := testsig.SpeechLike(nd, rate, seed+100)
				if seed%2 == 1 {
					deg = testsig.WhiteNoise(nd, 0.1, seed)
				}
				r, err := m.Score(ref, deg)
				if err == nil && !(r.LQO >= 0.999 && r.LQO <= 4.55 && r.Raw <= 4.5 && r.Raw > -5) {
					t.Errorf("seed %d, %d and %d samples: %+v", seed, nr, nd, r)
				}
			}
		}
	}
}

// TestLong scores more than 16 s, where the end weighs more than the beginning.
func TestLong(t *testing.T) {
	const rate = 8000
	m, err := New(Narrow, rate)
	if err != nil {
		t.Fatal(err)
	}
	clean := testsig.SpeechLike(40*rate, rate, 1)
	noise := testsig.WhiteNoise(10*rate, 0.01, 1)
	at := func(from int) float64 {
		deg := append([]float32{}, clean...)
		for i, v := range noise {
			deg[from+i] += v
		}
		r, err := m.Score(clean, deg)
		if err != nil {
			t.Fatal(err)
		}
		return r.LQO
	}
	if early, late := at(0), at(30*rate); late >= early {
		t.Errorf("noise at the end scores %.3f, at the beginning %.3f: want less", late, early)
	}
}

// whisper returns n samples of noise in syllables and pauses, louder at low frequencies: it fades in and out like speech,
// but has no pitch whose period could be taken for a delay.
func whisper(n, rate int, seed uint64) []float32 {
	x := testsig.WhiteNoise(n, 0.3, seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	low := float32(0)
	for i := 0; i < n; {
		pause, length := rate/20+rng.IntN(rate/8), rate/6+rng.IntN(rate/4)
		for k := 0; k < pause+length && i < n; k++ {
			gain := 0.0
			if k >= pause {
				gain = math.Pow(math.Sin(math.Pi*float64(k-pause)/float64(length)), 2)
			}
			low += 0.2 * (x[i]*float32(gain) - low)
			x[i] = low
			i++
		}
	}
	return x
}

// scaled returns x times gain.
func scaled[T float32 | float64](x []T, gain T) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = v * gain
	}
	return y
}
