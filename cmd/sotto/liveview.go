package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"sotto/stream"
)

const (
	// frameTime is the time between two pictures of the view: smooth enough
	// for a meter, and cheap.
	frameTime = 80 * time.Millisecond
	// messageTime is how long good news stay on the screen.
	messageTime = 6 * time.Second
	// holdTime is how long a peak stands before it falls, by holdFall dB/s:
	// the habit of studio meters.
	holdTime = 1500 * time.Millisecond
	holdFall = 20.0
)

// limits are the attenuation limits in dB that the keys step through; 0, none,
// is the end of the ladder.
var limits = []float64{3, 6, 9, 12, 15, 18, 21, 24, 30, 36, 42, 48, 0}

// tickMsg asks for the next picture.
type tickMsg time.Time

// endMsg says that the engine has ended.
type endMsg struct{}

// liveView is the live view: a bubbletea model.
type liveView struct {
	*live
	painter
	width, height int
	stats         stream.Stats
	last          time.Time
	input, output peakHold
	spectra       spectra
	bypass, mute  bool
	route         string
	message       string
	alarm         bool      // the message is bad news.
	until         time.Time // when the message goes; zero: when things change.
}

// view shows the live view until it is left or ctx ends.
func (l *live) view(ctx context.Context, first stream.Event) error {
	v := newLiveView(l)
	v.handle(first)
	p := tea.NewProgram(v, tea.WithInput(l.app.in), tea.WithOutput(l.app.out), tea.WithoutSignalHandler(), tea.WithContext(ctx))
	_, err := p.Run()
	v.spectra.close()
	if ctx.Err() != nil {
		err = nil // the run is over: no failure of the view
	}
	if err == nil {
		err = l.sum()
	}
	return err
}

// sum leaves the figures of the run behind on the terminal, where the view was.
func (l *live) sum() error {
	s := l.engine.Stats()
	_, err := fmt.Fprintf(l.app.out, "%s live, latency %.1f ms, %d xruns, %d losses of a device\n",
		appendClock(nil, time.Since(l.start)), milliseconds(s.Latency.Total()), s.Xruns(), s.Losses)
	return err
}

func newLiveView(l *live) *liveView {
	return &liveView{
		live: l, painter: newPainter(), width: 80, height: 24, last: time.Now(),
		input: peakHold{level: quietest}, output: peakHold{level: quietest},
	}
}

// Init starts the clock and listens to the engine.
func (v *liveView) Init() tea.Cmd { return tea.Batch(tick(), v.listen()) }

func tick() tea.Cmd { return tea.Tick(frameTime, func(t time.Time) tea.Msg { return tickMsg(t) }) }

// listen waits for the next event.
func (v *liveView) listen() tea.Cmd {
	return func() tea.Msg {
		e, ok := <-v.events
		if !ok {
			return endMsg{}
		}
		return e
	}
}

// Update takes a key, an event of the engine, or the time for the next picture.
func (v *liveView) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		v.width, v.height = msg.Width, msg.Height
	case tickMsg:
		v.advance(time.Time(msg))
		return v, tick()
	case stream.Event:
		v.handle(msg)
		return v, v.listen()
	case endMsg:
		return v, tea.Quit
	case tea.KeyPressMsg:
		return v, v.key(msg.String())
	}
	return v, nil
}

// advance brings everything up to date for the next picture.
func (v *liveView) advance(now time.Time) {
	dt := now.Sub(v.last)
	v.last = now
	v.stats = v.engine.Stats()
	if v.stats.State != stream.Running {
		v.stats.Input, v.stats.Output = stream.Level{}, stream.Level{}
	}
	v.input.update(decibels(v.stats.Input.Peak), dt)
	v.output.update(decibels(v.stats.Output.Peak), dt)
	if v.spectrumRows() > 0 {
		v.spectra.update(v.engine, v.content(), dt)
	}
	if !v.until.IsZero() && now.After(v.until) {
		v.message = ""
	}
}

// handle shows an event.
func (v *liveView) handle(e stream.Event) {
	text, err := v.follow(e)
	switch {
	case err != nil:
		v.fail(err)
	case e.Kind == stream.Lost:
		v.message, v.alarm, v.until = text, true, time.Time{}
	default:
		v.route = route(e)
		if e.Kind == stream.Resumed {
			v.say("sound is back")
		}
	}
}

// say shows good news for a while.
func (v *liveView) say(text string) {
	v.message, v.alarm, v.until = text, false, time.Now().Add(messageTime)
}

// fail shows a failure for a while.
func (v *liveView) fail(err error) {
	v.say(err.Error())
	v.alarm = true
}

// key does what a key stands for.
func (v *liveView) key(name string) tea.Cmd {
	switch name {
	case "q", "esc", "ctrl+c":
		return tea.Quit
	case "b":
		v.bypass = !v.bypass
		v.engine.SetBypass(v.bypass)
	case "m":
		v.mute = !v.mute
		v.engine.SetMute(v.mute)
	case "up", "k":
		v.setAttenuation(stepLimit(v.attenuation(), +1))
	case "down", "j":
		v.setAttenuation(stepLimit(v.attenuation(), -1))
	case "r":
		v.toggleRecording()
	}
	return nil
}

// stepLimit returns the limit beside db on the ladder: the next larger one for
// +1, the next smaller one for -1.
func stepLimit(db float64, direction int) float64 {
	finite := limits[:len(limits)-1]
	i, found := slices.BinarySearch(finite, db)
	if db == 0 {
		i, found = len(finite), true
	}
	if direction < 0 || found {
		i += direction
	}
	return limits[min(max(i, 0), len(limits)-1)]
}

func (v *liveView) toggleRecording() {
	r := v.recorder
	if err := v.record(r == nil); err != nil {
		v.fail(err)
		return
	}
	if r != nil {
		v.say(fmt.Sprintf("recorded %s and %s", r.paths[0], filepath.Base(r.paths[1])))
	}
}

// peakHold is the highest peak of late, in dBFS.
type peakHold struct {
	level float64
	age   time.Duration
}

// update takes in the present peak, dt after the last one.
func (h *peakHold) update(peak float64, dt time.Duration) {
	if h.age += dt; h.age > holdTime {
		h.level -= holdFall * dt.Seconds()
	}
	if peak >= h.level {
		h.level, h.age = peak, 0
	}
}
