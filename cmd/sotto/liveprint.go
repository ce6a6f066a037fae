package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"sotto/stream"
)

// quietest is the lowest level that is told apart from silence, in dBFS: below
// the last bit of 20.
const quietest = -120.0

// decibels returns an amplitude in dBFS, at least quietest.
func decibels(amplitude float64) float64 {
	if !(amplitude > 0) {
		return quietest
	}
	return max(20*math.Log10(amplitude), quietest)
}

// reduction returns by how many dB the output is quieter than the input; 0 for
// silence.
func reduction(s *stream.Stats) float64 {
	in, out := decibels(s.Input.RMS), decibels(s.Output.RMS)
	if in <= quietest {
		return 0
	}
	return in - out
}

// livePrinter prints a line a second: for people, or as JSON. The line is built
// in a buffer that is used again, so that the heap stays quiet.
type livePrinter struct {
	*live
	line []byte
}

// run prints until ctx ends.
func (p *livePrinter) run(ctx context.Context, first stream.Event) error {
	if err := p.event(first); err != nil {
		return err
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-p.events:
			if !ok {
				return nil
			}
			if err := p.event(e); err != nil {
				return err
			}
		case <-ticker.C:
			s := p.engine.Stats()
			p.line = p.line[:0]
			if p.flags.asJSON {
				p.object(&s, time.Since(p.start))
			} else {
				p.words(&s, time.Since(p.start))
			}
			if _, err := p.app.out.Write(p.line); err != nil {
				return err
			}
		}
	}
}

// event prints what happened: among the lines as JSON, beside them for people.
func (p *livePrinter) event(e stream.Event) error {
	text, err := p.follow(e)
	if err != nil || text == "" {
		return err
	}
	if !p.flags.asJSON {
		_, err := fmt.Fprintln(p.app.err, "sotto: "+text)
		return err
	}
	names := map[stream.EventKind]string{stream.Started: "started", stream.Lost: "lost", stream.Resumed: "resumed"}
	b, err := json.Marshal(struct {
		Time  float64 `json:"time"`
		Event string  `json:"event"`
		Text  string  `json:"text"`
	}{math.Round(1000*time.Since(p.start).Seconds()) / 1000, names[e.Kind], text})
	if err != nil {
		return err
	}
	_, err = p.app.out.Write(append(b, '\n'))
	return err
}

// words appends the line for people.
func (p *livePrinter) words(s *stream.Stats, t time.Duration) {
	p.line = appendClock(p.line, t)
	if s.State != stream.Running {
		p.line = append(append(append(p.line, "  "...), s.State.String()...), '\n')
		return
	}
	p.figure("  in ", decibels(s.Input.RMS), 1, " dB")
	p.figure("  out ", decibels(s.Output.RMS), 1, " dB")
	p.figure("  reduction ", reduction(s), 1, " dB")
	p.figure("  latency ", milliseconds(s.Latency.Total()), 1, " ms")
	p.figure("  load ", 100*s.Load, 0, " %")
	p.figure("  xruns ", float64(s.Xruns()), 0, "")
	p.figure("  drift ", 1e6*s.Drift, 0, " ppm\n")
}

func (p *livePrinter) figure(before string, v float64, decimals int, after string) {
	p.line = append(p.line, before...)
	p.line = appendFixed(p.line, v, decimals)
	p.line = append(p.line, after...)
}

// appendFixed appends v with so many digits after the point, and no minus sign
// before a zero.
func appendFixed(b []byte, v float64, decimals int) []byte {
	scale := math.Pow10(decimals)
	if v = math.Round(v*scale) / scale; v == 0 {
		v = 0
	}
	return strconv.AppendFloat(b, v, 'f', decimals, 64)
}

// appendClock appends a time as hours, minutes and seconds.
func appendClock(b []byte, t time.Duration) []byte {
	seconds := int(t.Round(time.Second).Seconds())
	for i, n := range [...]int{seconds / 3600, seconds / 60 % 60, seconds % 60} {
		if i > 0 {
			b = append(b, ':')
		}
		if n < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return b
}

// object appends the line for programs.
func (p *livePrinter) object(s *stream.Stats, t time.Duration) {
	p.line = append(p.line, '{')
	p.member("time", t.Seconds(), 3)
	p.line = append(p.line, `,"state":"`...)
	p.line = append(append(p.line, s.State.String()...), '"')
	ms := func(key string, d time.Duration) { p.member(key, milliseconds(d), 3) }
	count := func(key string, n uint64) { p.member(key, float64(n), 0) }
	p.member("input_db", decibels(s.Input.RMS), 2)
	p.member("input_peak_db", decibels(s.Input.Peak), 2)
	p.member("output_db", decibels(s.Output.RMS), 2)
	p.member("output_peak_db", decibels(s.Output.Peak), 2)
	p.member("reduction_db", reduction(s), 2)
	ms("latency_ms", s.Latency.Total())
	ms("latency_capture_ms", s.Latency.Capture)
	ms("latency_buffer_ms", s.Latency.Buffer)
	ms("latency_hop_ms", s.Latency.Hop)
	ms("latency_processor_ms", s.Latency.Processor)
	ms("latency_resampling_ms", s.Latency.Resampling)
	ms("latency_playback_ms", s.Latency.Playback)
	p.member("load", s.Load, 4)
	ms("hop_median_ms", s.HopTime.Median)
	ms("hop_p99_ms", s.HopTime.P99)
	ms("hop_p999_ms", s.HopTime.P999)
	ms("hop_max_ms", s.HopTime.Max)
	count("hops", s.Hops)
	count("late_hops", s.LateHops)
	count("xruns", s.Xruns())
	count("dropped_hops", s.DroppedHops)
	count("underruns", s.Underruns)
	count("overruns", s.Overruns)
	count("device_xruns", s.DeviceXruns)
	count("losses", s.Losses)
	p.member("drift_ppm", 1e6*s.Drift, 1)
	p.member("speedup_ppm", 1e6*s.Speedup, 1)
	ms("fill_ms", s.Fill)
	ms("target_ms", s.Target)
	p.line = append(p.line, "}\n"...)
}

// member appends a number to the object, null where it is none.
func (p *livePrinter) member(key string, v float64, decimals int) {
	if p.line[len(p.line)-1] != '{' {
		p.line = append(p.line, ',')
	}
	p.line = append(append(append(p.line, '"'), key...), `":`...)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		p.line = append(p.line, "null"...)
		return
	}
	p.line = appendFixed(p.line, v, decimals)
}
