package stream_test

import (
	"context"
	"flag"
	"math"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/stream"
	"sotto/stream/sim"
)

var soak = flag.Duration("soak", time.Minute, "simulated time of TestSoak")

// wire is a processor that passes its input on, latency samples late.
type wire struct {
	rate, hop int
	line      []float32
}

func newWire(rate, hop, latency int) *wire {
	return &wire{rate: rate, hop: hop, line: make([]float32, latency+hop)}
}

func (w *wire) SampleRate() int { return w.rate }
func (w *wire) Hop() int        { return w.hop }
func (w *wire) Latency() int    { return len(w.line) - w.hop }
func (w *wire) Reset()          { clear(w.line) }
func (w *wire) Process(dst, src []float32) {
	copy(w.line, w.line[w.hop:])
	copy(w.line[len(w.line)-w.hop:], src)
	copy(dst, w.line[:w.hop])
}

// wireAt returns a processor of 8 ms hops at the device's rate.
func wireAt(rate int) (stream.Processor, error) { return newWire(rate, rate/125, rate/125), nil }

// tone is a sine of amplitude 0.5 as a function of the frame.
func tone(freq, rate float64) func(int64) float32 {
	return func(n int64) float32 { return float32(0.5 * math.Sin(2*math.Pi*freq*float64(n)/rate)) }
}

// curvature watches a signal for jumps: for a sine of angular frequency w and amplitude a, the second difference is at most
// a*w^2, and a step of size s shows as s.
type curvature struct {
	mutex sync.Mutex
	reading
}

// reading is what a curvature has seen.
type reading struct {
	x1, x2 float32
	worst  float64
	jump   float64 // largest difference between neighbours.
	at, n  int
	peak   float64
	start  int // samples to ignore.
}

// after returns a curvature that ignores the first samples.
func after(samples int) *curvature { return &curvature{reading: reading{start: samples}} }

// read returns what was seen so far.
func (c *curvature) read() reading {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.reading
}

func (c *curvature) listen(block []float32) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, v := range block {
		d := math.Abs(float64(v - 2*c.x1 + c.x2))
		if c.n > c.start && d > c.worst {
			c.worst, c.at = d, c.n
		}
		if c.n > c.start {
			c.peak = max(c.peak, math.Abs(float64(v)))
			c.jump = max(c.jump, math.Abs(float64(v-c.x1)))
		}
		c.x2, c.x1 = c.x1, v
		c.n++
	}
}

// run starts an engine in the present bubble; the returned function stops it and fails the test if Run did not end well.
func run(t *testing.T, cfg stream.Config) (*stream.Engine, func()) {
	t.Helper()
	cfg.Simulated = true
	e, err := stream.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	return e, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if s := e.Stats().State; s != stream.Stopped {
			t.Errorf("state after Run: %v", s)
		}
	}
}

// TestSoak runs the whole engine between two clocks 200 ppm apart, in simulated time, and listens to a sine.
func TestSoak(t *testing.T) {
	const ms = time.Millisecond
	for name, d := range map[string][2]*sim.Device{
		"fast microphone": {{Rate: 48000, Block: 480, PPM: 100, Jitter: ms}, {Rate: 48000, Block: 256, PPM: -100, Jitter: ms, Seed: 1}},
		"slow microphone": {{Rate: 48000, Block: 256, PPM: -100, Jitter: ms}, {Rate: 48000, Block: 1024, PPM: 100, Jitter: ms, Seed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { soakTest(t, d[0], d[1], *soak) })
		})
	}
}

func soakTest(t *testing.T, in, out *sim.Device, length time.Duration) {
	t.Helper()
	const freq = 440.0
	curve := after(2 * out.Rate)
	e, stop := run(t, stream.Config{
		Capture: in.Microphone(tone(freq, float64(in.Rate))), Playback: out.Loudspeaker(curve.listen), Processor: wireAt,
	})
	time.Sleep(10 * time.Second)
	heapBefore := heap()
	low, high := time.Hour, time.Duration(0)
	for range int(length/time.Second) - 10 {
		time.Sleep(time.Second)
		s := e.Stats()
		low, high = min(low, s.Fill-s.Target), max(high, s.Fill-s.Target)
	}
	heapAfter := heap()
	s, heard := e.Stats(), curve.read()
	stop() // it fades out, which bends the sine.
	w := 2 * math.Pi * freq / float64(out.Rate)
	t.Logf("%v simulated: drift %+.1f ppm, fill %v..%v around its target of %v, worst curvature %.5f (sine %.5f), "+
		"heap %d -> %d KiB, xruns %d, latency %v", length, s.Drift*1e6, low, high, s.Target, heard.worst, 0.5*w*w,
		heapBefore>>10, heapAfter>>10, s.Xruns(), s.Latency.Total())
	if want := (in.PPM - out.PPM) * 1e-6; math.Abs(s.Drift-want) > 20e-6 {
		t.Errorf("measured drift %.1f ppm, want %.1f", s.Drift*1e6, want*1e6)
	}
	if low < -4*time.Millisecond || high > 4*time.Millisecond {
		t.Errorf("fill strayed from its target by %v..%v, want within 4 ms", low, high)
	}
	if heard.worst > 1.1*0.5*w*w || heard.peak > 0.505 {
		t.Errorf("the sine has a jump: curvature %.5f at sample %d (a clean one has %.5f), peak %.3f",
			heard.worst, heard.at, 0.5*w*w, heard.peak)
	}
	if s.Xruns() != 0 {
		t.Errorf("xruns: %+v", s)
	}
	if heapAfter > heapBefore+64<<10 {
		t.Errorf("heap grew from %d to %d bytes", heapBefore, heapAfter)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
