package device_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/internal/pulsetest"
	"sotto/internal/testsig"
	"sotto/stream"
	"sotto/stream/device"
)

// wire is a processor that changes nothing.
type wire struct{ rate int }

func (w wire) SampleRate() int            { return w.rate }
func (w wire) Hop() int                   { return w.rate / 125 }
func (w wire) Latency() int               { return 0 }
func (w wire) Reset()                     {}
func (w wire) Process(dst, src []float32) { copy(dst, src) }

// running is an engine under test.
type running struct {
	*stream.Engine
	cancel context.CancelFunc
	ended  chan error
	events chan stream.Event
}

// run starts an engine and waits until it passes audio.
func run(t *testing.T, capture, playback stream.Opener) *running {
	t.Helper()
	// With two processors a garbage collection or a busy neighbour holds up the audio threads; see stream.Engine.
	old := runtime.GOMAXPROCS(max(8, runtime.NumCPU()))
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
	r := &running{ended: make(chan error, 1), events: make(chan stream.Event, 100)}
	e, err := stream.New(stream.Config{
		Capture: capture, Playback: playback, OnEvent: func(ev stream.Event) { r.events <- ev },
		Processor: func(rate int) (stream.Processor, error) { return wire{rate}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Engine = e
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() { r.ended <- e.Run(ctx) }()
	t.Cleanup(func() { r.stop(t) })
	r.expect(t, stream.Started)
	return r
}

// expect waits for an event.
func (r *running) expect(t *testing.T, kind stream.EventKind) stream.Event {
	t.Helper()
	select {
	case ev := <-r.events:
		if ev.Kind != kind {
			t.Fatalf("event %+v, want kind %d", ev, kind)
		}
		return ev
	case err := <-r.ended:
		t.Fatalf("Run ended with %v", err)
	case <-time.After(30 * time.Second):
		t.Fatalf("no event of kind %d; stats %+v", kind, r.Stats())
	}
	return stream.Event{}
}

var stopped sync.Map // of *running.

func (r *running) stop(t *testing.T) {
	t.Helper()
	if _, again := stopped.LoadOrStore(r, true); again {
		return
	}
	r.cancel()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Run does not end")
	}
}

// purity cuts x into pieces of 0.2 s and measures in each how much is not the tone, whose pitch may be off by 0.5 % while the
// engine evens out the clocks. It returns the amplitude and the residue in dB of the best piece, and the share of pieces with
// the tone at full level and a residue under -30 dB: on a busy machine the server itself skips now and then.
func purity(x []float32, freq, rate float64) (amplitude, residueDB, share float64) {
	residueDB = math.Inf(1)
	n, pieces, clean := int(rate/5), 0, 0
	for ; len(x) >= n; x = x[n:] {
		var total, best float64
		for _, v := range x[:n] {
			total += float64(v) * float64(v)
		}
		for ppm := -5000.0; ppm <= 5000; ppm += 125 {
			best = max(best, projection(x[:n], 2*math.Pi*freq*(1+ppm*1e-6)/rate))
		}
		a := math.Sqrt(2 * best / float64(n))
		if a < 0.01 {
			continue
		}
		db := 10 * math.Log10((math.Abs(total-best)+1e-12)/best)
		if pieces++; db < -30 && math.Abs(a-0.5) < 0.01 {
			clean++
		}
		if db < residueDB {
			amplitude, residueDB = a, db
		}
	}
	return amplitude, residueDB, float64(clean) / float64(max(pieces, 1))
}

// projection returns the energy of x that a sine of angular frequency w explains.
func projection(x []float32, w float64) float64 {
	var re, im float64
	step := complex(math.Cos(w), math.Sin(w))
	z := complex(1, 0)
	for _, v := range x {
		re += float64(v) * real(z)
		im += float64(v) * imag(z)
		z *= step
	}
	return 2 * (re*re + im*im) / float64(len(x))
}

// cleanDB is the residue that a tone may have after a way through an API. ALSA's plugin for the server skips on a machine that
// is busy with other tests, so there the tone need only be the tone.
func cleanDB(api string) float64 {
	if api == "ALSA:" {
		return -15
	}
	return -30
}

// checkTone fails the test unless the recording holds the tone that was played, with a residue under limit dB.
func checkTone(t *testing.T, recording *pulsetest.Recording, limit float64) {
	t.Helper()
	amplitude, residue, share := purity(recording.Stop(), 440, 48000)
	t.Logf("heard a tone of %.3f, residue %.1f dB in the best 0.2 s, clean in %.0f %% of all", amplitude, residue, 100*share)
	if math.Abs(amplitude-0.5) > 0.02 || residue > limit {
		t.Errorf("tone of %.3f with a residue of %.1f dB, want 0.5 and under %v dB", amplitude, residue, limit)
	}
}

// needAPI skips the test where this build or machine has no such interface.
func needAPI(t *testing.T, api string) {
	t.Helper()
	if underRace && api == "ALSA:" {
		t.Skip("the PortAudio binding hands C a number as a pointer, which the race detector's checkptr refuses")
	}
	devices, err := device.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		if d.API+":" == api {
			return
		}
	}
	t.Skipf("no devices by %s: built without PortAudio, or without ALSA's pulse plugin (make deps)", api)
}

// TestAudioPassesThroughAServer plays a tone into one null sink and records what the engine plays into the other.
func TestAudioPassesThroughAServer(t *testing.T) {
	server := pulsetest.Start(t)
	for _, api := range []string{"PulseAudio:", "ALSA:"} {
		t.Run(strings.TrimSuffix(api, ":"), func(t *testing.T) {
			needAPI(t, api)
			server.Play(t, pulsetest.Microphone, 48000, testsig.Sine(48000*20, 440, 48000, 0.5))
			recording := server.Record(t, pulsetest.Speaker+".monitor", 48000)
			r := run(t, device.Capture(device.Options{Device: api}), device.Playback(device.Options{Device: api}))
			time.Sleep(2 * time.Second)
			first := r.Stats()
			time.Sleep(6 * time.Second)
			s := r.Stats()
			r.stop(t)
			t.Logf("from 2 s to 8 s: %d underruns, %d dropped, %d device xruns; drift %.0f ppm, target %v, callbacks every %v "+
				"(p99 %v, max %v), %s, latency %v %+v", s.Underruns-first.Underruns, s.DroppedHops-first.DroppedHops,
				s.DeviceXruns-first.DeviceXruns, s.Drift*1e6, s.Target, s.Interval.Median, s.Interval.P99, s.Interval.Max,
				s.Realtime, s.Latency.Total(), s.Latency)
			checkTone(t, recording, cleanDB(api))
		})
	}
}

// ear notes when clicks meet a monitor's converter, by the device's own timing.
type ear struct {
	mutex  sync.Mutex
	clicks []float64 // s since start.
	start  time.Time
	rate   float64
	width  int // channels.
}

func (e *ear) hear(buf []float32, timing stream.Timing) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	first := time.Since(e.start).Seconds() - timing.Latency.Seconds()
	for i := 0; i < len(buf); i += e.width {
		at := first + float64(i/e.width)/e.rate
		if buf[i] > 0.2 && (len(e.clicks) == 0 || at > e.clicks[len(e.clicks)-1]+0.2) {
			e.clicks = append(e.clicks, at)
		}
	}
}

// listen opens a monitor of its own beside the engine's devices.
func listen(t *testing.T, monitor string, start time.Time) *ear {
	t.Helper()
	port, err := device.Capture(device.Options{Device: monitor})(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{start: start, rate: float64(port.Format().Rate), width: port.Format().Channels}
	if err := port.Start(e.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Close() })
	return e
}

// TestReportedLatency compares what Stats says with the time that clicks take from one sink to the other.
func TestReportedLatency(t *testing.T) {
	server := pulsetest.Start(t)
	start := time.Now()
	in, out := listen(t, pulsetest.Microphone+".monitor", start), listen(t, pulsetest.Speaker+".monitor", start)
	r := run(t, device.Capture(device.Options{Device: "pulse:"}), device.Playback(device.Options{Device: "pulse:"}))
	time.Sleep(2 * time.Second)
	clicks := make([]float32, 48000*10)
	for i := range clicks {
		if i%24000 >= 12000 && i%24000 < 12048 {
			clicks[i] = 0.5
		}
	}
	server.Play(t, pulsetest.Microphone, 48000, clicks)
	type report struct{ at, latency float64 }
	var reports []report
	for range 80 {
		time.Sleep(100 * time.Millisecond)
		reports = append(reports, report{time.Since(start).Seconds(), r.Stats().Latency.Total().Seconds()})
	}
	stats := r.Stats()
	r.stop(t)
	in.mutex.Lock()
	defer in.mutex.Unlock()
	out.mutex.Lock()
	defer out.mutex.Unlock()
	// The latency changes when a busy machine makes a device stall, so each click is held against the report of its time.
	var errs []float64
	for _, a := range in.clicks {
		for _, b := range out.clicks {
			if b <= a || b > a+0.2 {
				continue
			}
			nearest := slices.MinFunc(reports, func(x, y report) int { return cmp.Compare(math.Abs(x.at-b), math.Abs(y.at-b)) })
			errs = append(errs, math.Abs(nearest.latency-(b-a))*1e3)
			t.Logf("at %.1f s measured %.1f ms, reported %.1f ms", b, (b-a)*1e3, nearest.latency*1e3)
			break
		}
	}
	if len(errs) < 8 {
		t.Fatalf("%d clicks went in and %d came out", len(in.clicks), len(out.clicks))
	}
	slices.Sort(errs)
	t.Logf("the report is off by %.1f ms (median of %d clicks; at most %.1f): %+v", errs[len(errs)/2], len(errs), errs[len(errs)-1],
		stats.Latency)
	if errs[len(errs)/2] > 5 {
		t.Errorf("the reported latency is off by %.1f ms, want less than 5", errs[len(errs)/2])
	}
}

// TestServerComesBack kills the server in mid-run and starts it again.
func TestServerComesBack(t *testing.T) {
	server := pulsetest.Start(t)
	for _, api := range []string{"PulseAudio:", "ALSA:"} {
		t.Run(strings.TrimSuffix(api, ":"), func(t *testing.T) {
			needAPI(t, api)
			r := run(t, device.Capture(device.Options{Device: api}), device.Playback(device.Options{Device: api}))
			time.Sleep(2 * time.Second)
			server.Kill()
			lost := r.expect(t, stream.Lost)
			t.Logf("lost: %v", lost.Err)
			time.Sleep(time.Second)
			if s := r.Stats().State; s != stream.Waiting && s != stream.Opening {
				t.Errorf("state %v without a server", s)
			}
			server.Restart(t)
			r.expect(t, stream.Resumed)
			server.Play(t, pulsetest.Microphone, 48000, testsig.Sine(48000*20, 440, 48000, 0.5))
			recording := server.Record(t, pulsetest.Speaker+".monitor", 48000)
			time.Sleep(8 * time.Second)
			r.stop(t)
			checkTone(t, recording, cleanDB(api))
		})
	}
}

// TestVirtualMicrophone checks the whole life of the virtual microphone, a crash included.
func TestVirtualMicrophone(t *testing.T) {
	server := pulsetest.Start(t)
	// What a run that crashed long ago left behind: no process has this number.
	server.Load(t, "module-null-sink", "sink_name=sotto_output", `sink_properties="device.description=x sotto.pid=999999999"`)
	listed := func() int {
		n := 0
		for _, line := range append(server.List(t, "sources"), server.List(t, "sinks")...) {
			for field := range strings.FieldsSeq(line) {
				if field == device.VirtualName || strings.HasPrefix(field, "sotto_output") {
					n++
				}
			}
		}
		return n
	}
	if n := listed(); n != 2 { // the sink and its monitor.
		t.Fatalf("%d leftovers, want 2", n)
	}
	server.Play(t, pulsetest.Microphone, 48000, testsig.Sine(48000*20, 440, 48000, 0.5))
	r := run(t, device.Capture(device.Options{Device: pulsetest.Microphone + ".monitor"}), device.VirtualMicrophone(device.Options{}))
	if n := listed(); n != 3 { // sink, monitor, source.
		t.Errorf("%d devices of ours while running, want 3: %q", n, server.List(t, "sources"))
	}
	recording := server.Record(t, device.VirtualName, 48000)
	time.Sleep(4 * time.Second)
	r.stop(t)
	checkTone(t, recording, cleanDB(""))
	if n := listed(); n != 0 {
		t.Errorf("%d devices of ours after the end", n)
	}
}

func TestVirtualMicrophoneIsNotTakenFromTheLiving(t *testing.T) {
	server := pulsetest.Start(t)
	// Process 1 always lives.
	server.Load(t, "module-null-sink", "sink_name=sotto_output", `sink_properties="device.description=x sotto.pid=1"`)
	_, err := device.VirtualMicrophone(device.Options{})(t.Context(), 48000)
	if err == nil || !strings.Contains(err.Error(), "process 1 has one already") {
		t.Errorf("error %v, want one that names process 1", err)
	}
}

func TestListAndSelectOnAServer(t *testing.T) {
	pulsetest.Start(t)
	devices, err := device.List()
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range devices {
		t.Logf("%+v", d)
		if d.Index != i {
			t.Errorf("device %d has index %d", i, d.Index)
		}
	}
	for want, name := range map[string]string{"": "spk", "mic": "mic", "MIC": "mic", "pulse:": "spk", "pulse:sp": "spk"} {
		d, err := device.Select(devices, want, device.Out)
		if err != nil || d.Name != name {
			t.Errorf("Select(%q) = %q, %v; want %q", want, d.Name, err, name)
		}
	}
	if _, err := device.Select(devices, "no such thing", device.In); !errors.Is(err, device.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestNoServer(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PULSE_SERVER", "")
	for name, open := range map[string]stream.Opener{
		"pulse:":             device.Capture(device.Options{Device: "pulse:"}),
		"virtual microphone": device.VirtualMicrophone(device.Options{}),
	} {
		if _, err := open(t.Context(), 48000); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line", name, err)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}
