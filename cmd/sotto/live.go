package main

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"sotto/enhance"
	"sotto/stream"
	"sotto/stream/device"
)

const liveLong = `Take the noise out of a microphone, live, and play the voice or offer it to
other programs as a microphone.

In a terminal it shows levels, spectra, latency and load, and takes keys: b
passes the sound through as it came, up and down change how much noise is taken
away at most, m mutes, r records, q quits. Elsewhere, and with --no-tui, it
prints a line a second.

With --virtual-mic, call programs find a microphone called "sotto" for as long
as the command runs (PulseAudio and PipeWire). Without it, wear headphones: a
microphone that hears the loudspeaker howls.

A device that is unplugged, or a sound server that ends, is waited for. Ctrl-C
ends the command.`

const liveExample = `  sotto live --virtual-mic
  sotto live --input headset --output 3 --atten 20
  sotto live --record meeting/
  sotto live --no-tui --json --duration 60s > figures.jsonl`

// liveGC is the growth of the heap in percent that starts a collection while
// audio passes. The live path makes no garbage; what the view makes is rather
// collected rarely than soon.
const liveGC = 400

// liveFlags are the flags of the live command.
type liveFlags struct {
	knobs
	input, output string
	channel, rate int
	virtual       bool
	noTUI, asJSON bool
	duration      time.Duration
	record        string
}

func newLive(a *app) *cobra.Command {
	var f liveFlags
	cmd := &cobra.Command{
		Use:     "live",
		Short:   "clean a microphone while you speak",
		Long:    liveLong,
		Example: liveExample,
		Args:    arguments(0, 0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.live(cmd.Context(), &f) },
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.input, "input", "", `microphone: number, name or part of it, see "sotto devices" (default: the system's)`)
	flags.StringVar(&f.output, "output", "", "loudspeaker, likewise")
	flags.IntVar(&f.channel, "channel", 0, "channel of the microphone, counted from 1 (0: the average of all)")
	flags.IntVar(&f.rate, "rate", 0, "rate to ask the microphone for and to process at, Hz (0: the microphone's own)")
	flags.BoolVar(&f.virtual, "virtual-mic", false, `offer the voice as a microphone called "sotto" instead of playing it`)
	flags.BoolVar(&f.noTUI, "no-tui", false, "print a line a second instead of the live view")
	flags.BoolVar(&f.asJSON, "json", false, "print a JSON object a second instead of the live view")
	flags.DurationVar(&f.duration, "duration", 0, "end after this time (0: go on)")
	flags.StringVar(&f.record, "record", "", "record the microphone and the voice, side by side, into this folder from the start")
	return cmd
}

// check refuses what makes no sense before anything is opened.
func (f *liveFlags) check() error {
	switch {
	case f.virtual && f.output != "":
		return usagef("--virtual-mic and --output %s are two outputs; choose one", f.output)
	case f.channel < 0:
		return usagef("--channel is %d, expected 1 or more, or 0 for the average", f.channel)
	case f.rate != 0 && (f.rate < 8000 || f.rate > 192000):
		return usagef("--rate is %d Hz, expected 8000 to 192000, or 0 for the microphone's own", f.rate)
	case f.duration < 0:
		return usagef("--duration is %v, expected a time, or 0 to go on", f.duration)
	}
	return nil
}

// live is one run of the live command.
type live struct {
	app    *app
	flags  *liveFlags
	model  *enhance.Model
	knobs  enhance.Config
	engine *stream.Engine
	events chan stream.Event // from the engine to whoever shows them.
	start  time.Time         // when audio first passed.

	// enhancer is the engine's present one, atten the bits of its limit in dB.
	enhancer atomic.Pointer[enhance.Enhancer]
	atten    atomic.Uint64

	recorder *recorder // nil while nothing is recorded.
}

func (a *app) live(ctx context.Context, f *liveFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	m, cfg, err := f.load(ctx)
	if err != nil {
		return err
	}
	l := &live{app: a, flags: f, model: m, knobs: cfg, events: make(chan stream.Event, 16)}
	l.setAttenuation(cfg.MaxAttenuation)
	if l.engine, err = stream.New(l.config()); err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(liveGC))
	return l.run(ctx)
}

// config wires devices and model to an engine.
func (l *live) config() stream.Config {
	f := l.flags
	playback := device.Playback(device.Options{Device: f.output})
	if f.virtual {
		playback = device.VirtualMicrophone(device.Options{})
	}
	return stream.Config{
		Capture:   atRate(device.Capture(device.Options{Device: f.input}), f.rate),
		Playback:  playback,
		Processor: l.processor,
		Channel:   f.channel,
		OnEvent:   func(e stream.Event) { l.events <- e },
	}
}

// atRate asks a device for a rate in Hz instead of what the engine asks for; 0
// leaves it alone.
func atRate(open stream.Opener, rate int) stream.Opener {
	if rate == 0 {
		return open
	}
	return func(ctx context.Context, _ int) (stream.Port, error) { return open(ctx, rate) }
}

// processor returns the enhancer for a microphone of the given rate.
func (l *live) processor(rate int) (stream.Processor, error) {
	if l.flags.rate != 0 {
		rate = l.flags.rate
	}
	cfg := l.knobs
	cfg.MaxAttenuation = l.attenuation()
	e, err := enhance.New(l.model, nativeRate(rate), cfg)
	if err != nil {
		return nil, err
	}
	l.enhancer.Store(e)
	return e, nil
}

// attenuation returns the limit in dB; 0 means none.
func (l *live) attenuation() float64 { return math.Float64frombits(l.atten.Load()) }

// setAttenuation changes the limit of the running enhancer and of later ones.
func (l *live) setAttenuation(db float64) {
	l.atten.Store(math.Float64bits(db))
	if e := l.enhancer.Load(); e != nil {
		e.SetMaxAttenuation(db)
	}
}

// run passes audio, shows what goes on, and ends cleanly: when ctx ends, when
// the time is up, or when the view is left.
func (l *live) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- l.engine.Run(ctx)
		close(l.events)
	}()
	first, ok := <-l.events
	if !ok {
		return <-ended
	}
	l.start = time.Now()
	if l.flags.duration > 0 {
		defer time.AfterFunc(l.flags.duration, cancel).Stop()
	}
	err := l.record(l.flags.record != "")
	if err == nil {
		err = l.show(ctx, first)
	}
	cancel()
	go func() { // nobody else listens any more.
		for range l.events {
		}
	}()
	if e := <-ended; err == nil {
		err = e
	}
	if e := l.record(false); err == nil {
		err = e
	}
	return err
}

// show follows the run until ctx ends: in the live view where somebody looks,
// else in lines.
func (l *live) show(ctx context.Context, first stream.Event) error {
	if !l.flags.noTUI && !l.flags.asJSON && isTerminal(l.app.out) && isTerminal(l.app.in) {
		return l.view(ctx, first)
	}
	p := &livePrinter{live: l}
	return p.run(ctx, first)
}

// record starts a recording, or ends the one that runs.
func (l *live) record(on bool) error {
	if on == (l.recorder != nil) {
		return nil
	}
	if !on {
		r := l.recorder
		l.recorder = nil
		return r.stop()
	}
	r, err := startRecorder(l.engine, l.flags.record)
	if err == nil {
		l.recorder = r
	}
	return err
}

// follow does what an event asks for, and returns how to say it: empty when
// there is nothing to say.
func (l *live) follow(e stream.Event) (string, error) {
	switch e.Kind {
	case stream.Lost:
		return fmt.Sprintf("%v; waiting", e.Err), nil
	case stream.Resumed:
		if l.recorder != nil && l.recorder.tap.Rate() != l.engine.Stats().Rate {
			// A WAV file has one rate: go on in another.
			if err := l.record(false); err != nil {
				return "", err
			}
			if err := l.record(true); err != nil {
				return "", err
			}
		}
		return "sound is back: " + route(e), nil
	case stream.Started:
		return route(e), nil
	}
	return "", nil
}

// route names both ends of what passes audio.
func route(e stream.Event) string {
	return fmt.Sprintf("%s (%d Hz) to %s (%d Hz)", e.Capture.Name, e.Capture.Rate, e.Playback.Name, e.Playback.Rate)
}
