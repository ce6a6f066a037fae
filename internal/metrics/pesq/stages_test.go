package pesq

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"sotto/internal/testsig"
)

// meter returns a Meter for 16 kHz.
func meter(t *testing.T, mode Mode) *Meter {
	t.Helper()
	m, err := New(mode, 16000)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func pack(x, y []float32) []complex128 {
	z := make([]complex128, len(x))
	for i := range z {
		z[i] = complex(float64(x[i]), float64(y[i]))
	}
	return z
}

func TestCorrelate(t *testing.T) {
	for _, n := range []int{2, 4, 8, 64, 128} {
		a := pack(testsig.WhiteNoise(n, 1, 1), testsig.WhiteNoise(n, 1, 2))
		b := pack(testsig.WhiteNoise(n, 1, 3), testsig.WhiteNoise(n, 1, 4))
		want := [2][]float64{make([]float64, n), make([]float64, n)}
		for s, z := range [2][]complex128{a, b} {
			for q := range n {
				for k := range n {
					want[s][q] += real(z[k]) * imag(z[(k+q)%n])
				}
			}
		}
		one := slices.Clone(a)
		correlate(one)
		correlateTwo(a, b)
		var got [3][]float64
		for i := range n {
			got[0] = append(got[0], real(one[i]))
			got[1] = append(got[1], real(a[i]))
			got[2] = append(got[2], imag(a[i]))
		}
		testsig.Near(t, "one", got[0], want[0], 1e-10)
		testsig.Near(t, "first of two", got[1], want[0], 1e-10)
		testsig.Near(t, "second of two", got[2], want[1], 1e-10)
	}
}

func TestPowers(t *testing.T) {
	const n = 512
	z := pack(testsig.WhiteNoise(n, 1, 1), testsig.WhiteNoise(n, 1, 2))
	want := [2][]complex128{}
	for s := range want {
		x := make([]float64, n)
		for i, v := range z {
			x[i] = [2]float64{real(v), imag(v)}[s]
		}
		want[s] = fourier.NewFFT(n).Coefficients(nil, x)
	}
	forward(z)
	for k := 1; k < n/2; k++ {
		x, y := powers(z, k)
		a, b := want[0][k], want[1][k]
		testsig.Near(t, "powers", []float64{x, y}, []float64{real(a)*real(a) + imag(a)*imag(a), real(b)*real(b) + imag(b)*imag(b)}, 1e-9)
	}
}

// TestSection compares with the difference equation in 64 bits, and sees that silence ends in silence.
func TestSection(t *testing.T) {
	s := wideInput[0]
	x := make([]float32, 20000)
	copy(x, testsig.WhiteNoise(1000, 1000, 1))
	want := make([]float64, len(x))
	for n, v := range x {
		at := func(k int) (float64, float64) {
			if k < 0 {
				return 0, 0
			}
			return float64(x[k]), want[k]
		}
		x1, y1 := at(n - 1)
		x2, y2 := at(n - 2)
		want[n] = float64(s.b0)*float64(v) + float64(s.b1)*x1 + float64(s.b2)*x2 - float64(s.a1)*y1 - float64(s.a2)*y2
	}
	got := slices.Clone(x)
	s.run(got)
	rounded := make([]float64, len(got))
	for n, v := range got {
		rounded[n] = float64(v)
	}
	testsig.Near(t, "output", rounded, want, 0.5) // the noise of 32 bits in this form: 75 dB under the input
	if last := got[len(got)-1]; last != 0 {
		t.Errorf("output ends at %g, want 0", last)
	}
}

// TestFilter feeds sines through the curves, two at a time.
func TestFilter(t *testing.T) {
	m := meter(t, Narrow)
	const n = 1 << 14
	sine := func(f float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Sin(2 * math.Pi * f * float64(i) / 16000)
		}
		return x
	}
	for _, c := range []struct {
		curve      *curve
		f, wantDB  float64
		other, odB float64
	}{
		{m.input, 1000, 0, 500, -1},
		{m.input, 250, -8, 3500, -8}, // 4 and 4 dB, 12 at 1 kHz
		{m.level, 1000, 0, 3125, 0},
		{m.level, 375, 0, 312.5, -375}, // a quarter of the way from -500 at 300 Hz to 0 at 350 Hz
	} {
		x, y := sine(c.f), sine(c.other)
		m.filter(c.curve, x, y)
		testsig.Near(t, "first", x, scaled(sine(c.f), math.Pow(10, c.wantDB/20)), 1e-9)
		testsig.Near(t, "second", y, scaled(sine(c.other), math.Pow(10, c.odB/20)), 1e-9)
		long := append(sine(c.f), make([]float64, n)...)
		short := sine(c.other)
		m.filter(c.curve, long, short)
		testsig.Near(t, "another length", short, y, 1e-9)
	}
}

// TestActivity makes blocks of known power: a click, two bursts with a short pause between them, and a long silence.
func TestActivity(t *testing.T) {
	m := meter(t, Narrow)
	const blocks = 400
	var s signal
	s.padded = blocks * m.grid.block
	s.shaped = make([]float32, s.padded+m.grid.tail)
	for k := range blocks {
		level := float32(1)
		switch {
		case k >= 50 && k < 54: // a run of 4
			level = 1000
		case k >= 100 && k < 150, k >= 200 && k < 220: // 50 blocks apart
			level = 1000
		case k >= 290 && k < 310: // 70 blocks on
			level = 2000
		}
		for i := range m.grid.block {
			s.shaped[k*m.grid.block+i] = level
		}
	}
	m.detect(&s)
	const floor = 4e6 * floorRatio
	want := make([]float64, blocks)
	for k := range want {
		switch {
		case k >= 100 && k < 150, k >= 200 && k < 220:
			want[k] = 1e6
		case k >= 150 && k < 200:
			want[k] = floor
		case k >= 290 && k < 310:
			want[k] = 4e6
		}
	}
	want[98], want[99], want[220], want[221] = 1e5, 3e5, 3e5, 1e5
	want[288], want[289], want[310], want[311] = 4e5, 12e5, 12e5, 4e5
	testsig.Near(t, "active", s.active, want, 1e-6)
	for k, v := range s.log {
		if loud := want[k] > floor; v < 0 || (v > 0) != loud {
			t.Fatalf("log activity of block %d is %v, power %v", k, v, want[k])
		}
	}
}

func TestActivityOfNoise(t *testing.T) {
	m := meter(t, Narrow)
	s := signal{padded: 100 * m.grid.block}
	s.shaped = make([]float32, s.padded)
	for i := range s.shaped {
		s.shaped[i] = 10
	}
	m.detect(&s)
	for k, v := range s.active {
		if inside := k > 0 && k < 99; (v > 0) != inside {
			t.Fatalf("block %d of a steady sound has activity %v, want all but the first and last", k, v)
		}
	}
}

func TestFirstPeak(t *testing.T) {
	z := []complex128{1, 5, 5 + 1e-12, 0, 0, -9, 2, 3}
	for _, c := range []struct{ from, to, want int }{{-2, 4, 1}, {-2, 1, -1}, {2, 4, 2}, {3, 4, 0}, {-3, -2, 0}} {
		if got := firstPeak(z, c.from, c.to); got != c.want {
			t.Errorf("first peak of lags %d..%d is %d, want %d", c.from, c.to-1, got, c.want)
		}
	}
}

// TestBounds checks the limits of utterances against hand calculation: blocks of 64 samples, 75 blocks of margin.
func TestBounds(t *testing.T) {
	m := meter(t, Narrow)
	m.ref.log = make([]float64, 1000)
	m.deg.padded = 1000 * 64
	speech := []run{{100, 400}, {501, 800}}
	for _, c := range []struct {
		name   string
		delays [2]int
		want   [4]int
	}{
		{"no delay", [2]int{0, 0}, [4]int{75, 450, 450, 925}},
		{"early at first", [2]int{-100, 0}, [4]int{75 + 163/64, 450, 450, 925}},
		{"late at last", [2]int{0, 100}, [4]int{75, 450, 450, (64000-100)/64 - 75}},
		// From 450*64 = 28800 the second would reach back to 28000: they meet in the middle, at 28400 of the degraded signal.
		{"jump back", [2]int{0, -800}, [4]int{75, 28400 / 64, (63 + 28400 + 800) / 64, 925}},
	} {
		us := []utterance{{fit: fit{delay: c.delays[0]}}, {fit: fit{delay: c.delays[1]}}}
		m.bound(us, speech)
		if got := [4]int{us[0].start, us[0].end, us[1].start, us[1].end}; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestHalves(t *testing.T) {
	m := meter(t, Narrow)
	m.deg.padded = 1000 * 64
	u := utterance{start: 75, end: 925}
	for _, c := range []struct {
		name        string
		left, right int
		want        [4]int
	}{
		{"earlier", 500, 100, [4]int{75, 300, 300, (64000-100)/64 - 75}},
		{"later", 0, 640, [4]int{75, 305, 295, (64000-640)/64 - 75}},
		{"before the start", -100, -200, [4]int{75 + 163/64, 300, 300, 925}},
	} {
		l, r := m.halves(u, division{at: 300, left: fit{delay: c.left}, right: fit{delay: c.right}})
		if got := [4]int{l.start, l.end, r.start, r.end}; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBadIntervals(t *testing.T) {
	p := &model{frames: 60, symmetric: make([]float64, 60)}
	for _, j := range []int{0, 1, 20, 22, 25, 40, 57} {
		p.symmetric[j] = badFrame + 1
	}
	// 20, 22 and 25 smear into 20..25; 40 alone stays a single frame; 0 never counts and 57 lies too near the end.
	if got, want := p.badIntervals(), []interval{{from: 20, to: 26}}; !slices.Equal(got, want) {
		t.Errorf("bad intervals %v, want %v", got, want)
	}
}

func TestClearLost(t *testing.T) {
	p := &model{grid: &grid16k, frames: 100}
	p.utterances = []utterance{{start: 75, end: 175}, {start: 175, end: 400, fit: fit{delay: -512}}}
	p.symmetric, p.asymmetric = slices.Repeat([]float64{9}, 100), slices.Repeat([]float64{9}, 100)
	p.clearLost()
	// The second begins at 6400-512 = 23*256, and the jump ends at frame (6400+512)/256+1 = 28.
	for j, v := range p.symmetric {
		if lost := j >= 23 && j <= 28; (v == 0) != lost || p.asymmetric[j] != v {
			t.Errorf("frame %d: %v and %v", j, v, p.asymmetric[j])
		}
	}
}

func TestAverages(t *testing.T) {
	p := &model{first: 3, frames: 20}
	x := make([]float64, 20)
	x[5], x[15] = 2, 4
	// Groups from frames 3 and 13; the divisor is 20 even where frames are missing.
	first, second := math.Pow((64+4096)/20.0, 1.0/6), math.Pow(4096/20.0, 1.0/6)
	want := math.Sqrt((first*first + second*second) / 2)
	testsig.NearAt(t, "average", p.average(x, timeWeights(20, 20)), want, 1e-12)
	w := timeWeights(3751, 3750) // 60 s: half of the full difference, 2750/5500
	testsig.Near(t, "weights", []float64{w[0], w[1875], w[3750]}, []float64{0.5, 0.75, 1}, 1e-12)
	testsig.NearAt(t, "best narrow-band", opinion(Narrow, rawScore(0, 0)), 4.5486, 5e-5)
	testsig.NearAt(t, "best wide-band", opinion(Wide, rawScore(0, 0)), 4.6439, 5e-5)
}

// TestLoudness compares with the law as published, at the ends of the Bark scale.
func TestLoudness(t *testing.T) {
	m := meter(t, Wide)
	for _, c := range []struct {
		band int
		k    float64 // how much faster loudness grows
	}{{0, 2}, {5, 6 / (1.624217 + 2)}, {12, 1}, {48, 1}} {
		l := m.model.loudness[c.band]
		threshold := m.grid.threshold[c.band]
		y := 0.23 * math.Pow(c.k, 0.15)
		for _, v := range []float64{0.5, 1, 2, 1e3, 1e6} {
			want := 0.0
			if v > 1 {
				want = 0.1866055 * math.Pow(threshold/0.5, y) * (math.Pow(0.5+0.5*v, y) - 1)
			}
			testsig.NearAt(t, "loudness", l.Of(v*threshold), want, 1e-9*(1+want))
		}
	}
}

// TestPart reads beyond both ends of a signal.
func TestPart(t *testing.T) {
	x := []float32{1, 2, 3}
	for _, c := range []struct {
		at, n int
		want  []float32
	}{
		{0, 3, x},
		{-2, 3, []float32{0, 0, 1}},
		{2, 3, []float32{3, 0, 0}},
		{-1, 5, []float32{0, 1, 2, 3, 0}},
		{-9, 2, []float32{0, 0}},
		{9, 2, []float32{0, 0}},
	} {
		testsig.Near(t, "part", part(x, c.at, c.n), c.want, 0)
	}
}

func TestTables(t *testing.T) {
	for _, g := range []grid{grid8k, grid16k} {
		sum := 0
		for _, n := range g.lines {
			sum += n
		}
		if sum != g.hop || g.frame != 2*g.hop {
			t.Errorf("%d Hz: %d lines in bands, frame %d, hop %d", g.rate, sum, g.frame, g.hop)
		}
		for _, v := range [][]float64{g.centre, g.width, g.density, g.threshold} {
			if len(v) != g.bands {
				t.Errorf("%d Hz: table of %d bands, want %d", g.rate, len(v), g.bands)
			}
		}
	}
}
