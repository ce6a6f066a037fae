package stream

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/internal/testsig"
)

// TestVarispeedKeepsSines converts sines at nominal and corrected ratios and compares them with the sine that should come out,
// at the instants that the delay and the ratio say.
func TestVarispeedKeepsSines(t *testing.T) {
	for _, c := range []struct {
		from, to int
		speedup  float64
		freq     float64
		tol      float64
	}{
		{48000, 48000, 0, 1000, 1e-5},
		{48000, 48000, 200e-6, 1000, 1e-4},
		{48000, 48000, -0.005, 15000, 1e-3},
		{16000, 48000, 1e-4, 3000, 1e-3},
		{16000, 44100, 0, 5000, 2e-3},
		{48000, 16000, -1e-4, 3000, 1e-3},
		{48000, 44100, 0.005, 10000, 1e-3},
	} {
		v := NewVarispeed(c.from, c.to, 128)
		v.Correct(c.speedup)
		src := testsig.Sine(c.from, c.freq, float64(c.from), 1)
		var got []float32
		buf := make([]float32, 0, v.Outputs(128))
		for ; len(src) >= 128; src = src[128:] {
			buf = v.Process(buf, src[:128])
			if len(buf) > v.Outputs(128) {
				t.Fatalf("%+v: %d outputs of 128 inputs, announced %d", c, len(buf), v.Outputs(128))
			}
			got = append(got, buf...)
		}
		step := float64(c.from) / float64(c.to) * (1 + c.speedup)
		worst := 0.0
		for n := len(got) / 2; n < len(got); n++ {
			at := float64(n)*step - v.Delay()
			worst = max(worst, math.Abs(float64(got[n])-math.Sin(2*math.Pi*c.freq*at/float64(c.from))))
		}
		if worst > c.tol {
			t.Errorf("%+v: off by %.2e, want %.0e", c, worst, c.tol)
		}
		if want := float64(c.from/128*128) / step; math.Abs(float64(len(got))-want) > 2 {
			t.Errorf("%+v: %d samples, want %.0f", c, len(got), want)
		}
	}
}

// TestVarispeedKeepsAliasesDown sends a tone that the lower rate cannot hold.
func TestVarispeedKeepsAliasesDown(t *testing.T) {
	v := NewVarispeed(48000, 16000, 4800)
	out := v.Process(nil, testsig.Sine(4800, 9500, 48000, 1))
	for i, x := range out[200:] {
		if math.Abs(float64(x)) > 1e-3 {
			t.Fatalf("sample %d of a 9.5 kHz tone at 16 kHz is %v, want silence", i, x)
		}
	}
}

// TestDriftLoopFindsTheDrift simulates a fill that two clocks and the correction move, seen through jitter.
func TestDriftLoopFindsTheDrift(t *testing.T) {
	const period = 0.008
	for _, drift := range []float64{0, 200e-6, -50e-6, 0.002} {
		loop, fill := newDriftLoop(period), 0.001
		rng := rand.New(rand.NewPCG(7, 0))
		worst, settled := 0.0, int(240/period)
		for i := range int(300 / period) {
			speedup := loop.update(fill + 0.001*(rng.Float64()-0.5))
			if fill += period * (drift - speedup); fill > 0.025 { // where the leveller drops hops.
				fill = 0
				loop.restart()
			}
			if math.Abs(speedup) > maxCorrection {
				t.Fatalf("speed-up %v", speedup)
			}
			if i > settled {
				worst = max(worst, math.Abs(loop.drift()-drift))
			}
		}
		if worst > 15e-6 || math.Abs(fill) > 0.0002 {
			t.Errorf("drift %v: off by up to %.1f ppm after 4 minutes; fill ends %.0f us off", drift, worst*1e6, fill*1e6)
		}
	}
	loop := newDriftLoop(period)
	loop.update(math.NaN())
	if c := loop.update(0); c != 0 {
		t.Errorf("a NaN left a correction of %v", c)
	}
	for range int(10 / period) {
		loop.update(1) // a second too much, for 10 s: a stall, not a drift.
	}
	if d, c := loop.drift(), loop.correction(); d > 250e-6 || c < 0.001 || c > 0.002 {
		t.Errorf("a stall made a drift of %.0f ppm and a correction of %.0f ppm", d*1e6, c*1e6)
	}
	for range int(1000 / period) {
		loop.update(1)
	}
	if c := loop.correction(); c != maxCorrection {
		t.Errorf("correction %v after a quarter of an hour, want the limit", c)
	}
}

// TestConcealerContinuesATone listens to the continuation of a tone: same pitch, no jump, gone after 40 ms.
func TestConcealerContinuesATone(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, freq := range []float64{80, 137, 300, 390} {
			c := newConcealer(rate)
			n := rate / 10
			x := testsig.Sine(n, freq, float64(rate), 0.5)
			for i := 0; i < n; i += 80 {
				c.remember(x[i:min(i+80, n)])
			}
			c.begin()
			y := make([]float32, rate/10)
			c.next(y)
			want := testsig.Sine(n+rate/100, freq, float64(rate), 0.5)[n:]
			// The period is a whole number of samples: half a sample per period adds up over 10 ms.
			testsig.Near(t, "first 10 ms", y[:rate/100], want, 0.05+math.Pi*freq/float64(rate)*(1+freq/100))
			if step := math.Abs(float64(y[0] - x[n-1])); step > 0.5*2*math.Pi*freq/float64(rate)*1.5 {
				t.Errorf("%d Hz, %v Hz: a step of %v at the seam", rate, freq, step)
			}
			for i, v := range y[int(concealEnd*float64(rate))+1:] {
				if v != 0 {
					t.Fatalf("%d Hz: sample %d after the end is %v", rate, i, v)
				}
			}
		}
	}
	silent := newConcealer(16000)
	y := []float32{1, 1}
	silent.next(y)
	silent.begin()
	silent.next(y)
	if y[0] != 0 || y[1] != 0 {
		t.Errorf("out of nothing came %v", y)
	}
}

func TestMixDown(t *testing.T) {
	nan := float32(math.NaN())
	frames := []float32{0.5, 0.25, nan, 0.5, float32(math.Inf(1)), 0.1}
	for _, c := range []struct {
		pick int
		want []float32
	}{{0, []float32{0.375, 0, 0}}, {1, []float32{0.5, 0, 0}}, {2, []float32{0.25, 0.5, 0.1}}, {3, []float32{0.375, 0, 0}}} {
		got := make([]float32, 3)
		mixDown(got, frames, 2, c.pick)
		testsig.Near(t, "mix", got, c.want, 1e-7)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if s := h.summary(); s != (Durations{}) {
		t.Errorf("empty: %+v", s)
	}
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * time.Microsecond)
	}
	h.add(3 * time.Second)
	s := h.summary()
	for name, c := range map[string][2]time.Duration{
		"median": {s.Median, 500 * time.Microsecond}, "p99": {s.P99, 991 * time.Microsecond}, "p999": {s.P999, time.Millisecond},
	} {
		if r := float64(c[0]) / float64(c[1]); r < 0.99 || r > 1.1 {
			t.Errorf("%s is %v, want %v to 10 %%", name, c[0], c[1])
		}
	}
	if s.Max != 3*time.Second {
		t.Errorf("max %v", s.Max)
	}
}

// TestStampIsNeverTorn reads pairs while they change: the second half always is the first's.
func TestStampIsNeverTorn(t *testing.T) {
	var s stamp
	if _, _, ok := s.get(); ok {
		t.Error("an unset stamp gave a value")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range uint64(200000) {
			s.set(i, time.Duration(i)*time.Second)
		}
	}()
	for {
		if count, at, ok := s.get(); ok && at != time.Duration(count)*time.Second {
			t.Fatalf("count %d at %v", count, at)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// TestMarginFollowsNeed raises the margin when reads come near the bottom of the ring, and lowers it when they stay away.
func TestMarginFollowsNeed(t *testing.T) {
	p := testPipe(t)
	l := p.level
	start := l.margin
	l.reviewable = true
	p.player.slack.Store(10)
	l.reconsider()
	if l.margin <= start || l.margin > start+marginUp {
		t.Errorf("margin %v after a close call, was %v", l.margin, start)
	}
	p.underruns.Add(1)
	grown := l.margin
	l.reconsider()
	if l.margin != grown+marginUp {
		t.Errorf("margin %v after an underrun, was %v", l.margin, grown)
	}
	for range 100 * calmReviews {
		p.player.slack.Store(2000)
		l.reconsider()
	}
	if l.margin != start {
		t.Errorf("margin %v after a long calm, want the %v of the start", l.margin, start)
	}
	for range 100 {
		p.underruns.Add(1)
		l.reconsider()
	}
	if l.margin != maxMargin {
		t.Errorf("margin %v after a hundred underruns, want %v", l.margin, maxMargin)
	}
}

// plain is a processor that does nothing.
type plain struct{ rate, hop int }

func (p plain) Process(dst, src []float32) { copy(dst, src) }
func (p plain) SampleRate() int            { return p.rate }
func (p plain) Hop() int                   { return p.hop }
func (p plain) Latency() int               { return 0 }
func (p plain) Reset()                     {}

// testPipe returns a pipe between two 48 kHz devices of 240-frame blocks, with a clock that the test's callbacks move.
func testPipe(t testing.TB) *pipe {
	t.Helper()
	now := time.Duration(0)
	f := Format{Name: "test", Rate: 48000, Channels: 2, Block: 240}
	p := newPipe(f, f, plain{48000, 384}, 6*time.Millisecond, new(counters), new(controls), func() time.Duration {
		now += time.Microsecond
		return now
	})
	p.waker = newChanWaker()
	return p
}
