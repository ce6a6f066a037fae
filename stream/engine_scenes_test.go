package stream_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sotto/stream"
	"sotto/stream/sim"
)

// events collects what an engine reports.
type events struct {
	mutex sync.Mutex
	list  []stream.Event
}

func (e *events) add(ev stream.Event) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.list = append(e.list, ev)
}

func (e *events) kinds() (k []stream.EventKind) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, ev := range e.list {
		k = append(k, ev.Kind)
	}
	return k
}

// TestLatencyIsAsReported sends a click through engines of different rates, blocks and devices, and compares the time from
// converter to converter with what Stats says.
func TestLatencyIsAsReported(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		in, out *sim.Device
		rate    int // the processor's; 0 is the microphone's.
	}{
		"48 kHz":        {&sim.Device{Rate: 48000, Block: 480, Latency: 3 * ms}, &sim.Device{Rate: 48000, Block: 256, Latency: 7 * ms}, 0},
		"long blocks":   {&sim.Device{Rate: 48000, Block: 960}, &sim.Device{Rate: 48000, Block: 1024, Channels: 2}, 0},
		"converted":     {&sim.Device{Rate: 44100, Block: 441, Latency: 5 * ms}, &sim.Device{Rate: 32000, Block: 160, Latency: ms}, 48000},
		"16 kHz, mixed": {&sim.Device{Rate: 16000, Block: 64, Channels: 2, PPM: 100}, &sim.Device{Rate: 44100, Block: 512, PPM: -100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				// A click of 5 samples, so that no conversion loses it, when the simulated clock shows a multiple of 1 s.
				in, out := c.in, c.out
				click := func(n int64) float32 {
					if n%int64(in.Rate) < 5 {
						return 0.9
					}
					return 0
				}
				// Frame n meets the converter 1/rate*n after the start, less the block that the first callback waits for.
				met := func(second int) float64 {
					return (float64(second)*float64(in.Rate)+2)/(float64(in.Rate)*(1+in.PPM*1e-6)) - in.Latency.Seconds()
				}
				var heard []float64
				peak, at := float32(0.3), 0.0
				e, stop := run(t, stream.Config{
					Capture: in.Microphone(click),
					Playback: out.Loudspeaker(func(block []float32) {
						now := time.Since(start).Seconds() + out.Latency.Seconds()
						channels := max(out.Channels, 1)
						for i := 0; i < len(block); i += channels {
							if v := block[i]; v > peak {
								peak, at = v, now+float64(i/channels)/float64(out.Rate)
							}
						}
						if at > 0 && now > at+0.1 {
							heard, peak, at = append(heard, at), 0.3, 0
						}
					}),
					Processor: func(rate int) (stream.Processor, error) {
						if c.rate != 0 {
							rate = c.rate
						}
						return newWire(rate, rate/125, rate/100), nil
					},
				})
				time.Sleep(12*time.Second + 500*time.Millisecond)
				s := e.Stats()
				stop()
				if len(heard) < 10 {
					t.Fatalf("heard %d clicks, want at least 10", len(heard))
				}
				// Clicks 1, 2, ...: the first may have fallen into the start.
				last := heard[len(heard)-1]
				measured := math.Mod(last-met(0), 1/(1+in.PPM*1e-6))
				reported := s.Latency.Total().Seconds()
				t.Logf("measured %.2f ms, reported %.2f ms: %+v", measured*1e3, reported*1e3, s.Latency)
				if math.Abs(measured-reported) > 0.001 {
					t.Errorf("measured %.2f ms, reported %.2f ms", measured*1e3, reported*1e3)
				}
				if s.Xruns() != 0 {
					t.Errorf("xruns: %+v", s)
				}
			})
		})
	}
}

// TestDevicesComeAndGo takes devices away in every way and gives them back.
func TestDevicesComeAndGo(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(mic, speaker *sim.Device, on bool)
		want error
	}{
		"microphone unplugged": {func(mic, _ *sim.Device, on bool) { mic.Unplug(on) }, sim.ErrUnplugged},
		"speaker unplugged":    {func(_, speaker *sim.Device, on bool) { speaker.Unplug(on) }, sim.ErrUnplugged},
		"microphone silent":    {func(mic, _ *sim.Device, on bool) { mic.Freeze(on) }, stream.ErrStalled},
		"speaker silent":       {func(_, speaker *sim.Device, on bool) { speaker.Freeze(on) }, stream.ErrStalled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mic, speaker := &sim.Device{Rate: 48000, Block: 240}, &sim.Device{Rate: 48000, Block: 240}
				var seen events
				curve := after(24000)
				e, stop := run(t, stream.Config{
					Capture: mic.Microphone(tone(300, 48000)), Playback: speaker.Loudspeaker(curve.listen),
					Processor: wireAt, OnEvent: seen.add,
				})
				time.Sleep(2 * time.Second)
				c.lose(mic, speaker, true)
				time.Sleep(5 * time.Second)
				before := e.Stats()
				c.lose(mic, speaker, false)
				time.Sleep(5 * time.Second)
				again := e.Stats()
				stop()
				kinds := seen.kinds()
				if len(kinds) < 3 || kinds[0] != stream.Started || kinds[1] != stream.Lost || kinds[len(kinds)-1] != stream.Resumed {
					t.Fatalf("events %v, want started, lost, ..., resumed", kinds)
				}
				if err := seen.list[1].Err; !errors.Is(err, c.want) {
					t.Errorf("lost with %v, want %v", err, c.want)
				}
				if before.Losses == 0 || again.State != stream.Running || again.Hops < before.Hops+400 {
					t.Errorf("before %+v\nagain %+v", before, again)
				}
			})
		})
	}
}

func TestRunFailsWhereNothingOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mic, speaker := &sim.Device{Rate: 48000, Block: 240}, &sim.Device{Rate: 48000, Block: 240}
		speaker.Unplug(true)
		e, err := stream.New(stream.Config{
			Capture: mic.Microphone(tone(300, 48000)), Playback: speaker.Loudspeaker(func([]float32) {}),
			Processor: wireAt, Simulated: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Run(t.Context()); !errors.Is(err, sim.ErrUnplugged) {
			t.Errorf("Run returned %v, want %v", err, sim.ErrUnplugged)
		}
		if _, err := e.OpenTap(time.Second); !errors.Is(err, stream.ErrNotRunning) {
			t.Errorf("OpenTap returned %v, want %v", err, stream.ErrNotRunning)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	open := func(context.Context, int) (stream.Port, error) { return nil, nil }
	for name, cfg := range map[string]stream.Config{
		"no devices":       {Processor: wireAt},
		"no processor":     {Capture: open, Playback: open},
		"negative channel": {Capture: open, Playback: open, Processor: wireAt, Channel: -1},
		"huge margin":      {Capture: open, Playback: open, Processor: wireAt, Margin: time.Second},
	} {
		if _, err := stream.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestGapsAreCovered lets the microphone stall, so that playback runs dry and then has too much, and listens for clicks.
func TestGapsAreCovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mic, speaker := &sim.Device{Rate: 48000, Block: 240}, &sim.Device{Rate: 48000, Block: 240}
		curve := after(24000)
		e, stop := run(t, stream.Config{
			Capture: mic.Microphone(tone(300, 48000)), Playback: speaker.Loudspeaker(curve.listen), Processor: wireAt,
		})
		time.Sleep(2 * time.Second)
		for range 5 {
			mic.Freeze(true) // the frames of this time are lost, as in a device's own overrun.
			time.Sleep(70 * time.Millisecond)
			mic.Freeze(false)
			time.Sleep(2 * time.Second)
		}
		s, heard := e.Stats(), curve.read()
		stop()
		w := 2 * math.Pi * 300 / 48000
		t.Logf("%d underruns, %d samples missing, worst curvature %.5f (sine %.5f), target %v",
			s.Underruns, s.MissingSamples, heard.worst, 0.5*w*w, s.Target)
		if s.Underruns != 5 {
			t.Errorf("%d underruns, want 5", s.Underruns)
		}
		// A step of 1 % of full scale would show as 0.01.
		if heard.worst > 0.01 || heard.peak > 0.55 {
			t.Errorf("curvature %.5f at %d, peak %.3f: a gap was audible", heard.worst, heard.at, heard.peak)
		}
		if s.State != stream.Running || s.Fill > s.Target+10*time.Millisecond {
			t.Errorf("fill %v did not come back to %v", s.Fill, s.Target)
		}
	})
}

// slow is a wire that takes its time.
type slow struct {
	*wire
	mutex sync.Mutex
	per   time.Duration
}

func (s *slow) Process(dst, src []float32) {
	s.mutex.Lock()
	per := s.per
	s.mutex.Unlock()
	time.Sleep(per)
	s.wire.Process(dst, src)
}

func (s *slow) take(per time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.per = per
}

// TestOverloadStaysBounded runs a processor that is too slow for a while: hops are dropped, counted, and the delay stays short.
func TestOverloadStaysBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mic, speaker := &sim.Device{Rate: 48000, Block: 240}, &sim.Device{Rate: 48000, Block: 240}
		proc := &slow{wire: newWire(48000, 384, 0)}
		curve := after(24000)
		e, stop := run(t, stream.Config{
			Capture: mic.Microphone(tone(300, 48000)), Playback: speaker.Loudspeaker(curve.listen),
			Processor: func(int) (stream.Processor, error) { return proc, nil },
		})
		time.Sleep(2 * time.Second)
		proc.take(12 * time.Millisecond) // 1.5 times real time.
		time.Sleep(5 * time.Second)
		during := e.Stats()
		proc.take(0)
		time.Sleep(5 * time.Second)
		s, heard := e.Stats(), curve.read()
		stop()
		t.Logf("during %d late, %d dropped, load %.2f; after: fill %v of %v, jump %.4f, median %v, max %v", during.LateHops,
			during.DroppedHops, during.Load, s.Fill, s.Target, heard.jump, s.HopTime.Median, s.HopTime.Max)
		if during.LateHops < 300 || during.DroppedHops < 100 || during.Load < 1.3 {
			t.Errorf("during the overload: %+v", during)
		}
		if s.Fill > s.Target+30*time.Millisecond {
			t.Errorf("fill %v stays over %v", s.Fill, s.Target)
		}
		// With a gap every 15 ms a continuation cannot always have the right slope, but it must not jump: the tone itself
		// moves by 0.02 per sample.
		if heard.jump > 0.06 {
			t.Errorf("the output jumps by %.3f: a gap or a dropped hop clicked", heard.jump)
		}
	})
}

// TestBypassAndMute switches both under a tone that the processor silences, and listens for clicks.
func TestBypassAndMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mic, speaker := &sim.Device{Rate: 48000, Block: 240}, &sim.Device{Rate: 48000, Block: 240}
		curve := after(24000)
		e, stop := run(t, stream.Config{
			Capture: mic.Microphone(tone(300, 48000)), Playback: speaker.Loudspeaker(curve.listen), Processor: wireAt,
		})
		rms := func() float64 { return e.Stats().Output.RMS }
		time.Sleep(2 * time.Second)
		for _, step := range []struct {
			bypass, mute bool
			want         float64
		}{{false, false, 0.3536}, {true, false, 0.3536}, {true, true, 0}, {false, true, 0}, {false, false, 0.3536}} {
			e.SetBypass(step.bypass)
			e.SetMute(step.mute)
			time.Sleep(2 * time.Second)
			if got := rms(); math.Abs(got-step.want) > 0.005 {
				t.Errorf("%+v: output RMS %.4f", step, got)
			}
		}
		heard := curve.read()
		stop()
		// A linear fade of 384 samples bends the tone by 0.5*0.039/384*2 at its ends.
		if w := 2 * math.Pi * 300 / 48000; heard.worst > 0.5*w*w+0.002 {
			t.Errorf("curvature %.5f at %d: a switch clicked", heard.worst, heard.at)
		}
	})
}

// TestTapPairsNoisyWithClean records from a processor of known latency and compares both sides sample for sample.
func TestTapPairsNoisyWithClean(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mic, speaker := &sim.Device{Rate: 48000, Block: 240}, &sim.Device{Rate: 48000, Block: 240}
		e, stop := run(t, stream.Config{
			Capture: mic.Microphone(tone(300, 48000)), Playback: speaker.Loudspeaker(func([]float32) {}),
			Processor: func(rate int) (stream.Processor, error) { return newWire(rate, rate/125, 777), nil },
		})
		time.Sleep(time.Second)
		tap, err := e.OpenTap(time.Second)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		samples := 0
		err = tap.Copy(ctx, func(noisy, clean []float32) error {
			for i := range noisy {
				if noisy[i] != clean[i] {
					t.Fatalf("sample %d: noisy %v, clean %v", samples+i, noisy[i], clean[i])
				}
			}
			samples += len(noisy)
			return nil
		})
		if want := 3 * 48000; err != nil || tap.Rate() != 48000 || tap.Dropped() != 0 || samples < want-1000 || samples > want+1000 {
			t.Errorf("error %v, rate %d, dropped %d, %d samples", err, tap.Rate(), tap.Dropped(), samples)
		}
		lazy, err := e.OpenTap(10 * time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if lazy.Dropped() == 0 {
			t.Error("a tap that nobody reads dropped nothing")
		}
		for range 3 {
			if _, err := e.OpenTap(time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := e.OpenTap(time.Second); err == nil {
			t.Error("a fifth tap was opened")
		}
		lazy.Close()
		if n := e.Stats().Taps; n != 3 {
			t.Errorf("%d taps open, want 3", n)
		}
		stop()
	})
}
