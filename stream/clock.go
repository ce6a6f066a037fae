package stream

import "time"

// clock tells the time since it was made: monotonic, and the only clock of the engine.
type clock struct{ start time.Time }

func newClock() clock {
	return clock{time.Now()} //nolint:forbidigo // drift, load and latency are about time; the processors never see it.
}

// now returns the time since the clock was made.
func (c clock) now() time.Duration { return time.Since(c.start) }
