// Package streamtest checks implementations of [stream.Processor] against its contract.
//
// Every implementation's tests call Check once per configuration:
//
//	func TestContract(t *testing.T) {
//		streamtest.Check(t, func() stream.Processor { return newMine(16000) })
//	}
//
// Check runs the following as subtests. Geometry: the rate and the hop are positive, the latency is not negative, and
// none of them changes. Aliasing: dst and src may be one slice. Reset: after it the output is that of a new Processor, bit
// for bit. Latency: where the output resembles the input, it does so at the declared delay. Hostile: silence, NaN,
// infinities, numbers at both ends of float32 and full-scale squares give finite output, and the signal that follows comes
// through. Allocations: Process makes none.
package streamtest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"sotto/internal/testsig"
	"sotto/stream"
)

const (
	// seconds of test signal: enough for syllables, pauses and slow states.
	seconds = 2
	// recovery is how long after hostile input the output may take to be right again, in seconds; automatic levels
	// follow within a few seconds.
	recovery = 3
	// resembles is the normalised correlation from which the output counts as a delayed copy of the input.
	resembles = 0.5
	// tolerated is how far, in decibels, the level after hostile input may lie from that without it.
	tolerated = 3
)

// Check tests the Processors that fresh returns, each of which must be new and made alike.
func Check(t *testing.T, fresh func() stream.Processor) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(testing.TB, func() stream.Processor)
	}{
		{"geometry", geometry},
		{"aliasing", aliasing},
		{"reset", reset},
		{"latency", latency},
		{"hostile", hostile},
		{"allocations", allocations},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, fresh) })
	}
}

// run feeds x, cut to whole hops, through p and returns the output.
func run(p stream.Processor, x []float32) []float32 {
	hop := p.Hop()
	y := make([]float32, len(x)/hop*hop)
	for i := 0; i < len(y); i += hop {
		p.Process(y[i:i+hop], x[i:i+hop])
	}
	return y
}

// voice returns n seconds of a speech-like signal over faint noise at p's rate.
func voice(p stream.Processor, n int, seed uint64) []float32 {
	x := testsig.SpeechLike(n*p.SampleRate(), p.SampleRate(), seed)
	for i, v := range testsig.WhiteNoise(len(x), 1e-3, seed+1) {
		x[i] += v
	}
	return x
}

func geometry(t testing.TB, fresh func() stream.Processor) {
	t.Helper()
	p := fresh()
	rate, hop, late := p.SampleRate(), p.Hop(), p.Latency()
	if rate <= 0 || hop <= 0 || late < 0 {
		t.Fatalf("sample rate %d, hop %d, latency %d: want positive, positive and not negative", rate, hop, late)
	}
	run(p, make([]float32, 10*hop))
	p.Reset()
	if p.SampleRate() != rate || p.Hop() != hop || p.Latency() != late {
		t.Errorf("sample rate, hop and latency changed from %d, %d, %d to %d, %d, %d", rate, hop, late, p.SampleRate(), p.Hop(), p.Latency())
	}
}

// firstDifference describes the first sample in which got differs from want, or is empty.
func firstDifference(got, want []float32) string {
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) {
			return fmt.Sprintf("sample %d is %v, want %v", i, v, want[i])
		}
	}
	return ""
}

func aliasing(t testing.TB, fresh func() stream.Processor) {
	t.Helper()
	p := fresh()
	x := voice(p, seconds, 1)
	kept := slices.Clone(x)
	want := run(p, x)
	if d := firstDifference(x, kept); d != "" {
		t.Errorf("Process changed src: %s", d)
	}
	p, hop := fresh(), p.Hop()
	for i := 0; i+hop <= len(x); i += hop {
		p.Process(x[i:i+hop], x[i:i+hop])
	}
	if d := firstDifference(x[:len(want)], want); d != "" {
		t.Errorf("in place the output differs: %s", d)
	}
}

func reset(t testing.TB, fresh func() stream.Processor) {
	t.Helper()
	p := fresh()
	x := voice(p, seconds, 3)
	want := run(p, x)
	run(p, voice(p, 1, 5))
	p.Reset()
	if d := firstDifference(run(p, x), want); d != "" {
		t.Errorf("after Reset the output differs from that of a new Processor: %s", d)
	}
}

func latency(t testing.TB, fresh func() stream.Processor) {
	t.Helper()
	p := fresh()
	x := voice(p, seconds, 7)
	y := run(p, x)
	limit := p.Latency() + 2*p.Hop()
	best, at := 0.0, 0
	for lag := range limit + 1 {
		if c := correlation(x, y, lag); c > best {
			best, at = c, lag
		}
	}
	if best < resembles {
		t.Logf("the output resembles the input at no delay up to %d samples: latency not measured", limit)
		return
	}
	if at != p.Latency() {
		t.Errorf("the output is the input delayed by %d samples (correlation %.3f), declared are %d (%.3f)", at, best, p.Latency(), correlation(x, y, p.Latency()))
	}
}

// correlation returns the normalised correlation of y with x delayed by lag.
func correlation(x, y []float32, lag int) float64 {
	var xy, xx, yy float64
	for i := lag; i < len(y); i++ {
		a, b := float64(x[i-lag]), float64(y[i])
		xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}

// hostileSamples are cycled through, one list at a time.
func hostileSamples() map[string][]float32 {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	return map[string][]float32{
		"silence":     {0},
		"NaN":         {nan},
		"infinities":  {inf, -inf, 0.1},
		"one NaN":     {0.1, -0.1, nan, 0.2, 0, 0, -0.2},
		"huge":        {math.MaxFloat32, -math.MaxFloat32},
		"denormal":    {1e-40, -1e-44, 3e-39},
		"full scale":  {1, 1, 1, 1, -1, -1, -1, -1},
		"direct":      {1},
		"minus zero":  {float32(math.Copysign(0, -1))},
		"very small":  {1e-20, -1e-20},
		"twice scale": {2, -2, 2, 2, -2},
	}
}

func hostile(t testing.TB, fresh func() stream.Processor) {
	t.Helper()
	p := fresh()
	x := voice(p, recovery+1, 9)
	want := levelAfter(p, x)
	for name, pattern := range hostileSamples() {
		p := fresh()
		bad := make([]float32, max(30*p.Hop(), p.SampleRate()/2))
		for i := range bad {
			bad[i] = pattern[i%len(pattern)]
		}
		y := run(p, bad)
		if i := slices.IndexFunc(y, notFinite); i >= 0 {
			t.Errorf("%s: sample %d of the output is %v", name, i, y[i])
		}
		if got := levelAfter(p, x); !(math.Abs(got-want) <= tolerated) {
			t.Errorf("%s: the signal that follows comes out at %.1f dB, without it at %.1f dB", name, got, want)
		}
	}
}

// levelAfter runs x through p and returns the level of the last second of the output in dB.
func levelAfter(p stream.Processor, x []float32) float64 {
	y := run(p, x)
	var sum float64
	y = y[recovery*p.SampleRate():]
	for _, v := range y {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(y))+1e-12)
}

func notFinite(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }

func allocations(t testing.TB, fresh func() stream.Processor) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	p := fresh()
	x := voice(p, 1, 11)
	dst, hop, at := make([]float32, p.Hop()), p.Hop(), 0
	n := testing.AllocsPerRun(100, func() {
		p.Process(dst, x[at:at+hop])
		at = (at + hop) % (len(x) - hop)
	})
	if n != 0 {
		t.Errorf("Process allocates %v times per hop, want 0", n)
	}
}
