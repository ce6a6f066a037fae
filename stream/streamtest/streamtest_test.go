package streamtest

import (
	"fmt"
	"strings"
	"testing"

	"sotto/stream"
)

// delay is a correct Processor: the input, finite, late by a whole number of samples.
type delay struct {
	line []float32
	hop  int
	// Faults a test can switch on.
	forgetful, aliased, raw, greedy, drifting bool
	declared                                  int
	sink                                      []float32
}

func newDelay(late int) *delay { return &delay{line: make([]float32, late), hop: 64, declared: late} }

func (d *delay) SampleRate() int { return 8000 }
func (d *delay) Latency() int    { return d.declared }

func (d *delay) Hop() int { return d.hop }

func (d *delay) Reset() {
	if !d.forgetful {
		clear(d.line)
	}
	if d.drifting {
		d.declared++
	}
}

func (d *delay) Process(dst, src []float32) {
	if d.greedy {
		d.sink = make([]float32, d.hop)
	}
	if d.aliased {
		clear(dst)
	}
	for i, v := range src {
		if !d.raw && !(v > -1e6 && v < 1e6) {
			v = 0
		}
		out := d.line[0]
		copy(d.line, d.line[1:])
		d.line[len(d.line)-1] = v
		dst[i] = out
	}
}

func TestCorrectProcessorPasses(t *testing.T) {
	Check(t, func() stream.Processor { return newDelay(37) })
}

// recorder is a testing.TB that keeps the first failure.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	if r.failed == "" {
		r.failed = fmt.Sprintf(format, args...)
	}
}

func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...) }

// TestFaultsAreFound checks that every check fails where it should.
func TestFaultsAreFound(t *testing.T) {
	for _, c := range []struct {
		check func(testing.TB, func() stream.Processor)
		fault func(*delay)
		want  string
	}{
		{geometry, func(d *delay) { d.declared = -1 }, "latency -1"},
		{geometry, func(d *delay) { d.drifting = true }, "changed"},
		{aliasing, func(d *delay) { d.aliased = true }, "in place"},
		{reset, func(d *delay) { d.forgetful = true }, "after Reset"},
		{latency, func(d *delay) { d.declared = 36 }, "declared are 36"},
		{hostile, func(d *delay) { d.raw = true }, "of the output is"},
		{allocations, func(d *delay) { d.greedy = true }, "allocates"},
	} {
		if c.want == "allocates" && raceEnabled {
			continue
		}
		r := &recorder{TB: t}
		c.check(r, func() stream.Processor {
			d := newDelay(37)
			c.fault(d)
			return d
		})
		if !strings.Contains(r.failed, c.want) {
			t.Errorf("a faulty Processor got %q, want a failure with %q", r.failed, c.want)
		}
	}
}
