package enhance

import (
	"math"
	"math/cmplx"
	"testing"
)

// TestFloorRisesSlowly: a band that was quiet for seconds stands out when it gets
// loud, as long as a word lasts; falls are followed within a syllable; and silence
// changes nothing.
func TestFloorRisesSlowly(t *testing.T) {
	f := newFloor(1, hop)
	dst := make([]float32, 1)
	after := func(seconds, level float64, sounds bool) float64 {
		for range int(seconds / hop.Seconds()) {
			f.above(dst, []float32{float32(level)}, sounds)
		}
		return float64(dst[0])
	}
	if f.above(dst, []float32{-14}, false); dst[0] != 0 {
		t.Errorf("silence at the start lies %v above the floor, want 0", dst[0])
	}
	if got := after(0.1, -5, true); got != 0 {
		t.Errorf("steady noise lies %v above its floor, want 0", got)
	}
	for _, c := range []struct {
		seconds, level float64
		sounds         bool
		want           float64
	}{
		{0.4, 0, true, 5 * math.Exp(-0.2)},           // a word 5 nepers above the noise
		{3, -13, false, -13 - (-5 * math.Exp(-0.2))}, // a digital pause: the floor stays
		{0.3, -5, true, 5 * (math.Exp(-0.2) - 1) * math.Exp(-3)},
	} {
		if got := after(c.seconds, c.level, c.sounds); math.Abs(got-c.want) > 0.1 {
			t.Errorf("after %v s at %v: %v above the floor, want %v", c.seconds, c.level, got, c.want)
		}
	}
}

// TestAdvanceTellsFrequency: between the centres of two bins the phase of a partial
// goes on at its own rate, and noise has none.
func TestAdvanceTellsFrequency(t *testing.T) {
	const bins = 8
	a := newAdvance(bins)
	dst := make([]float32, 2*bins)
	const step = 0.7 // radians a frame
	for frame := range 3 {
		y := make([]complex64, bins+1)
		for k := range y {
			y[k] = complex64(cmplx.Rect(0.01*float64(k+1), step*float64(frame)))
		}
		a.compute(dst, y)
		for i := range bins {
			want := cmplx.Rect(1, step)
			if frame == 0 {
				want = 0
			}
			if got := complex(float64(dst[i]), float64(dst[bins+i])); cmplx.Abs(got-want) > 1e-4 {
				t.Fatalf("frame %d, bin %d: %v, want %v", frame, i+1, got, want)
			}
		}
	}
	// Ten times as loud: 2*10/(1+100).
	a.compute(dst, []complex64{0, complex64(cmplx.Rect(0.2, 3*step))})
	if got := math.Hypot(float64(dst[0]), float64(dst[bins])); math.Abs(got-20.0/101) > 1e-4 {
		t.Errorf("modulus %v after a jump by 20 dB, want %v", got, 20.0/101)
	}
	if dst[1] != 0 || dst[bins+1] != 0 {
		t.Errorf("a bin that the spectrum lacks has %v, %v, want 0", dst[1], dst[bins+1])
	}
}
