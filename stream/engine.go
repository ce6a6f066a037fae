package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxTaps = 4
	// closeGrace is how long a stop waits for the fade-out: a long playback buffer and the fade.
	closeGrace = 150 * time.Millisecond
	// watchPeriod is how often the engine looks whether both devices still call back.
	watchPeriod = 100 * time.Millisecond
	// retryFirst doubles after every failed attempt to reopen, up to retryLast.
	retryFirst = 250 * time.Millisecond
	retryLast  = 2 * time.Second
)

// ErrStalled is the reason of a loss when a device has stopped calling back without saying that it is gone.
var ErrStalled = errors.New("no audio from the device")

// ErrNotRunning is returned where an engine needs to be running and is not.
var ErrNotRunning = errors.New("the engine is not running")

// EventKind says what happened to an engine.
type EventKind int

// The kinds of events.
const (
	Started EventKind = iota // both devices are open and audio passes, for the first time.
	Lost                     // a device is gone; Err says which and why. The engine retries.
	Resumed                  // audio passes again after a loss.
)

// Event is a change that a user wants to know about.
type Event struct {
	Kind              EventKind
	Err               error  // of Lost.
	Capture, Playback Format // of Started and Resumed.
}

// Config describes an engine. Capture, Playback and Processor are required.
type Config struct {
	Capture, Playback Opener
	// Processor returns what runs between the devices, given the capture device's rate in Hz. It may choose another rate
	// than that; the engine then converts. It is called once, and again if a device comes back at another rate.
	Processor func(rate int) (Processor, error)
	// Channel picks one channel of the capture device, counted from 1; 0 averages them all.
	Channel int
	// Margin is what waits in the rings beyond what the blocks of the devices need, against jitter; 0 means 6 ms. The engine
	// adds to it while the devices jitter more than that.
	Margin time.Duration
	// Stall is how long a device may stay silent before it counts as lost; 0 means 2 s.
	Stall time.Duration
	// Simulated says that the devices are, as in package sim: the DSP thread then keeps its ordinary priority and waits where
	// a testing/synctest bubble can see it.
	Simulated bool
	// OnEvent, when set, is told what happens, in order, from the goroutine of Run.
	OnEvent func(Event)
}

// Engine carries live audio from one device through a processor to another. Run does the work; every other method may be
// called at any time from any goroutine.
type Engine struct {
	cfg      Config
	clock    clock
	counters counters
	controls controls
	pipe     atomic.Pointer[pipe]
	realtime atomic.Pointer[string]
	running  atomic.Bool
	tapMutex sync.Mutex
	proc     Processor // of the last session; Run's.
	procRate int       // the capture rate that it was made for.
}

// defaultMargin covers the wake-up of the DSP goroutine and the jitter of an idle desktop (measured: see the live tests).
const defaultMargin = 6 * time.Millisecond

// New returns an engine that is not running yet. It opens nothing.
func New(cfg Config) (*Engine, error) {
	switch {
	case cfg.Capture == nil || cfg.Playback == nil:
		return nil, errors.New("stream: no device to open: set Config.Capture and Config.Playback")
	case cfg.Processor == nil:
		return nil, errors.New("stream: nothing to run: set Config.Processor")
	case cfg.Channel < 0:
		return nil, fmt.Errorf("stream: channel %d: count from 1, or give 0 for the average", cfg.Channel)
	case cfg.Margin < 0 || cfg.Margin > maxMargin:
		return nil, fmt.Errorf("stream: margin %v: give 0 to %v", cfg.Margin, maxMargin)
	}
	if cfg.Margin == 0 {
		cfg.Margin = defaultMargin
	}
	if cfg.Stall == 0 {
		cfg.Stall = 2 * time.Second
	}
	e := &Engine{cfg: cfg, clock: newClock()}
	e.SetChannel(cfg.Channel)
	return e, nil
}

// SetChannel picks a capture channel, counted from 1, or the average of all with 0 and where there is no such channel.
func (e *Engine) SetChannel(channel int) { e.controls.channel.Store(int32(max(channel, 0))) }

// SetBypass lets the unprocessed sound through, delayed as the processed one is, so that switching does not click.
func (e *Engine) SetBypass(on bool) { e.controls.bypass.Store(on) }

// SetMute silences the output, without a click.
func (e *Engine) SetMute(on bool) { e.controls.mute.Store(on) }

// Run opens the devices and passes audio until ctx ends; it then fades out, closes them and returns nil. An error means that
// the devices could not be opened in the first place, or the processor not be made. A device that is lost later is reopened,
// as often as it takes. One Run at a time.
func (e *Engine) Run(ctx context.Context) error {
	if !e.running.CompareAndSwap(false, true) {
		return errors.New("stream: the engine is running already")
	}
	defer e.running.Store(false)
	defer e.counters.state.Store(int32(Stopped))
	kind, wait := Started, retryFirst
	for {
		e.counters.state.Store(int32(Opening))
		passed, err := e.session(ctx, kind)
		switch {
		case ctx.Err() != nil:
			return nil
		case passed:
			e.counters.losses.Add(1)
			kind, wait = Resumed, retryFirst
			e.emit(Event{Kind: Lost, Err: err})
		case kind == Started:
			return err
		}
		e.counters.state.Store(int32(Waiting))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
			wait = min(2*wait, retryLast)
		}
	}
}

func (e *Engine) emit(ev Event) {
	if e.cfg.OnEvent != nil {
		e.cfg.OnEvent(ev)
	}
}

// session opens both ports, passes audio until a port is lost or ctx ends, and closes them. passed tells whether it got so
// far as to pass audio.
func (e *Engine) session(ctx context.Context, kind EventKind) (passed bool, err error) {
	in, err := e.cfg.Capture(ctx, 0)
	if err != nil {
		return false, fmt.Errorf("microphone: %w", err)
	}
	defer func() { _ = in.Close() }()
	proc, err := e.processor(in.Format().Rate)
	if err != nil {
		return false, err
	}
	out, err := e.cfg.Playback(ctx, proc.SampleRate())
	if err != nil {
		return false, fmt.Errorf("output: %w", err)
	}
	defer func() { _ = out.Close() }()
	for _, f := range []Format{in.Format(), out.Format()} {
		if f.Rate <= 0 || f.Channels <= 0 {
			return false, fmt.Errorf("%s: reports %d Hz and %d channels", f.Name, f.Rate, f.Channels)
		}
	}
	p := newPipe(in.Format(), out.Format(), proc, e.cfg.Margin, &e.counters, &e.controls, e.clock.now)
	runtime.GC() // what the last session left behind must not be collected while this one passes audio.
	return e.pass(ctx, p, in, out, kind)
}

// pass starts the threads of a session and waits for its end. The ports are closed, and with them the last callback is over,
// before the DSP thread ends.
func (e *Engine) pass(ctx context.Context, p *pipe, in, out Port, kind EventKind) (passed bool, err error) {
	stop := e.startDSP(p)
	defer stop()
	defer func() { _, _ = in.Close(), out.Close() }()
	if err := out.Start(p.onPlay); err != nil {
		return false, fmt.Errorf("output: %w", err)
	}
	if err := in.Start(p.onCapture); err != nil {
		return false, fmt.Errorf("microphone: %w", err)
	}
	e.pipe.Store(p)
	e.counters.state.Store(int32(Running))
	e.emit(Event{Kind: kind, Capture: in.Format(), Playback: out.Format()})
	return true, e.watch(ctx, p, in, out)
}

// processor returns the processor for a capture rate: the last one if it was made for that rate.
func (e *Engine) processor(rate int) (Processor, error) {
	if e.proc != nil && e.procRate == rate {
		return e.proc, nil
	}
	proc, err := e.cfg.Processor(rate)
	if err != nil {
		return nil, err
	}
	if proc.SampleRate() <= 0 || proc.Hop() <= 0 || proc.Latency() < 0 {
		return nil, fmt.Errorf("processor reports %d Hz, a hop of %d and a latency of %d samples",
			proc.SampleRate(), proc.Hop(), proc.Latency())
	}
	e.proc, e.procRate = proc, rate
	return proc, nil
}

// startDSP gives the pipe its waker and runs its hops on a thread of their own until the returned function is called, which
// waits for its end. The callbacks must have ended by then.
func (e *Engine) startDSP(p *pipe) (stop func()) {
	p.waker = newChanWaker()
	if !e.cfg.Simulated {
		p.waker = newWaker()
	}
	var quit atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Never unlocked: the thread, whose priority is changed, ends with the goroutine.
		runtime.LockOSThread()
		how := "simulated"
		if !e.cfg.Simulated {
			how = RequestRealtime()
		}
		e.realtime.Store(&how)
		for !quit.Load() {
			p.waker.wait()
			for !quit.Load() && p.step() {
			}
		}
	}()
	return func() {
		quit.Store(true)
		p.waker.wake()
		<-done
		p.waker.free()
	}
}

// watch waits for the end of a session: the context's, with a fade-out, or a device's.
func (e *Engine) watch(ctx context.Context, p *pipe, in, out Port) error {
	ticker := time.NewTicker(watchPeriod)
	defer ticker.Stop()
	heard := [2]time.Duration{e.clock.now(), e.clock.now()}
	stamps := [2]*stamp{&p.captured, &p.played}
	names := [2]string{in.Format().Name, out.Format().Name}
	for {
		select {
		case <-ctx.Done():
			p.fadeOut()
			return nil
		case <-in.Done():
			return fmt.Errorf("microphone %s: %w", names[0], in.Err())
		case <-out.Done():
			return fmt.Errorf("output %s: %w", names[1], out.Err())
		case <-ticker.C:
		}
		for i, s := range stamps {
			if _, at, ok := s.get(); ok {
				heard[i] = max(heard[i], at)
			}
			if silent := e.clock.now() - heard[i]; silent > e.cfg.Stall {
				return fmt.Errorf("%s: %w for %v", names[i], ErrStalled, silent.Round(100*time.Millisecond))
			}
		}
	}
}

// fadeOut asks the playback thread for silence and waits until it has come, or the device has had its time.
func (p *pipe) fadeOut() {
	p.player.closing.Store(true)
	for start := p.now(); !p.player.silent.Load() && p.now()-start < closeGrace; {
		time.Sleep(5 * time.Millisecond)
	}
}

// OpenTap starts to collect up to capacity of audio for a reader; see [Tap]. It fails with [ErrNotRunning] before the first
// device is open, and when four taps are open already.
func (e *Engine) OpenTap(capacity time.Duration) (*Tap, error) {
	p := e.pipe.Load()
	if p == nil {
		return nil, ErrNotRunning
	}
	rate := p.proc.SampleRate()
	t := &Tap{
		ring: NewRing(max(2*int(capacity.Seconds()*float64(rate)), 4*p.proc.Hop())), rate: rate,
		pair: make([]float32, 2*p.proc.Hop()), scratch: make([]float32, 2048),
	}
	e.tapMutex.Lock()
	defer e.tapMutex.Unlock()
	for i := range e.controls.taps {
		slot := &e.controls.taps[i]
		if slot.Load() == nil {
			t.detach = func() { slot.CompareAndSwap(t, nil) }
			slot.Store(t)
			return t, nil
		}
	}
	return nil, fmt.Errorf("all %d taps are in use: close one", maxTaps)
}

// Stats returns a snapshot. Its parts are read one after the other, so they may be a hop apart.
func (e *Engine) Stats() Stats {
	c := &e.counters
	s := Stats{
		State: State(c.state.Load()),
		Hops:  c.hops.Load(), LateHops: c.late.Load(), DroppedHops: c.dropped.Load(),
		Underruns: c.underruns.Load(), MissingSamples: c.missing.Load(),
		Overruns: c.overruns.Load(), LostSamples: c.lost.Load(),
		DeviceXruns: c.captureXruns.Load() + c.playbackXruns.Load(), Losses: c.losses.Load(),
		Load: c.load.get(), HopTime: c.hopTime.summary(), Interval: c.interval.summary(),
		Drift: c.drift.get(), Speedup: c.speedup.get(),
		Fill: time.Duration(c.fill.Load()), Target: time.Duration(c.target.Load()),
		Input:  Level{c.inPeak.get(), math.Sqrt(c.inPower.get())},
		Output: Level{c.outPeak.get(), math.Sqrt(c.outPw.get())},
	}
	if p := e.pipe.Load(); p != nil {
		s.Capture, s.Playback, s.Rate, s.Latency = p.in, p.out, p.proc.SampleRate(), p.latency()
	}
	if how := e.realtime.Load(); how != nil {
		s.Realtime = *how
	}
	for i := range e.controls.taps {
		if e.controls.taps[i].Load() != nil {
			s.Taps++
		}
	}
	return s
}
