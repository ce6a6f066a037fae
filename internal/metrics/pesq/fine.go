package pesq

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

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
	plan     *fourier.FFT
	window   []float64
	ref, deg []float32
	degEnd   int // padded length of the degraded signal

	x, y           []float64
	specX, specY   []complex128
	smoothed, tent []float64
}

func (f *fineAligner) init(g *grid) {
	f.frame, f.block = g.alignFrame, g.block
	f.plan = fourier.NewFFT(f.frame)
	f.window = hann(f.frame)
	f.x, f.y = make([]float64, f.frame), make([]float64, f.frame)
	f.specX, f.specY = make([]complex128, f.frame/2+1), make([]complex128, f.frame/2+1)
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
	step := f.frame / overlaps
	for t.deg+f.frame <= f.degEnd && t.ref+f.frame <= to*f.block {
		f.vote(t)
		t.ref += step
		t.deg += step
	}
}

// countDownTo counts the frames that begin no earlier than reference block from.
func (f *fineAligner) countDownTo(t *tally, from int) {
	step := f.frame / overlaps
	for t.deg >= 0 && t.ref >= from*f.block {
		f.vote(t)
		t.ref -= step
		t.deg -= step
	}
}

// forward returns the delay of a span of reference blocks, given its coarse delay.
func (f *fineAligner) forward(span run, coarse int) fit {
	t := f.forwardTally(span.from, coarse)
	f.countTo(t, span.to)
	return f.result(t)
}

// vote correlates the frames at the positions of t and counts their vote.
func (f *fineAligner) vote(t *tally) {
	f.load(f.x, f.ref, t.ref)
	f.load(f.y, f.deg, t.deg)
	crossCorrelate(f.plan, f.x, f.y, f.specX, f.specY)
	top := 0.0
	for _, v := range f.x {
		top = max(top, math.Abs(v))
	}
	top *= voteShare
	weight := math.Pow(top, voteLoud)
	for i, v := range f.x {
		if math.Abs(v) > top {
			t.votes[i] += weight
			t.total += weight
		}
	}
}

// load takes the windowed frame at position at of x; beyond the ends there are zeros.
func (f *fineAligner) load(dst []float64, x []float32, at int) {
	if at >= 0 && at+len(dst) <= len(x) {
		for i, v := range x[at : at+len(dst)] {
			dst[i] = float64(v) * f.window[i]
		}
		return
	}
	for i := range dst {
		dst[i] = 0
		if k := at + i; k >= 0 && k < len(x) {
			dst[i] = float64(x[k]) * f.window[i]
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

// crossCorrelate overwrites x with the circular cross-correlation of x and y: element q (modulo the length) is the sum of
// x[t] y[t+q]. The spectra are scratch.
func crossCorrelate(plan *fourier.FFT, x, y []float64, specX, specY []complex128) {
	plan.Coefficients(specX, x)
	plan.Coefficients(specY, y)
	scale := 1 / float64(len(x))
	for i, a := range specX {
		b := specY[i]
		specX[i] = complex(
			(real(a)*real(b)+imag(a)*imag(b))*scale,
			(real(a)*imag(b)-imag(a)*real(b))*scale)
	}
	plan.Sequence(x, specX)
}
