package resample

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"testing"

	"sotto/internal/testsig"
)

// pairs are the conversions that the rest of the module makes, the odd ones among them: NOISEX-92's 19980 Hz, a ratio in
// large primes, and one that needs interpolated phases (47999 and 48000 have no common factor).
var pairs = [][2]int{
	{16000, 48000},
	{48000, 16000},
	{44100, 16000},
	{16000, 44100},
	{19980, 16000},
	{8000, 16000},
	{22050, 16000},
	{16000, 8000},
	{16000, 24000},
	{11025, 48000},
	{44101, 16000},
	{47999, 48000},
	{48000, 47999},
	{96000, 16000},
}

// inner returns the slice of x and y without the filter's edges.
func inner(f *filter, x []float32) []float32 {
	edge := f.half*f.up/f.down + 2
	return x[edge : len(x)-edge]
}

func TestConvertSine(t *testing.T) {
	for _, p := range pairs {
		from, to := p[0], p[1]
		f := newFilter(from, to)
		for _, part := range []float64{0.01, 0.3, 0.7, 0.9} {
			freq := part * float64(min(from, to)) / 2
			got := Convert(testsig.Sine(from/4, freq, float64(from), 1), from, to)
			want := testsig.Sine(len(got), freq, float64(to), 1)
			// -80 dB of a full-scale sine as the largest error of any sample.
			testsig.Near(t, fmt.Sprintf("%d to %d Hz, sine at %.0f Hz", from, to, freq), inner(f, got), inner(f, want), 1e-4)
		}
	}
}

func TestConvertStopsAliases(t *testing.T) {
	worst := math.Inf(-1)
	for _, p := range pairs {
		from, to := p[0], p[1]
		if to >= from {
			continue
		}
		f := newFilter(from, to)
		low, high := float64(to)/2, float64(from)/2
		for _, part := range []float64{0.0005, 0.01, 0.1, 0.5, 0.99} {
			freq := low + part*(high-low)
			y := inner(f, Convert(testsig.Sine(from/2, freq, float64(from), 1), from, to))
			level := 20 * math.Log10(rms(y)*math.Sqrt2+1e-12)
			worst = max(worst, level)
			if level > -90 {
				t.Errorf("%d to %d Hz: a tone at %.0f Hz leaks %.1f dB, want below -90 dB", from, to, freq, level)
			}
		}
	}
	t.Logf("worst alias %.1f dB", worst)
}

// TestImages checks the upward direction: a tone near the input's Nyquist leaves no mirror image above it.
func TestImages(t *testing.T) {
	for _, p := range pairs {
		from, to := p[0], p[1]
		if to < 2*from {
			continue
		}
		f := newFilter(from, to)
		freq := 0.9 * float64(from) / 2
		y := inner(f, Convert(testsig.Sine(from/2, freq, float64(from), 1), from, to))
		image := (float64(from) - freq) / float64(to)
		if level := 20 * math.Log10(tone(y, image)+1e-12); level > -90 {
			t.Errorf("%d to %d Hz: image at %.1f dB, want below -90 dB", from, to, level)
		}
	}
}

// tone returns the amplitude of x at freq (cycles per sample), through a Hann window.
func tone(x []float32, freq float64) float64 {
	var s complex128
	for i, v := range x {
		w := 1 - math.Cos(2*math.Pi*float64(i)/float64(len(x)))
		s += complex(w*float64(v), 0) * cmplx.Rect(1, -2*math.Pi*freq*float64(i))
	}
	return 2 * cmplx.Abs(s) / float64(len(x))
}

func TestConvertLength(t *testing.T) {
	for _, c := range []struct{ n, from, to, want int }{
		{0, 16000, 48000, 0},
		{1, 16000, 48000, 3},
		{1, 48000, 16000, 1},
		{3, 48000, 16000, 1},
		{4, 48000, 16000, 2},
		{19980, 19980, 16000, 16000},
		{1 << 30, 3, 1, (1<<30 + 2) / 3},
	} {
		if c.n > 1<<20 {
			if got := outputs(c.n, c.to, c.from); got != c.want {
				t.Errorf("outputs(%d, %d, %d) = %d, want %d", c.n, c.to, c.from, got, c.want)
			}
			continue
		}
		if got := len(Convert(make([]float32, c.n), c.from, c.to)); got != c.want {
			t.Errorf("%d samples at %d Hz gave %d at %d Hz, want %d", c.n, c.from, got, c.to, c.want)
		}
	}
}

// TestConvertKeepsTime puts one click in a signal and finds it at the same second.
func TestConvertKeepsTime(t *testing.T) {
	for _, p := range pairs {
		x := make([]float32, p[0]/2)
		x[len(x)/2] = 1
		y := Convert(x, p[0], p[1])
		peak := 0
		for i := range y {
			if y[i] > y[peak] {
				peak = i
			}
		}
		testsig.NearAt(t, fmt.Sprintf("click, %d to %d Hz", p[0], p[1]), float64(peak)/float64(p[1]),
			float64(len(x)/2)/float64(p[0]), 0.51/float64(p[1]))
	}
}

func TestConvertKeepsConstants(t *testing.T) {
	x := make([]float32, 4000)
	for i := range x {
		x[i] = 0.5
	}
	for _, p := range pairs {
		f := newFilter(p[0], p[1])
		y := inner(f, Convert(x, p[0], p[1]))
		want := make([]float32, len(y))
		for i := range want {
			want[i] = 0.5
		}
		testsig.Near(t, fmt.Sprint(p), y, want, 1e-6)
	}
}

func TestStreamIsConvert(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range append(pairs, [2]int{16000, 16000}) {
		x := testsig.WhiteNoise(p[0]/3, 0.2, 5)
		want := Convert(x, p[0], p[1])
		s := NewStream(p[0], p[1])
		for round := range 2 {
			var got, block []float32
			for pos := 0; pos < len(x); {
				n := min(rng.IntN(400), len(x)-pos)
				block = s.Process(block, x[pos:pos+n])
				got = append(got, block...)
				pos += n
				if due := outputs(pos, p[1], p[0]); len(got) != due {
					t.Fatalf("%v: %d samples out after %d in, want %d", p, len(got), pos, due)
				}
			}
			d := int(s.Delay())
			if !slices.Equal(got[d:], want[:len(got)-d]) {
				t.Errorf("%v, round %d: stream differs from Convert", p, round)
			}
			s.Reset()
		}
	}
}

// TestTwinsShareNothingButTheFilter feeds one of two and expects the other as new.
func TestTwinsShareNothingButTheFilter(t *testing.T) {
	for _, p := range append(pairs, [2]int{16000, 16000}) {
		s := NewStream(p[0], p[1])
		s.Process(nil, testsig.WhiteNoise(1000, 0.2, 1))
		twin, x := s.Twin(), testsig.WhiteNoise(3000, 0.2, 2)
		if twin.f != s.f || twin.Delay() != s.Delay() {
			t.Errorf("%v: the twin has another filter or delay", p)
		}
		if !slices.Equal(twin.Process(nil, x), NewStream(p[0], p[1]).Process(nil, x)) {
			t.Errorf("%v: the twin differs from a new stream", p)
		}
	}
}

// TestStreamDelay holds Delay against the peak of the impulse response.
func TestStreamDelay(t *testing.T) {
	for _, p := range pairs {
		s := NewStream(p[0], p[1])
		x := make([]float32, 6000)
		x[0] = 1
		y := s.Process(nil, x)
		peak := 0
		for i := range y {
			if y[i] > y[peak] {
				peak = i
			}
		}
		testsig.NearAt(t, fmt.Sprint(p), float64(peak), s.Delay(), 0.51)
	}
}

// TestStreamForgets sends NaN and Inf through and expects clean samples once they have left the filter.
func TestStreamForgets(t *testing.T) {
	s, clean := NewStream(48000, 16000), NewStream(48000, 16000)
	bad := testsig.WhiteNoise(960, 0.1, 1)
	bad[5], bad[6] = float32(math.NaN()), float32(math.Inf(1))
	s.Process(nil, bad)
	clean.Process(nil, make([]float32, 960))
	x := testsig.WhiteNoise(4800, 0.1, 2)
	got, want := s.Process(nil, x), clean.Process(nil, x)
	after := 2*s.f.half/3 + 1
	testsig.Near(t, "after NaN", got[after:], want[after:], 0)
}

func TestRatesMustBePositive(t *testing.T) {
	for _, p := range [][2]int{{0, 16000}, {16000, 0}, {-1, -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v: no panic", p)
				}
			}()
			Convert([]float32{1}, p[0], p[1])
		}()
	}
}

func rms(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s / float64(len(x)))
}

func BenchmarkStream(b *testing.B) {
	for _, p := range [][2]int{{48000, 16000}, {16000, 48000}, {44100, 48000}, {19980, 16000}, {47999, 48000}} {
		b.Run(fmt.Sprintf("%dto%d", p[0], p[1]), func(b *testing.B) {
			b.ReportAllocs()
			s := NewStream(p[0], p[1])
			x := testsig.WhiteNoise(p[0]/100, 0.1, 1)
			dst := make([]float32, 0, p[1]/100+1)
			for b.Loop() {
				dst = s.Process(dst, x)
			}
			b.ReportMetric(float64(len(x))/float64(p[0])*float64(b.N)/b.Elapsed().Seconds(), "xRT")
		})
	}
}
