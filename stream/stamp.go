package stream

import (
	"math"
	"sync/atomic"
	"time"
)

// stamp publishes a sample count together with the instant at which it was true. One goroutine sets it, any may read it: a
// sequence lock whose every part is an atomic.
type stamp struct {
	seq   atomic.Uint64 // odd while a set is under way; 0 before the first.
	count atomic.Uint64
	at    atomic.Int64
}

// set publishes count at the instant at.
func (s *stamp) set(count uint64, at time.Duration) {
	s.seq.Add(1)
	s.count.Store(count)
	s.at.Store(int64(at))
	s.seq.Add(1)
}

// get returns the last pair. It is false when there is none yet, or when a set got in the way of a few attempts: the caller
// does without it this once.
func (s *stamp) get() (count uint64, at time.Duration, ok bool) {
	for range 4 {
		seq := s.seq.Load()
		if seq == 0 {
			return 0, 0, false
		}
		count, at = s.count.Load(), time.Duration(s.at.Load())
		if seq%2 == 0 && s.seq.Load() == seq {
			return count, at, true
		}
	}
	return 0, 0, false
}

// gauge is a float64 that one goroutine sets and any may read.
type gauge struct{ bits atomic.Uint64 }

func (g *gauge) set(v float64) { g.bits.Store(math.Float64bits(v)) }
func (g *gauge) get() float64  { return math.Float64frombits(g.bits.Load()) }

// follow moves the gauge towards v by the fraction a, or all the way when it has no value yet. Only the setter may call it.
func (g *gauge) follow(v, a float64) {
	old := g.get()
	if old == 0 {
		a = 1
	}
	g.set(old + a*(v-old))
}
