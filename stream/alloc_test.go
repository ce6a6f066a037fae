//go:build !race

package stream

import (
	"testing"
	"time"
)

// TestNothingIsAllocated pins callbacks and hops to zero allocations: with and without rate conversion, taps open, through
// underruns and dropped hops. Allocations on these paths become collections, and those become clicks.
func TestNothingIsAllocated(t *testing.T) {
	for name, rate := range map[string]int{"same rate": 48000, "converted": 44100} {
		t.Run(name, func(t *testing.T) {
			p, now := allocPipe(rate)
			tap := &Tap{ring: NewRing(1 << 16), rate: 48000, pair: make([]float32, 768), scratch: make([]float32, 2048)}
			p.taps[0].Store(tap)
			in, out := make([]float32, 2*240), make([]float32, 2*240)
			noisy, clean := make([]float32, 500), make([]float32, 500)
			round := 0
			cycle := func() {
				round++
				*now += 5 * time.Millisecond
				if round%50 != 0 { // a stall now and then.
					p.onCapture(in, Timing{Latency: time.Millisecond})
				}
				if round%70 == 0 {
					p.level.toDrop = 2
				}
				for p.step() {
				}
				p.onPlay(out, Timing{Latency: time.Millisecond})
				tap.Read(noisy, clean)
			}
			for range 500 {
				cycle()
			}
			if n := testing.AllocsPerRun(2000, cycle); n != 0 {
				t.Errorf("%v allocations per callback and hop", n)
			}
			if p.hops.Load() < 1000 || p.underruns.Load() == 0 || p.dropped.Load() == 0 {
				t.Errorf("%d hops, %d underruns, %d dropped: the test did not get where it should",
					p.hops.Load(), p.underruns.Load(), p.dropped.Load())
			}
		})
	}
}

func TestEventWakerAllocatesNothing(t *testing.T) {
	w := newWaker()
	defer w.free()
	if n := testing.AllocsPerRun(100, func() {
		w.wake()
		w.wait()
	}); n != 0 {
		t.Errorf("%v allocations per wake", n)
	}
}

func allocPipe(rate int) (*pipe, *time.Duration) {
	now := new(time.Duration)
	f := Format{Name: "test", Rate: rate, Channels: 2, Block: 240}
	p := newPipe(f, f, plain{48000, 384}, 6*time.Millisecond, new(counters), new(controls), func() time.Duration { return *now })
	p.waker = newChanWaker()
	return p, now
}

// BenchmarkHop is everything the engine adds to a processor per hop of 8 ms at 48 kHz: both callbacks, rings, drift control
// and varispeed.
func BenchmarkHop(b *testing.B) {
	p, now := allocPipe(48000)
	in, out := make([]float32, 2*384), make([]float32, 2*384)
	b.ReportAllocs()
	for b.Loop() {
		*now += 8 * time.Millisecond
		p.onCapture(in, Timing{})
		for p.step() {
		}
		p.onPlay(out, Timing{})
	}
	b.ReportMetric(float64(b.N)*0.008/b.Elapsed().Seconds(), "xRT")
}

func BenchmarkCapture(b *testing.B) {
	p, _ := allocPipe(48000)
	in := make([]float32, 2*240)
	b.ReportAllocs()
	for b.Loop() {
		p.onCapture(in, Timing{})
		p.capture.Discard(240)
	}
}

func BenchmarkPlay(b *testing.B) {
	p, _ := allocPipe(48000)
	out := make([]float32, 2*240)
	p.player.running.Store(true)
	b.ReportAllocs()
	for b.Loop() {
		p.play.Write(out[:240])
		p.onPlay(out, Timing{})
	}
}

// BenchmarkUnderrun is the dearest callback: the one that looks for a pitch period.
func BenchmarkUnderrun(b *testing.B) {
	p, _ := allocPipe(48000)
	out := make([]float32, 2*240)
	b.ReportAllocs()
	for b.Loop() {
		p.player.running.Store(true)
		p.onPlay(out, Timing{})
	}
}
