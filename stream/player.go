package stream

import (
	"math"
	"sync/atomic"
)

// player is the playback thread's end: it reads the ring, covers its gaps, and starts again only when enough is waiting.
type player struct {
	ring    *Ring
	conceal *concealer
	cover   []float32 // the continuation that a fade-in starts from.
	fade    int       // samples of a crossfade.
	fading  int       // samples of the running fade-in that are done; fade when none runs.
	leaving int       // samples of the final fade-out that are done.

	running atomic.Bool   // reading, as opposed to waiting for the ring to fill.
	primes  atomic.Uint64 // how often it went from waiting to reading.
	closing atomic.Bool   // asks for the final fade-out,
	silent  atomic.Bool   // which is over.
	slack   atomic.Int64  // least samples left over by a read since DSP last asked.
}

// noSlack is the slack of a span without reads.
const noSlack = math.MaxInt64

func newPlayer(ring *Ring, rate int) *player {
	p := &player{ring: ring, conceal: newConcealer(rate), fade: max(int(fadeTime*float64(rate)), 1)}
	p.cover = make([]float32, p.fade)
	p.fading = p.fade
	p.slack.Store(noSlack)
	return p
}

// fill writes the next samples to play. surplus is by how many samples more waits than is needed to start reading, negative
// when it is not enough; it matters only while waiting.
// It returns how many samples had to be invented because the ring ran dry while reading: 0 while waiting.
func (p *player) fill(dst []float32, surplus int) (missing int) {
	switch {
	case p.running.Load():
		missing = p.read(dst)
	case surplus >= 0 && p.ring.Len() >= len(dst):
		// Begin at the target: what waits beyond it has not been heard of yet and is not missed.
		p.ring.Discard(min(surplus, p.ring.Len()-len(dst)))
		p.fading = 0
		p.running.Store(true)
		p.primes.Add(1)
		missing = p.read(dst)
	default:
		p.conceal.next(dst)
		p.conceal.remember(dst)
	}
	if p.closing.Load() {
		p.leave(dst)
	}
	return missing
}

// read takes dst from the ring, fades in where a fade is running, and covers what the ring does not have.
func (p *player) read(dst []float32) (missing int) {
	n := p.ring.Read(dst)
	if left := int64(p.ring.Len()); n == len(dst) && left < p.slack.Load() {
		p.slack.Store(left)
	}
	p.fadeIn(dst[:n])
	p.conceal.remember(dst[:n])
	if n == len(dst) {
		return 0
	}
	p.conceal.begin()
	p.conceal.next(dst[n:])
	p.conceal.remember(dst[n:])
	p.running.Store(false)
	return len(dst) - n
}

// fadeIn crossfades from the continuation to the samples in x.
func (p *player) fadeIn(x []float32) {
	n := min(p.fade-p.fading, len(x))
	if n <= 0 {
		return
	}
	cover := p.cover[:n]
	p.conceal.next(cover)
	for i, c := range cover {
		p.fading++
		x[i] = c + (x[i]-c)*float32(p.fading)/float32(p.fade+1)
	}
}

// leave fades to silence, once.
func (p *player) leave(x []float32) {
	for i := range x {
		if p.leaving >= p.fade {
			clear(x[i:])
			p.silent.Store(true)
			return
		}
		p.leaving++
		x[i] *= 1 - float32(p.leaving)/float32(p.fade)
	}
}

// takeSlack returns the least slack since the last call, and false when nothing was read.
func (p *player) takeSlack() (samples int64, ok bool) {
	s := p.slack.Swap(noSlack)
	return s, s != noSlack
}
