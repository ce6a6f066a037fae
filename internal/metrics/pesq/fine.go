package pesq

import "math"

// Constants of the fine alignment (P.862).
const (
	overlaps    = 4     // hops per alignment frame
	voteShare   = 0.99  // lags above this share of a frame's greatest correlation get its vote
	voteLoud    = 0.125 // exponent by which a loud frame's vote counts more
	smoothShare = 64    // the votes are smoothed by a triangle of +-1/64 of the frame
)

// fineAligner finds delays to the sample: each frame of a span votes for the lags at which its correlation peaks.
type fineAligner struct {
	frame    int
	block    int
	window   []float64
	ref, deg []float32
	degEnd   int // padded length of the degraded signal

	held           [2][]complex128 // frames that have still to vote, reference + i degraded
	scale          [2]float64      // by which their correlations are too small
	waiting        int             // frames held
	magnitude      []float64       // of a correlation
	smoothed, tent []float64
}

func (f *fineAligner) init(g *grid) {
	f.frame, f.block = g.alignFrame, g.block
	f.window = hann(f.frame)
	f.held = [2][]complex128{make([]complex128, f.frame), make([]complex128, f.frame)}
	f.magnitude = make([]float64, f.frame)
	f.smoothed = make([]float64, f.frame)
	half := f.frame / smoothShare
	for k := 1 - half; k < half; k++ {
		f.tent = append(f.tent, 1-math.Abs(float64(k))/float64(half))
	}
}

// hann returns the periodic raised cosine of n samples.
func hann(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 0.5 * (1 - math.Cos(2*math.Pi*float64(i)/float64(n)))
	}
	return w
}

// begin sets the prefiltered signals to work on; degEnd is the padded length of the degraded one.
func (f *fineAligner) begin(ref, deg []float32, degEnd int) {
	f.ref, f.deg, f.degEnd = ref, deg, degEnd
}

// tally is a count of votes that can be resumed where it stopped.
type tally struct {
	coarse   int // delay around which lags are counted
	ref, deg int // where the next frame begins in each signal
	votes    []float64
	total    float64
}

// forwardTally prepares a count from reference block from on.
func (f *fineAligner) forwardTally(from, coarse int) *tally {
	t := &tally{coarse: coarse, ref: from * f.block, votes: make([]float64, f.frame)}
	t.deg = t.ref + coarse
	if t.deg < 0 {
		t.ref, t.deg = -coarse, 0
	}
	return t
}

// backwardTally prepares a count from the frame that ends at reference block to.
func (f *fineAligner) backwardTally(to, coarse int) *tally {
	t := &tally{coarse: coarse, ref: to*f.block - f.frame, votes: make([]float64, f.frame)}
	t.deg = t.ref + coarse
	if t.deg+f.frame > f.degEnd {
		t.deg = f.degEnd - f.frame
		t.ref = t.deg - coarse
	}
	return t
}

// countTo counts the frames that end by reference block to.
func (f *fineAligner) countTo(t *tally, to int) {
	for t.deg+f.frame <= f.degEnd && t.ref+f.frame <= to*f.block {
		f.count(t)
		t.ref += f.frame / overlaps
		t.deg += f.frame / overlaps
	}
	f.vote(t)
}

// countDownTo counts the frames that begin no earlier than reference block from.
func (f *fineAligner) countDownTo(t *tally, from int) {
	for t.deg >= 0 && t.ref >= from*f.block {
		f.count(t)
		t.ref -= f.frame / overlaps
		t.deg -= f.frame / overlaps
	}
	f.vote(t)
}

// forward returns the delay of a span of reference blocks, given its coarse delay.
func (f *fineAligner) forward(span run, coarse int) fit {
	t := f.forwardTally(span.from, coarse)
	f.countTo(t, span.to)
	return f.result(t)
}

// count takes up the frames at the positions of t. They vote two by two, which saves a transform.
func (f *fineAligner) count(t *tally) {
	if f.load(t.ref, t.deg); f.waiting == len(f.held) {
		f.vote(t)
	}
}

// load takes the windowed frames at the given positions, brought to a peak of 1 each. Silent frames have no vote and are left
// out.
func (f *fineAligner) load(ref, deg int) {
	z := f.held[f.waiting]
	x, y := part(f.ref, ref, f.frame), part(f.deg, deg, f.frame)
	var peakX, peakY float64
	for i, w := range f.window {
		u, v := w*float64(x[i]), w*float64(y[i])
		peakX, peakY = max(peakX, math.Abs(u)), max(peakY, math.Abs(v))
		z[i] = complex(u, v)
	}
	if peakX == 0 || peakY == 0 {
		return
	}
	gx, gy := 1/peakX, 1/peakY
	for i, v := range z {
		z[i] = complex(real(v)*gx, imag(v)*gy)
	}
	f.scale[f.waiting] = peakX * peakY
	f.waiting++
}

// part returns the n samples of x from position at on, zeros where they reach beyond its ends.
func part(x []float32, at, n int) []float32 {
	if at >= 0 && at+n <= len(x) {
		return x[at : at+n]
	}
	padded := make([]float32, n)
	from, to := min(max(at, 0), len(x)), min(max(at+n, 0), len(x))
	if from < to {
		copy(padded[from-at:], x[from:to])
	}
	return padded
}

// vote lets the waiting frames vote.
func (f *fineAligner) vote(t *tally) {
	z := f.held[0]
	switch f.waiting {
	case 0:
		return
	case 1:
		correlate(z)
	case 2:
		correlateTwo(z, f.held[1])
	}
	for i, v := range z {
		f.magnitude[i] = math.Abs(real(v))
	}
	t.add(f.magnitude, f.scale[0])
	if f.waiting == 2 {
		for i, v := range z {
			f.magnitude[i] = math.Abs(imag(v))
		}
		t.add(f.magnitude, f.scale[1])
	}
	f.waiting = 0
}

// add counts the vote of one frame: for every lag at which the magnitude of its correlation, in units of scale, is near the
// maximum.
func (t *tally) add(magnitude []float64, scale float64) {
	top := 0.0
	for _, v := range magnitude {
		if v > top {
			top = v
		}
	}
	top *= voteShare
	weight := math.Pow(top*scale, voteLoud)
	for i, v := range magnitude {
		if v > top {
			t.votes[i] += weight
			t.total += weight
		}
	}
}

// result returns the lag that has the most votes when they are smoothed over neighbouring lags.
func (f *fineAligner) result(t *tally) fit {
	r := fit{coarse: t.coarse, delay: t.coarse}
	if t.total == 0 {
		return r
	}
	clear(f.smoothed)
	half := len(f.tent) / 2
	for i, v := range t.votes {
		if v == 0 {
			continue
		}
		for k, w := range f.tent {
			f.smoothed[(i+k-half+f.frame)%f.frame] += v * w
		}
	}
	lag, top := 0, 0.0
	for i, v := range f.smoothed {
		if v > top {
			lag, top = i, v
		}
	}
	if lag >= f.frame/2 {
		lag -= f.frame
	}
	r.delay += lag
	r.confidence = top / t.total
	return r
}
