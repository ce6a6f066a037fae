package pesq

import "slices"

// Constants of the splitting of utterances (P.862); lengths in blocks of 4 ms.
const (
	shortestSplit = 200 // least speech in an utterance that may be split (0.8 s)
	maxSplits     = 40  // split points tried per utterance
	splitPad      = 75  // least distance of a split point from the limits of the speech
	splitUnit     = 4   // split points lie a multiple of this apart
)

// division is an utterance cut in two at block at.
type division struct {
	at          int
	left, right fit
}

// split cuts utterances in two wherever both halves, each with a delay of its own, fit better than the whole did, until
// nothing is left to gain.
func (m *Meter) split(us []utterance) []utterance {
	for i := 0; i < len(us) && len(us) < maxUtterances; {
		d, ok := m.bestDivision(us[i])
		if !ok {
			i++
			continue
		}
		left, right := m.halves(us[i], d)
		us[i] = left
		us = slices.Insert(us, i+1, right)
	}
	return us
}

// bestDivision tries split points through the speech of u and returns the one whose halves have different delays, both more
// certain than that of u, with the greatest sum of certainties.
func (m *Meter) bestDivision(u utterance) (best division, ok bool) {
	candidates := m.divisions(u)
	m.fitLeft(u, candidates)
	candidates = slices.DeleteFunc(candidates, func(d division) bool { return d.left.confidence <= u.confidence })
	m.fitRight(u, candidates)
	for _, d := range candidates {
		apart := d.right.delay - d.left.delay
		if max(apart, -apart) < m.grid.block || d.right.confidence <= u.confidence {
			continue
		}
		if sum := d.left.confidence + d.right.confidence; !ok || sum > best.left.confidence+best.right.confidence {
			best, ok = d, true
		}
	}
	return best, ok
}

// divisions lists the split points of u with the coarse delays of both sides; none if u has too little speech.
func (m *Meter) divisions(u utterance) []division {
	from, to := u.start, u.end
	for from < u.end && !m.speaks(from) {
		from++
	}
	for to > u.start && !m.speaks(to) {
		to--
	}
	to++
	if to-from < shortestSplit {
		return nil
	}
	length := to - from
	pad := max(splitPad, length/10)
	// About 50 steps of four blocks through 32 s of speech, at least one block of four (P.862).
	step := splitUnit * int((0.801*float64(length)+159)/160)
	var ds []division
	for t := from + pad; len(ds) < maxSplits && (len(ds) == 0 || t <= to-pad); t += step {
		d := division{at: t}
		d.left.coarse = m.coarse(run{u.start, t}, u.coarse)
		d.right.coarse = m.coarse(run{t, u.end}, u.coarse)
		ds = append(ds, d)
	}
	return ds
}

// speaks tells whether block k of the reference holds speech.
func (m *Meter) speaks(k int) bool {
	return k >= 0 && k < len(m.ref.active) && m.ref.active[k] > 0
}

// fitLeft finds the fine delays of the parts before each split point. Parts with the same coarse delay have their frames in
// common and share one count.
func (m *Meter) fitLeft(u utterance, ds []division) {
	tallies := map[int]*tally{}
	for i := range ds {
		d := &ds[i]
		t := tallies[d.left.coarse]
		if t == nil {
			t = m.fine.forwardTally(u.start, d.left.coarse)
			tallies[d.left.coarse] = t
		}
		m.fine.countTo(t, d.at)
		d.left = m.fine.result(t)
	}
}

// fitRight does the same for the parts after each split point, from the end of the utterance backwards.
func (m *Meter) fitRight(u utterance, ds []division) {
	tallies := map[int]*tally{}
	for i := range slices.Backward(ds) {
		d := &ds[i]
		t := tallies[d.right.coarse]
		if t == nil {
			t = m.fine.backwardTally(u.end, d.right.coarse)
			tallies[d.right.coarse] = t
		}
		m.fine.countDownTo(t, d.at)
		d.right = m.fine.result(t)
	}
}

// halves returns the two utterances that the division d makes of u.
func (m *Meter) halves(u utterance, d division) (left, right utterance) {
	left = utterance{start: u.start, end: d.at, fit: d.left}
	right = utterance{start: d.at, end: u.end, fit: d.right}
	if jump := d.right.delay - d.left.delay; jump >= 0 {
		// The degraded signal holds a stretch that belongs to neither: both sides reach into it.
		overlap := jump / (2 * m.grid.block)
		left.end += overlap
		right.start -= overlap
	}
	if (left.start-marginBlocks)*m.grid.block+left.delay < 0 {
		left.start = m.firstStart(left.delay)
	}
	if right.end*m.grid.block+right.delay > m.deg.padded-m.grid.margin {
		right.end = m.lastEnd(right.delay)
	}
	return left, right
}
