package main

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"sotto/internal/testsig"
	"sotto/stream"
)

// escapes are the sequences that colour the view.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// viewLines returns the lines of the view, without colours.
func viewLines(v *liveView) []string {
	return strings.Split(escapes.ReplaceAllString(v.View().Content, ""), "\n")
}

// testView returns a view of an engine that does not run.
func testView(t *testing.T) *liveView {
	t.Helper()
	l := &live{app: &app{}, flags: &liveFlags{record: t.TempDir()}, model: knownModel("keep", 10), events: make(chan stream.Event)}
	var err error
	if l.engine, err = stream.New(l.config()); err != nil {
		t.Fatal(err)
	}
	l.start = time.Now()
	v := newLiveView(l)
	v.handle(stream.Event{Kind: stream.Started, Capture: stream.Format{Name: "mic", Rate: 48000}, Playback: stream.Format{Name: "spk", Rate: 44100}})
	v.stats = stream.Stats{
		State: stream.Running, Load: 0.12, Drift: 3e-6, Underruns: 4,
		Input: stream.Level{Peak: 0.5, RMS: 0.1}, Output: stream.Level{Peak: 0.4, RMS: 0.05},
		Latency: stream.Latency{
			Capture: 12 * time.Millisecond, Buffer: 11 * time.Millisecond, Hop: 8 * time.Millisecond,
			Processor: 8 * time.Millisecond, Resampling: time.Millisecond / 2, Playback: 15 * time.Millisecond,
		},
	}
	return v
}

// TestViewFits draws the view into windows of many sizes: never wider or higher
// than the window, and with every figure where there is room.
func TestViewFits(t *testing.T) {
	v := testView(t)
	for _, size := range [][2]int{{80, 24}, {120, 35}, {200, 60}, {50, 14}, {50, 24}, {80, 16}, {10, 5}, {0, 0}} {
		v.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		v.spectra.before, v.spectra.after = fit(nil, v.content()), fit(nil, v.content())
		lines := viewLines(v)
		if len(lines) > max(size[1], 1) {
			t.Errorf("%d lines in a window of %dx%d", len(lines), size[0], size[1])
		}
		for _, line := range lines {
			// A narrow window cuts the figures at its edge; the drawn ones fit.
			if n := utf8.RuneCountInString(line); size[0] >= 80 && n > size[0] {
				t.Errorf("%d columns in a window of %dx%d: %q", n, size[0], size[1], line)
			}
		}
		if size[0] < 80 || size[1] < 16 {
			continue
		}
		text := strings.Join(lines, "\n")
		for _, want := range []string{
			"● running", "mic (48000 Hz) to spk (44100 Hz)", "-20.0 dB", "-26.0 dB", " 6.0 dB", "no limit", "54.5 ms", "capture 12.0",
			"buffer 11.0", "hop 8.0", "model 8.0", "resample 0.5", "play 15.0", "12.0 %", "xruns   4", "under 4", "drift 3 ppm", "q quit",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in a window of %dx%d:\n%s", want, size[0], size[1], text)
			}
		}
		if hasSpectrum := strings.Contains(text, "before"); hasSpectrum != (size[1] >= 24) {
			t.Errorf("spectrum shown: %v in a window of %dx%d", hasSpectrum, size[0], size[1])
		}
	}
}

// TestViewKeys presses every key, and looks at what it shows.
func TestViewKeys(t *testing.T) {
	v := testView(t)
	shows := func(want string) {
		t.Helper()
		if text := strings.Join(viewLines(v), "\n"); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	press := func(keys ...tea.Key) (quit bool) {
		for _, k := range keys {
			_, cmd := v.Update(tea.KeyPressMsg(k))
			quit = cmd != nil
		}
		return quit
	}
	letter := func(r rune) tea.Key { return tea.Key{Code: r, Text: string(r)} }
	press(tea.Key{Code: tea.KeyDown}, tea.Key{Code: tea.KeyDown})
	shows("limit 42")
	press(tea.Key{Code: tea.KeyUp})
	shows("limit 48")
	press(letter('b'))
	shows("dB  bypass")
	press(letter('b'), letter('m'))
	shows("muted")
	press(letter('m'))
	shows("limit 48")
	press(letter('r')) // nothing runs that could be recorded
	shows("cannot record: the engine is not running")
	v.handle(stream.Event{Kind: stream.Lost, Err: stream.ErrStalled})
	shows("no audio from the device; waiting")
	v.handle(stream.Event{Kind: stream.Resumed, Capture: stream.Format{Name: "usb", Rate: 48000}})
	shows("sound is back")
	shows("usb (48000 Hz)")
	for _, k := range []tea.Key{letter('q'), {Code: tea.KeyEscape}, {Code: 'c', Mod: tea.ModCtrl}} {
		if !press(k) {
			t.Errorf("key %s does not quit", k)
		}
	}
}

// TestStepLimit goes up and down the ladder of attenuation limits.
func TestStepLimit(t *testing.T) {
	for _, c := range []struct {
		from float64
		step int
		want float64
	}{{0, 1, 0}, {0, -1, 48}, {48, 1, 0}, {3, -1, 3}, {3, 1, 6}, {20, 1, 21}, {20, -1, 18}, {100, 1, 0}, {100, -1, 48}, {1, -1, 3}, {1, 1, 3}} {
		if got := stepLimit(c.from, c.step); got != c.want {
			t.Errorf("stepLimit(%g, %d) = %g, want %g", c.from, c.step, got, c.want)
		}
	}
}

// TestPeakHold lets a peak stand, then fall.
func TestPeakHold(t *testing.T) {
	h := peakHold{level: quietest}
	h.update(-6, frameTime)
	for range int(holdTime / frameTime) {
		h.update(-60, frameTime)
	}
	testsig.NearAt(t, "held peak", h.level, -6, 0)
	h.update(-60, time.Second/2)
	testsig.NearAt(t, "fallen peak", h.level, -16, 1e-9)
	h.update(-12, frameTime)
	testsig.NearAt(t, "new peak", h.level, -12, 0)
}

// TestSpectrum finds a sine in its column, at its level.
func TestSpectrum(t *testing.T) {
	const rate, n, columns = 48000, 2048, 70
	var s spectra
	s.allocate(rate)
	x := testsig.Sine(n, 1007, rate, 0.1)
	got := fit(nil, columns)
	s.raise(got, x)
	top := 0
	for c, db := range got {
		if db > got[top] {
			top = c
		}
	}
	want := int(math.Log(1007/spectrumLow) / math.Log(spectrumHigh/spectrumLow) * columns)
	if top != want {
		t.Errorf("1007 Hz is in column %d, want %d", top, want)
	}
	// Off the middle of a line, a Hann window loses up to 1.4 dB.
	testsig.NearAt(t, "level in dBFS", got[top], -20, 1.5)
	if far := got[columns-5]; far > -80 {
		t.Errorf("%.1f dB far from the sine, want less than -80", far)
	}
}
