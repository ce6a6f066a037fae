package pesq

import "math"

// Constants of the activity detector (P.862); lengths in blocks of 4 ms.
const (
	floorRatio     = 1e-4  // smallest block power over the largest
	thresholdSteps = 12    // refinements of the threshold
	thresholdLift  = 1.001 // safety over mean + 2 deviations of the noise
	shortestRun    = 5     // shorter bursts are not speech
	longestGap     = 50    // shorter pauses belong to the speech around them (200 ms)
	clearSpeech    = 1000  // speech over noise power from which faint runs are dropped
	faintRun       = 3     // a run is faint below this multiple of the threshold
)

// run is a stretch of active blocks, [from, to).
type run struct{ from, to int }

// detect finds the blocks of s in which somebody speaks and how loudly: s.active and s.log.
func (m *Meter) detect(s *signal) {
	s.active = grow(s.active, s.padded/m.grid.block)
	power := s.active
	last := len(power) - 1
	blockPowers(power, s.shaped, m.grid.block)
	t := activityThreshold(power)
	marked := make([]bool, len(power))
	for k, e := range power {
		marked[k] = e > t.level && k != 0 && k != last
	}
	power[0], power[last] = t.floor, t.floor
	runs := joinRuns(t.keep(findRuns(marked), power), power, t.floor)
	clear(marked)
	for _, r := range runs {
		for k := r.from; k < r.to; k++ {
			marked[k] = true
		}
		addSkirts(r, power, marked)
	}
	if len(runs) == 0 {
		for k := 1; k < last; k++ {
			marked[k] = true
		}
	}
	reference := t.level
	if reference <= 0 {
		reference = t.floor
	}
	s.log = zeros(s.log, len(power))
	for k := range power {
		if !marked[k] {
			power[k] = 0
		}
		if power[k] > reference {
			s.log[k] = math.Log(power[k] / reference)
		}
	}
}

// blockPowers writes the mean square of each whole block of x.
func blockPowers(power []float64, x []float32, block int) {
	for k := range power {
		sum := 0.0
		for _, v := range x[k*block : (k+1)*block] {
			sum += float64(v) * float64(v)
		}
		power[k] = sum / float64(block)
	}
}

// threshold separates speech from what lies under it.
type threshold struct {
	level float64 // of block power; -1 if nothing stands out
	floor float64 // smallest block power
	clear bool    // speech is so far above the rest that faint runs are something else
}

// activityThreshold raises power to its floor and finds the threshold: it climbs over the mean and spread of the blocks
// that it has below it.
func activityThreshold(power []float64) threshold {
	sum, top := 0.0, 0.0
	for _, e := range power {
		sum += e
		top = max(top, e)
	}
	t := threshold{level: sum / float64(len(power)), floor: 1}
	if top > 0 {
		t.floor = floorRatio * top
	}
	for k, e := range power {
		power[k] = max(e, t.floor)
	}
	for range thresholdSteps {
		mean, deviation := spreadBelow(power, t.level)
		t.level = thresholdLift * (mean + 2*deviation)
	}
	var above, below, nAbove float64
	for _, e := range power {
		if e > t.level {
			above += e
			nAbove++
		} else {
			below += e
		}
	}
	speech, noise := above/nAbove, below/(float64(len(power))-nAbove)
	if nAbove == 0 {
		speech, t.level = 0, -1
	}
	if int(nAbove) == len(power) {
		noise = 1
	}
	t.clear = speech >= clearSpeech*noise
	return t
}

// spreadBelow returns mean and population standard deviation of the powers that do not exceed level, 0 if there are none.
func spreadBelow(power []float64, level float64) (mean, deviation float64) {
	n := 0.0
	for _, e := range power {
		if e <= level {
			mean += e
			n++
		}
	}
	if n == 0 {
		return 0, 0
	}
	mean /= n
	for _, e := range power {
		if e <= level {
			deviation += (e - mean) * (e - mean)
		}
	}
	return mean, math.Sqrt(deviation / n)
}

// keep returns the runs that are long enough and, beside clear speech, loud enough.
func (t threshold) keep(runs []run, power []float64) []run {
	kept := runs[:0]
	for _, r := range runs {
		if r.to-r.from < shortestRun {
			continue
		}
		sum := 0.0
		for _, e := range power[r.from:r.to] {
			sum += e
		}
		if t.clear && sum < faintRun*t.level*float64(r.to-r.from) {
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

// findRuns lists the maximal runs of marked positions.
func findRuns(marked []bool) []run {
	var runs []run
	for k := 0; k < len(marked); k++ {
		if !marked[k] {
			continue
		}
		r := run{from: k}
		for k < len(marked) && marked[k] {
			k++
		}
		r.to = k
		runs = append(runs, r)
	}
	return runs
}

// joinRuns joins runs across short gaps and gives the blocks of a joined gap the power floor.
func joinRuns(runs []run, power []float64, floor float64) []run {
	joined := runs[:0]
	for _, r := range runs {
		last := len(joined) - 1
		if last < 0 || r.from-joined[last].to > longestGap {
			joined = append(joined, r)
			continue
		}
		for k := joined[last].to; k < r.from; k++ {
			power[k] = floor
		}
		joined[last].to = r.to
	}
	return joined
}

// addSkirts lets a run fade in and out over two blocks on each side.
func addSkirts(r run, power []float64, marked []bool) {
	const near, far = 0.3, 0.1 // of the power of the run's first or last block (P.862)
	blocks := len(power)
	if first := power[r.from]; r.from >= 3 && r.from < blocks-2 {
		power[r.from-2], power[r.from-1] = far*first, near*first
		marked[r.from-2], marked[r.from-1] = true, true
	}
	if last := power[r.to-1]; r.to < blocks-2 {
		power[r.to], power[r.to+1] = near*last, far*last
		marked[r.to], marked[r.to+1] = true, true
	}
}
