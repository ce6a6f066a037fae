package main

import (
	"strconv"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"sotto/stream"
)

// The layout: a margin, the names of the rows, their content, a margin.
const (
	margin = 1
	gutter = 8
	// figures is the room to the right of a bar.
	figures = 22
	// fixedRows is everything but the spectra; axisRows is the scale below
	// them and the line that sets them off.
	fixedRows = 14
	axisRows  = 2
	// maxSpectrumRows keeps a tall window from stretching the picture.
	maxSpectrumRows = 9
	// narrowest is the width below which nothing but a plea fits.
	narrowest = 50
)

// Scales of the bars.
const (
	meterLow       = -60.0 // dBFS at the left end of a level meter; 0 is at the right.
	meterWarn      = -18.0 // from here a level is yellow,
	meterHot       = -6.0  // and from here red.
	reductionFull  = 30.0  // dB
	latencyFull    = 60.0  // ms, more if there is more.
	spectrumBottom = -85.0 // dBFS per line
	spectrumTop    = -25.0
)

// content is the number of columns between gutter and margin.
func (v *liveView) content() int { return max(v.width-gutter-2*margin, 0) }

// spectrumRows returns the height of either spectrum: 0 where there is no room.
func (v *liveView) spectrumRows() int {
	rows := (v.height - fixedRows - axisRows) / 2
	if rows < 1 || v.width < narrowest {
		return 0
	}
	return min(rows, maxSpectrumRows)
}

// View draws the picture.
func (v *liveView) View() tea.View {
	v.b, v.column = v.b[:0], 0
	if v.width < narrowest || v.height < fixedRows {
		v.text(v.label, "sotto live needs a larger window: "+strconv.Itoa(narrowest)+"x"+strconv.Itoa(fixedRows))
	} else {
		v.drawHead()
		v.drawLevels()
		v.drawSpectra()
		v.drawLatency()
		v.drawHealth()
		v.drawFoot()
	}
	view := tea.NewView(string(v.b))
	view.AltScreen = true
	view.WindowTitle = "sotto live"
	return view
}

func (v *liveView) drawHead() {
	v.space(margin)
	v.text(v.title, "sotto live")
	v.text(v.label, "  model ")
	v.text(v.plain, v.model.Name)
	state, dot := v.good, "● "
	if v.stats.State != stream.Running {
		state = v.bad
	}
	name := v.stats.State.String()
	v.space(v.width - margin - utf8.RuneCountInString(dot+name) - len("  00:00:00"))
	v.text(state, dot+name)
	v.text(v.label, "  ")
	clock := len(v.b)
	v.b = appendClock(v.b, v.last.Sub(v.start))
	v.column += len(v.b) - clock
	v.end()
	v.space(margin)
	v.text(v.label, clip(v.route, v.width-2*margin))
	v.end()
	v.end()
}

// clip shortens a text to width characters.
func clip(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	r := []rune(s)
	return string(r[:max(width-1, 0)]) + "…"
}

func (v *liveView) drawLevels() {
	v.drawMeter("in", v.stats.Input, v.input.level, "")
	state := ""
	if v.mute {
		state = "muted"
	}
	v.drawMeter("out", v.stats.Output, v.output.level, state)
	v.drawScale()
	v.row("removed")
	width := v.content() - figures
	removed := 0.0
	if !v.mute && !v.bypass {
		removed = max(reduction(&v.stats), 0)
	}
	v.bar(width, removed/reductionFull, -1, func(int) ink { return v.cut })
	v.padded(removed, 7)
	v.text(v.label, " dB ")
	switch limit := v.attenuation(); {
	case v.bypass:
		v.text(v.limit, " bypass")
	case limit > 0:
		v.text(v.label, " limit ")
		v.number(v.plain, limit, 0, "")
	default:
		v.text(v.label, " no limit")
	}
	v.end()
	v.end()
}

// padded draws a figure of one decimal, right-aligned in width columns.
func (v *liveView) padded(x float64, width int) {
	var scratch [32]byte
	v.space(v.column + max(width-len(appendFixed(scratch[:0], x, 1)), 0))
	v.number(v.plain, x, 1, "")
}

// drawMeter draws a level meter. state, if not empty, stands in for the peak.
func (v *liveView) drawMeter(name string, level stream.Level, peak float64, state string) {
	v.row(name)
	width := v.content() - figures
	share := func(db float64) float64 { return (db - meterLow) / -meterLow }
	v.bar(width, share(decibels(level.RMS)), min(int(share(peak)*float64(width)), width-1), func(cell int) ink {
		switch db := meterLow * (1 - (float64(cell)+0.5)/float64(width)); {
		case db >= meterHot:
			return v.bad
		case db >= meterWarn:
			return v.warn
		default:
			return v.good
		}
	})
	v.padded(decibels(level.RMS), 7)
	v.text(v.label, " dB ")
	if state != "" {
		v.text(v.limit, " "+state)
	} else {
		v.text(v.label, " peak")
		v.padded(peak, 6)
	}
	v.end()
}

// drawScale draws the figures below the meters, 10 dB apart.
func (v *liveView) drawScale() {
	width := v.content() - figures
	v.space(margin + gutter)
	for db := meterLow; db <= 0; db += 10 {
		at := int((db - meterLow) / -meterLow * float64(width-1))
		text := strconv.Itoa(int(db))
		if db == 0 {
			text = "0 dBFS"
		} else if db > meterLow {
			at -= len(text) / 2
		}
		v.space(margin + gutter + at)
		v.text(v.label, text)
	}
	v.end()
}

func (v *liveView) drawSpectra() {
	rows := v.spectrumRows()
	if rows == 0 {
		return
	}
	heard := v.spectra.after
	switch {
	case v.mute:
		heard = nil
	case v.bypass:
		heard = v.spectra.before
	}
	v.drawSpectrum("before", v.spectra.before, rows, &v.noisy)
	v.drawSpectrum("after", heard, rows, &v.clean)
	v.space(margin + gutter)
	for _, mark := range [...]struct {
		hertz float64
		text  string
	}{{100, "100"}, {200, "200"}, {500, "500"}, {1000, "1k"}, {2000, "2k"}, {4000, "4k"}} {
		for c := range v.content() {
			if columnFrequency(float64(c+1), v.content()) > mark.hertz {
				v.space(margin + gutter + c)
				break
			}
		}
		v.text(v.label, mark.text)
	}
	v.space(v.width - margin - len("8 kHz"))
	v.text(v.label, "8 kHz")
	v.end()
	v.end()
}

// drawSpectrum draws columns as bars, brighter towards their tops.
func (v *liveView) drawSpectrum(name string, columns []float64, rows int, inks *[maxSpectrumRows]ink) {
	for r := rows - 1; r >= 0; r-- {
		if r == rows-1 {
			v.row(name)
		}
		v.space(margin + gutter)
		shade := inks[(2*r+1)*maxSpectrumRows/(2*rows)]
		v.b = append(v.b, shade.on...)
		for _, db := range columns[:min(len(columns), v.content())] {
			level := int((db - spectrumBottom) / (spectrumTop - spectrumBottom) * float64(8*rows))
			v.b = append(v.b, heights[min(max(level-8*r, 0), 8)]...)
		}
		v.b = append(v.b, shade.off...)
		v.end()
	}
}

func (v *liveView) drawLatency() {
	l := v.stats.Latency
	parts := [...]struct {
		name string
		d    time.Duration
	}{{"capture", l.Capture}, {"buffer", l.Buffer}, {"hop", l.Hop}, {"model", l.Processor}, {"resample", l.Resampling}, {"play", l.Playback}}
	v.row("latency")
	width := v.content() - figures
	total := milliseconds(l.Total())
	scale := float64(width) / max(latencyFull, total)
	sum, cell := 0.0, 0
	for i, part := range parts {
		sum += milliseconds(part.d)
		for ; cell < int(sum*scale+0.5); cell++ {
			v.text(v.parts[i], "█")
		}
	}
	for ; cell < width; cell++ {
		v.text(v.track, "─")
	}
	v.padded(total, 7)
	v.text(v.label, " ms")
	v.end()
	v.row("")
	for i, part := range parts {
		if i > 0 {
			v.text(v.plain, "  ")
		}
		v.text(v.parts[i], part.name+" ")
		v.number(v.plain, milliseconds(part.d), 1, "")
	}
	v.end()
}

func (v *liveView) drawHealth() {
	s := &v.stats
	v.row("load")
	width := v.content() - figures
	v.bar(width, s.Load, -1, func(cell int) ink {
		if float64(cell) > 0.7*float64(width) {
			return v.bad
		}
		return v.good
	})
	v.padded(100*s.Load, 7)
	v.text(v.label, " %  p99")
	v.padded(milliseconds(s.HopTime.P99), 4)
	v.text(v.label, " ms")
	v.end()
	v.row("xruns")
	i := v.plain
	if s.Xruns() > 0 {
		i = v.warn
	}
	v.number(i, float64(s.Xruns()), 0, "")
	v.count("  under ", s.Underruns)
	v.count("  over ", s.Overruns)
	v.count("  dropped ", s.DroppedHops)
	v.count("  device ", s.DeviceXruns)
	v.count("  late ", s.LateHops)
	v.text(v.label, "  drift ")
	v.number(v.plain, 1e6*s.Drift, 0, " ppm")
	v.end()
}

func (v *liveView) drawFoot() {
	v.space(margin)
	switch {
	case v.message != "" && v.alarm:
		v.text(v.bad, clip(v.message, v.width-2*margin))
	case v.message != "":
		v.text(v.good, clip(v.message, v.width-2*margin))
	case v.recorder != nil:
		v.text(v.bad, "● ")
		v.text(v.plain, "recording ")
		clock := len(v.b)
		v.b = appendClock(v.b, v.last.Sub(v.recorder.start))
		v.column += len(v.b) - clock
		v.text(v.label, clip("  "+v.recorder.paths[0], v.width-2*margin-v.column))
	}
	v.end()
	v.space(margin)
	for i, k := range [...]struct {
		key, what string
		on        bool
	}{
		{"b", "bypass", v.bypass},
		{"↑↓", "attenuation", false},
		{"m", "mute", v.mute},
		{"r", "record", v.recorder != nil},
		{"q", "quit", false},
	} {
		if i > 0 {
			v.text(v.plain, "   ")
		}
		v.text(v.title, k.key)
		what := v.label
		if k.on {
			what = v.limit
		}
		v.text(what, " "+k.what)
	}
}
