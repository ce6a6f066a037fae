package pesq

import (
	"errors"
	"fmt"
)

// Constants of the time alignment (P.862); lengths in blocks of 4 ms.
const (
	marginBlocks    = 75 // the margin before and after the speech, and the reach of a search window
	shortestSpeech  = 50 // shortest utterance (200 ms), and least overlap with the degraded signal
	maxUtterances   = 50
	tieTolerance    = 1e-9 // relative: correlations closer than this are equal but for the transform's rounding
	minCorrelatable = 2    // spans of a single block have no lag
)

// fit is a delay of the degraded signal, in samples; positive is late.
type fit struct {
	coarse     int     // from block powers, a multiple of the block
	delay      int     // to the sample
	confidence float64 // 0..1, share of the frames' votes near delay
}

// utterance is a stretch of the reference, in blocks, with the delay it has in the degraded signal.
type utterance struct {
	start, end int
	fit
}

// align finds the utterances and their delays.
func (m *Meter) align() ([]utterance, error) {
	whole := m.grid.block * m.lag(run{0, len(m.ref.log)}, run{0, len(m.deg.log)})
	speech := m.utteranceRuns(whole)
	switch {
	case len(speech) == 0:
		return nil, errors.New("pesq: no utterance found, expected 200 ms of speech or more that both signals share: check both files")
	case len(speech) > maxUtterances:
		return nil, fmt.Errorf("pesq: found %d utterances, expected at most %d: score shorter sections", len(speech), maxUtterances)
	}
	m.fine.begin(m.ref.shaped, m.deg.shaped, m.deg.padded)
	us := make([]utterance, len(speech))
	for i, r := range speech {
		window := run{max(0, r.from-marginBlocks), min(len(m.ref.log)-1, r.to+marginBlocks)}
		us[i].fit = m.fine.forward(window, m.coarse(window, whole))
	}
	m.bound(us, speech)
	return m.split(us), nil
}

// coarse returns the delay of a span of reference blocks, sought around the delay start: samples, multiples of the block.
func (m *Meter) coarse(span run, start int) int {
	shift := start / m.grid.block
	r, d := span, span.from+shift
	if d < 0 {
		r.from, d = -shift, 0
	}
	end := min(d+r.to-r.from, len(m.deg.log))
	return start + m.grid.block*m.lag(r, run{d, end})
}

// lag returns the lag, in blocks, at which the log activity of the degraded blocks d follows that of the reference
// blocks r best: the first maximum of the cross-correlation, 0 if the spans have nothing in common.
func (m *Meter) lag(r, d run) int {
	nr, nd := r.to-r.from, d.to-d.from
	if nr < minCorrelatable || nd < minCorrelatable {
		return 0
	}
	// Lag q of the correlation stands at index q modulo the length.
	m.scratch = zeros(m.scratch, pow2(nr+nd-1))
	z := m.scratch
	var someRef, someDeg bool
	for i := range nr {
		v := at(m.ref.log, r.from+i)
		z[i] = complex(v, 0)
		someRef = someRef || v != 0
	}
	for i := range nd {
		v := at(m.deg.log, d.from+i)
		z[i] = complex(real(z[i]), v)
		someDeg = someDeg || v != 0
	}
	if !someRef || !someDeg {
		return 0
	}
	correlate(z)
	return firstPeak(z, 1-nr, nd)
}

// at returns x[k], 0 beyond the ends of x.
func at(x []float64, k int) float64 {
	if k < 0 || k >= len(x) {
		return 0
	}
	return x[k]
}

// firstPeak returns the lowest of the lags from..to-1 whose value in the circular correlation z is the greatest, taking
// values that differ by rounding alone for equal.
func firstPeak(z []complex128, from, to int) int {
	at := func(q int) float64 { return real(z[(q+len(z))%len(z)]) }
	top := 0.0
	for q := from; q < to; q++ {
		top = max(top, at(q))
	}
	for q := from; q < to; q++ {
		if at(q) > 0 && at(q) >= top*(1-tieTolerance) {
			return q
		}
	}
	return 0
}

// utteranceRuns lists the stretches of reference speech that are long enough and that the degraded signal, delayed by
// delay samples as a whole, covers. They are [from, to) in blocks.
func (m *Meter) utteranceRuns(delay int) []run {
	block := m.grid.block
	earliest := shortestSpeech - delay/block
	latest := (m.deg.padded-delay)/block - shortestSpeech
	var kept []run
	for _, r := range findRuns(positive(m.ref.active)) {
		r.to = min(r.to, len(m.ref.active)-1)
		if r.to-r.from >= shortestSpeech && r.from < latest && r.to > earliest {
			kept = append(kept, r)
		}
	}
	return kept
}

// positive marks the values above 0.
func positive(x []float64) []bool {
	marked := make([]bool, len(x))
	for i, v := range x {
		marked[i] = v > 0
	}
	return marked
}

// bound gives the utterances their limits in blocks: they meet in the middle of the pauses between the runs of speech, and
// give way where the degraded signal ends or where their delays would make them overlap in it.
func (m *Meter) bound(us []utterance, speech []run) {
	block, last := m.grid.block, len(us)-1
	us[0].start, us[last].end = marginBlocks, len(m.ref.log)-marginBlocks
	for i := 1; i < len(us); i++ {
		middle := (speech[i].from + speech[i-1].to) / 2
		us[i-1].end, us[i].start = middle, middle
	}
	if us[0].start*block+us[0].delay < m.grid.margin {
		us[0].start = m.firstStart(us[0].delay)
	}
	if us[last].end*block+us[last].delay > m.deg.padded-m.grid.margin {
		us[last].end = m.lastEnd(us[last].delay)
	}
	for i := 1; i < len(us); i++ {
		before, u := &us[i-1], &us[i]
		begin, end := u.start*block+u.delay, before.end*block+before.delay
		if begin < end {
			middle := (begin + end) / 2
			u.start = (block - 1 + middle - u.delay) / block
			before.end = (middle - before.delay) / block
		}
	}
}

// firstStart is the first reference block whose counterpart, delay samples later, lies in the degraded speech.
func (m *Meter) firstStart(delay int) int {
	return marginBlocks + (m.grid.block-1-delay)/m.grid.block
}

// lastEnd is the reference block whose counterpart, delay samples later, ends the degraded speech.
func (m *Meter) lastEnd(delay int) int {
	return (m.deg.padded-delay)/m.grid.block - marginBlocks
}
