package stream

import (
	"math"
	"time"
)

const (
	// dropExcess is how far over its target the fill may stay before hops are left out: what the drift loop would take 5 s
	// to work off at its limit of 0.5 %.
	dropExcess = 25 * time.Millisecond
	// dropPatience is how long it must stay there: jitter passes sooner.
	dropPatience = 100 * time.Millisecond
	// reviewPeriod is how often the margin is reconsidered.
	reviewPeriod = time.Second
	// safeSlack is what a read should at least leave in the ring.
	safeSlack = 2 * time.Millisecond
	// marginUp is the most that the margin grows by at a review, marginDown what it shrinks by after calmReviews of them
	// without need.
	marginUp    = 5 * time.Millisecond
	marginDown  = time.Millisecond
	calmReviews = 20
	maxMargin   = 60 * time.Millisecond
)

// leveller keeps what waits between the two callbacks at a target: by the varispeed's ratio, and where that is too slow by
// leaving hops out. The target is as low as the blocks of the devices allow, plus a margin for jitter that grows when reads
// come close to the bottom of the ring, and shrinks when they stay away from it. It belongs to the DSP goroutine.
type leveller struct {
	p          *pipe
	loop       *driftLoop
	primes     uint64        // the player's, when last seen.
	floor      time.Duration // smallest margin.
	margin     time.Duration
	excess     time.Duration // least excess since it went over dropExcess,
	excessFor  time.Duration // and for how long that is.
	toDrop     int           // hops to leave out.
	review     time.Duration // until the next review.
	calm       int           // reviews in a row that would allow less.
	underruns  uint64        // when last reviewed.
	reviewable bool          // the player has been reading for the whole period.
}

func newLeveller(p *pipe, margin time.Duration) *leveller {
	l := &leveller{p: p, loop: newDriftLoop(p.hopTime.Seconds()), floor: margin, margin: margin, review: reviewPeriod}
	l.underruns = p.underruns.Load()
	l.aim()
	return l
}

// aim sets the target. Just before a read, the ring misses up to a capture block that is on its way and up to a hop that is
// not full; both must wait in it besides the margin.
func (l *leveller) aim() {
	block := min(l.p.in.span(int(l.p.longest.Load())), longestBlock)
	l.p.target.Store(int64(seconds(block) + l.p.hopTime + l.margin))
}

// fill returns what is on its way, as if both callbacks had run at the same instant: what the rings hold, plus what capture
// has recorded since its last callback, less what playback has played since its own. Between two steady clocks this is
// constant, whatever the blocks. reading tells whether the player takes samples; if not, its last instant is now.
func (l *leveller) fill() (fill time.Duration, reading, ok bool) {
	p := l.p
	captured, capturedAt, ok1 := p.captured.get()
	played, playedAt, ok2 := p.played.get()
	reading = ok2 && p.player.running.Load()
	if !reading {
		played, playedAt = p.play.Taken(), p.now()
	}
	if !ok1 {
		return 0, false, false
	}
	waiting := p.in.span(int(int64(captured-p.capture.Taken()))) + p.out.span(int(int64(p.play.Written()-played)))
	waiting += float64(len(p.hop)+len(p.pending)) / float64(p.proc.SampleRate())
	return seconds(waiting) + playedAt - capturedAt, reading, true
}

// update runs once per hop, with the hop gathered and not yet processed.
func (l *leveller) update() {
	p := l.p
	fill, reading, ok := l.fill()
	if !ok {
		return
	}
	l.aim()
	excess := fill - time.Duration(p.target.Load())
	if primes := p.player.primes.Load(); primes != l.primes {
		l.primes = primes
		l.loop.restart()
		l.reviewable = false
		l.review = reviewPeriod
	}
	if reading {
		p.fill.Store(int64(fill))
		p.vary.Correct(l.loop.update(excess.Seconds()))
		p.drift.set(l.loop.drift())
		p.speedup.set(l.loop.correction())
	}
	l.watch(excess)
	if l.review -= p.hopTime; l.review <= 0 {
		l.review = reviewPeriod
		l.reconsider()
	}
}

// watch decides when too much has waited for too long.
func (l *leveller) watch(excess time.Duration) {
	if excess <= dropExcess || l.toDrop > 0 {
		l.excess, l.excessFor = math.MaxInt64, 0
		return
	}
	l.excess = min(l.excess, excess)
	if l.excessFor += l.p.hopTime; l.excessFor < dropPatience {
		return
	}
	l.toDrop = int(l.excess / l.p.hopTime)
	l.excess, l.excessFor = math.MaxInt64, 0
	l.loop.restart()
}

// drop tells whether the present hop is to be left out.
func (l *leveller) drop() bool {
	if l.toDrop == 0 {
		return false
	}
	l.toDrop--
	return true
}

// reconsider adapts the margin to what the last period was like.
func (l *leveller) reconsider() {
	samples, ok := l.p.player.takeSlack()
	whole := l.reviewable
	l.reviewable = true
	if underruns := l.p.underruns.Load(); underruns != l.underruns {
		l.underruns = underruns
		l.calm = 0
		l.margin = min(l.margin+marginUp, maxMargin)
		return
	}
	if !ok || !whole {
		return
	}
	slack := seconds(l.p.out.span(int(samples)))
	switch {
	case slack < safeSlack:
		l.calm = 0
		l.margin = min(l.margin+min(safeSlack-slack, marginUp), maxMargin)
	case slack < safeSlack+2*marginDown || l.margin <= l.floor:
		l.calm = 0
	default:
		if l.calm++; l.calm >= calmReviews {
			l.calm = 0
			l.margin = max(l.margin-marginDown, l.floor)
		}
	}
}
