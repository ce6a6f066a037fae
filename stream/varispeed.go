package stream

import (
	"math"

	"sotto/internal/sinc"
)

const (
	// sincTaps samples of input reach into one output sample: 0.5 ms of delay at 48 kHz, 1.5 ms at 16 kHz. A Kaiser window of
	// this length and sincBeta reaches 80 dB in the stop band with a transition 0.105 of the sampling rate wide (Kaiser 1974:
	// (80-7.95)/(14.36*48)).
	sincTaps = 48
	sincBeta = 7.857 // 0.1102*(80-8.7), Kaiser's formula for 80 dB.
	// sincPhases filters per input sample; linear interpolation between neighbours is off by (pi/256)^2/8 = -94 dB at most.
	sincPhases = 256
)

// Varispeed resamples by a ratio that may change at any time: a polyphase windowed sinc whose phases are interpolated
// (ALGORITHMS 5.5). It carries the drift between two clocks, and the step between two nominal rates where they differ. Not
// safe for concurrent use.
type Varispeed struct {
	nominal float64     // input samples per output sample, before the correction.
	step    float64     // input samples per output sample, now.
	bank    [][]float32 // sincPhases+1 filters of taps coefficients.
	taps    int
	past    []float32 // inputs that outputs to come still need.
	pos     float64   // where in past the window of the next output starts.
}

// NewVarispeed returns a resampler from one nominal rate to another, both in Hz, that takes up to block samples per Process
// without allocating. It panics unless all three are positive.
func NewVarispeed(from, to, block int) *Varispeed {
	if from <= 0 || to <= 0 || block <= 0 {
		panic("stream: varispeed rates and block must be positive")
	}
	nominal := float64(from) / float64(to)
	v := &Varispeed{nominal: nominal, step: nominal}
	// At equal rates nothing folds that was not there; elsewhere the cut-off lies below the lower of the two band edges,
	// and a longer filter keeps the transition as narrow on the lower rate's scale.
	cutoff := 1.0
	if from != to {
		cutoff = 0.95 * min(1, 1/nominal)
	}
	v.taps = sincTaps
	if nominal > 1 {
		v.taps = 2 * int(math.Ceil(sincTaps*nominal/2))
	}
	v.bank = sincBank(v.taps, cutoff)
	v.past = make([]float32, 0, v.taps+block+1)
	v.Reset()
	return v
}

// sincBank tabulates the filter for sincPhases+1 fractions of a sample. cutoff is relative to the input's band edge.
func sincBank(taps int, cutoff float64) [][]float32 {
	bank := make([][]float32, sincPhases+1)
	half := float64(taps) / 2
	for p := range bank {
		row := make([]float32, taps)
		frac, sum := float64(p)/sincPhases, 0.0
		for k := range row {
			// Tap k lies x input samples from the output instant, which is frac behind tap half-1.
			x := float64(k) - (half - 1) - frac
			w := sinc.Sinc(cutoff*x) * sinc.Kaiser(x/half, sincBeta)
			row[k] = float32(w)
			sum += w
		}
		for k := range row {
			row[k] = float32(float64(row[k]) / sum)
		}
		bank[p] = row
	}
	return bank
}

// Correct sets the speed-up over the nominal ratio: 1e-4 consumes 100 ppm more input per output.
func (v *Varispeed) Correct(speedup float64) { v.step = v.nominal * (1 + speedup) }

// Delay returns how many input samples the output lags behind.
func (v *Varispeed) Delay() float64 { return float64(v.taps) / 2 }

// Outputs returns the most samples that a block of n inputs can give at up to 1 % of correction.
func (v *Varispeed) Outputs(n int) int { return int(math.Ceil(float64(n)/v.nominal*1.01)) + 2 }

// Reset forgets the input; the correction stays.
func (v *Varispeed) Reset() {
	// taps-1 zeros of past: the first output's window then ends at input 0, Delay samples after its instant.
	v.past = v.past[:v.taps-1]
	clear(v.past)
	v.pos = 0
}

// Process consumes src and returns the samples that it completes, in dst[:0], grown when too small. dst must not overlap src.
func (v *Varispeed) Process(dst, src []float32) []float32 {
	dst = dst[:0]
	v.past = append(v.past, src...)
	for {
		at := int(v.pos)
		if at+v.taps > len(v.past) {
			break
		}
		phase := (v.pos - float64(at)) * sincPhases
		p := int(phase)
		mu := float32(phase - float64(p))
		a, b := dot2(v.past[at:at+v.taps], v.bank[p], v.bank[p+1])
		dst = append(dst, a+mu*(b-a))
		v.pos += v.step
	}
	used := min(int(v.pos), len(v.past))
	v.past = v.past[:copy(v.past, v.past[used:])]
	v.pos -= float64(used)
	return dst
}

// dot2 returns the products of x with two filters of its length.
func dot2(x, f, g []float32) (a, b float32) {
	f, g = f[:len(x)], g[:len(x)]
	for i, v := range x {
		a += v * f[i]
		b += v * g[i]
	}
	return a, b
}
