package resample

import (
	"math"
	"math/bits"

	"sotto/internal/sinc"
)

const (
	// passEdge is where the pass band ends and 1 where the stop band begins, in units of the lower Nyquist frequency.
	passEdge = 0.92
	// attenuation of the stop band, dB. 100 leaves room under the promised 90 for float32 coefficients.
	attenuation = 100.0
	// halfTaps is half the filter's length in samples of the lower rate. Kaiser's estimate of the order for a transition
	// width d (in units of the sample rate) is (A-7.95)/(14.36 d); d = (1-passEdge)/2 (J. F. Kaiser, ISCAS 1974, eq. 7).
	halfTaps = (attenuation - 7.95) / (14.36 * (1 - passEdge) / 2) / 2
	// beta is Kaiser's window parameter for attenuations above 50 dB, same source.
	beta = 0.1102 * (attenuation - 8.7)
	// maxPhases bounds the table: above it the phases are interpolated. 19980 to 16000 Hz needs 800 (exact).
	maxPhases = 2048
	// gridPhases is the size of the interpolated table. Linear interpolation between phases 1/512 sample apart errs by
	// (pi/512)^2/8 = -106 dB at the band edge.
	gridPhases = 512
)

// filter is one polyphase Kaiser-windowed sinc for the ratio up/down in lowest terms.
//
// Output n is the dot product of row phase(n) with the inputs first(n)..first(n)+taps-1, where the input time of output n
// is n*down/up.
type filter struct {
	up, down int
	half     int         // taps on each side of the output's instant, in input samples.
	rows     [][]float32 // up rows, or gridPhases+1 when lerp.
	lerp     bool
}

// newFilter designs the filter. The cutoff lies in the middle of the transition band, so that everything above the lower
// Nyquist is stopped.
func newFilter(from, to int) *filter {
	if from <= 0 || to <= 0 {
		panic("resample: sample rates must be positive")
	}
	g := gcd(from, to)
	f := &filter{up: to / g, down: from / g}
	stretch := max(1, float64(from)/float64(to))
	width := halfTaps * stretch
	f.half = 2 * int(math.Ceil(width/2)) // even, for dot.
	f.lerp = f.up > maxPhases
	count := f.up
	if f.lerp {
		count = gridPhases + 1
	}
	taps := 2 * f.half
	table := make([]float32, count*taps)
	f.rows = make([][]float32, count)
	phases := f.up
	if f.lerp {
		phases = gridPhases
	}
	for p := range f.rows {
		f.rows[p] = table[p*taps : (p+1)*taps : (p+1)*taps]
		fillRow(f.rows[p], float64(p)/float64(phases), width, (1+passEdge)/2/stretch)
	}
	return f
}

// fillRow computes the taps of an output that lies frac (0..1) input samples after the centre input. cutoff is in units of
// the input's Nyquist. Each row is scaled to unit sum, so that a constant passes unchanged at every phase.
func fillRow(row []float32, frac, width, cutoff float64) {
	half := len(row) / 2
	taps := make([]float64, len(row))
	var sum float64
	for k := range taps {
		t := float64(k-half+1) - frac
		taps[k] = sinc.Sinc(cutoff*t) * sinc.Kaiser(t/width, beta)
		sum += taps[k]
	}
	for k, v := range taps {
		row[k] = float32(v / sum)
	}
}

// dot returns the output at phase rem/up (0 <= rem < up) from exactly 2*half inputs.
func (f *filter) dot(x []float32, rem int) float32 {
	if !f.lerp {
		return dot(f.rows[rem], x)
	}
	hi, lo := bits.Mul64(uint64(rem), gridPhases)
	p, left := bits.Div64(hi, lo, uint64(f.up))
	w := float32(float64(left) / float64(f.up))
	return (1-w)*dot(f.rows[p], x) + w*dot(f.rows[p+1], x)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
