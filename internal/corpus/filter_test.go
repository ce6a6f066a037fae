package corpus

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"sotto/internal/testsig"
)

// response is the gain in dB of a section at f Hz, from its transfer function.
func (s biquad) response(f float64) float64 {
	z := cmplx.Exp(complex(0, -2*math.Pi*f/SampleRate))
	num := complex(float64(s.b0), 0) + complex(float64(s.b1), 0)*z + complex(float64(s.b2), 0)*z*z
	den := 1 + complex(float64(s.a1), 0)*z + complex(float64(s.a2), 0)*z*z
	return 20 * math.Log10(cmplx.Abs(num/den))
}

func TestDesigns(t *testing.T) {
	const tol = 0.1
	low, high, mid := lowShelf(300, 8), highShelf(3000, -6), peak(1000, 5, 1)
	testsig.NearAt(t, "low shelf at 1 Hz", low.response(1), 8, tol)
	testsig.NearAt(t, "low shelf at its corner", low.response(300), 4, tol)
	testsig.NearAt(t, "low shelf at 7900 Hz", low.response(7900), 0, tol)
	testsig.NearAt(t, "high shelf at 20 Hz", high.response(20), 0, tol)
	testsig.NearAt(t, "high shelf at its corner", high.response(3000), -3, tol)
	testsig.NearAt(t, "high shelf at 7990 Hz", high.response(7990), -6, tol)
	testsig.NearAt(t, "peak at its centre", mid.response(1000), 5, tol)
	testsig.NearAt(t, "peak at 10 Hz", mid.response(10), 0, tol)

	var sum8, sum6, stop float64
	for _, s := range butterworth8(lowPass, 4000) {
		sum8 += s.response(4000)
		stop += s.response(6000)
	}
	for _, s := range butterworth6(highPass, 6000) {
		sum6 += s.response(6000)
	}
	testsig.NearAt(t, "low-pass of order 8 at its corner", sum8, -3.01, tol)
	testsig.NearAt(t, "high-pass of order 6 at its corner", sum6, -3.01, tol)
	if stop > -60 {
		t.Errorf("low-pass of order 8 at 1.5 times its corner: %.1f dB, want below -60", stop)
	}
}

func TestFiltersFollowTheirResponse(t *testing.T) {
	sections := [4]biquad{lowShelf(200, 6), peak(1500, -8, 0.7), highShelf(4000, 5), lowPass(5000, 0.7)}
	for _, f := range []float64{100, 1500, 4500} {
		var want float64
		for _, s := range sections {
			want += s.response(f)
		}
		x := testsig.Sine(SampleRate, f, SampleRate, 0.5)
		filter4(x, sections)
		got := decibels(float64(power(x[SampleRate/2:])) / 0.125)
		testsig.NearAt(t, fmt.Sprintf("filter4 at %g Hz in dB", f), got, want, 0.01)
	}
}

// TestFilterOfSilenceHasNoDenormals guards the speed of pauses.
func TestFilterOfSilenceHasNoDenormals(t *testing.T) {
	x := make([]float32, SampleRate)
	x[0] = 1
	filter3(x, [3]biquad{lowShelf(80, 8), peak(300, -8, 2), highShelf(1500, 8)})
	for i, v := range x {
		if v != 0 && math.Abs(float64(v)) < 1e-37 {
			t.Fatalf("sample %d is %g, want nothing that small", i, v)
		}
	}
}

func TestSpeedChangeOfASine(t *testing.T) {
	s := newSpeeder(1.4)
	for _, speed := range []float64{0.7, 0.88, 1.03, 1.14, 1.4} {
		for _, f := range []float64{200, 1000, 3000} {
			clip := quantise(testsig.Sine(2*SampleRate, f, SampleRate, 0.9))
			dst := make([]float32, SampleRate)
			scratch := make([]float32, needed(len(dst), speed))
			const from = 100
			if n := s.render(dst, clip, from, speed, 1.0/32768, scratch); n != len(dst) {
				t.Fatalf("speed %g: %d samples, want %d", speed, n, len(dst))
			}
			var wrong float64
			for i, v := range dst {
				want := 0.9 * math.Sin(2*math.Pi*f*(from+float64(i)*speed)/SampleRate)
				wrong += (float64(v) - want) * (float64(v) - want)
			}
			if db := decibels(wrong / float64(len(dst)) / 0.405); db > -50 {
				t.Errorf("speed %g, %g Hz: error %.1f dB, want below -50", speed, f, db)
			}
		}
	}
}

func TestSpeedUpDoesNotAlias(t *testing.T) {
	s := newSpeeder(1.4)
	clip := quantise(testsig.Sine(2*SampleRate, 7500, SampleRate, 0.9)) // 10.5 kHz after the speed-up, 5.5 kHz by aliasing.
	dst := make([]float32, SampleRate)
	s.render(dst, clip, 0, 1.4, 1.0/32768, make([]float32, needed(len(dst), 1.4)))
	if db := decibels(float64(power(dst)) / 0.405); db > -30 {
		t.Errorf("alias at %.1f dB, want below -30", db)
	}
}

func TestRenderEndsWithTheClip(t *testing.T) {
	s := newSpeeder(1)
	clip := quantise(testsig.WhiteNoise(1000, 0.1, 1))
	dst, scratch := make([]float32, 5000), make([]float32, needed(5000, 2))
	for _, c := range []struct {
		from  int
		speed float64
		want  int
	}{{0, 1, 1000}, {900, 1, 100}, {1000, 1, 0}, {0, 0.5, 1970}, {995, 0.5, 0}} {
		testsig.NearAt(t, fmt.Sprintf("samples from %d at speed %g", c.from, c.speed),
			float64(s.render(dst, clip, c.from, c.speed, 1, scratch)), float64(c.want), 3)
	}
}

func TestHallDecaysInTheReverberationTime(t *testing.T) {
	var h hall
	x, y := make([]float32, SampleRate), make([]float32, SampleRate)
	for _, t60 := range []float64{0.15, 0.4} {
		clear(x)
		x[0] = 1
		h.run(y, x, t60)
		if top := largest(y[:hallDelay+hallDelays[0]]); top > 1e-12 {
			t.Errorf("T60 %g: %g within the first 30 ms, want nothing", t60, top)
		}
		// Energy decay curve between 30 ms and T60; the damping of the loops makes it a little faster than 60 dB per T60.
		from, to := SampleRate/20, SampleRate/20+int(t60/2*SampleRate)
		drop := decibels(tailEnergy(y, from) / tailEnergy(y, to))
		if drop < 27 || drop > 60 {
			t.Errorf("T60 %g: the tail falls by %.1f dB in half the time, want about 30", t60, drop)
		}
	}
}

func tailEnergy(x []float32, from int) float64 {
	return float64(power(x[from:])) * float64(len(x)-from)
}

func TestActivePowerIgnoresPauses(t *testing.T) {
	x := testsig.Sine(SampleRate, 440, SampleRate, 1)
	for i := SampleRate / 5; i < SampleRate*4/5; i++ { // Whole frames.
		x[i] *= 0.01 // -40 dB.
	}
	testsig.NearAt(t, "active level in dB", decibels(float64(activePower(framePowers(nil, x)))), -3.01, 0.05)
	testsig.NearAt(t, "active level of silence", float64(activePower(make([]float32, 10))), 0, 0)
	testsig.NearAt(t, "active level of nothing", float64(activePower(nil)), 0, 0)
}
