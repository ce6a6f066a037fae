// Package stft turns a stream of samples into short-time spectra and back,
// one hop at a time, without allocating.
//
// Describe the transform once with a [Config], in time rather than samples,
// and make an [Analyzer] and a [Synthesizer] from it:
//
//	c := stft.Config{SampleRate: 48000} // 32 ms frame, 8 ms hop, 16 ms latency
//	a, err := stft.NewAnalyzer(c)
//	...
//	s, err := stft.NewSynthesizer(c)
//	...
//	spectrum = a.Analyze(spectrum, hop) // hop: c.HopSize() samples
//	...                                 // change the spectrum
//	hop = s.Synthesize(hop, spectrum)   // c.HopSize() samples, c.Shift() late
//
// # Reconstruction
//
// An unchanged spectrum gives the input back, delayed by [Config.Shift]
// samples, within 1e-6 of full scale, from the first sample on: frames that
// reach before the start see zeros there.
//
// # Scaling
//
// A spectrum is divided by the sum of the analysis window, so that a
// sinusoid of amplitude A in the middle of a bin has magnitude A/2 there at
// every sample rate and frame length.
//
// # Windows
//
// The default pair is asymmetric: the analysis window is as long as the
// frame and keeps its resolution, the synthesis window covers only the end of
// it and sets the latency. [Config] accepts exactly the lengths for which the
// pair reconstructs perfectly.
package stft

import "sotto/internal/fft"

// Analyzer computes the spectrum of the most recent frame, hop by hop. It
// must not be used by two goroutines at once.
type Analyzer struct {
	fft      *fft.Real
	window   []float64 // already divided by its sum
	history  []float64 // the last frame of samples, oldest first
	windowed []float64
	bins     int
	hop      int
}

// NewAnalyzer returns an Analyzer whose past is silence, or the error of
// [Config.Validate].
func NewAnalyzer(c Config) (*Analyzer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	w, _ := c.windows()
	sum := windowSum(w)
	for i := range w {
		w[i] /= sum
	}
	n := c.FrameSize()
	return &Analyzer{
		fft:      fft.NewReal(n),
		window:   w,
		history:  make([]float64, n),
		windowed: make([]float64, n),
		bins:     c.Bins(),
		hop:      c.HopSize(),
	}, nil
}

// Analyze takes in one hop of samples and returns the spectrum of the last
// frame, which ends with that hop, in dst: [Config.Bins] values from zero to
// half the sample rate, divided by the sum of the analysis window. A nil dst
// is allocated; a dst or hop of the wrong length panics. A sample that is not
// finite spoils the frames it lies in and none after them.
func (a *Analyzer) Analyze(dst []complex64, hop []float32) []complex64 {
	if len(hop) != a.hop {
		panic("stft: hop length mismatch")
	}
	if dst == nil {
		dst = make([]complex64, a.bins)
	}
	if len(dst) != a.bins {
		panic("stft: spectrum length mismatch")
	}
	copy(a.history, a.history[a.hop:])
	fresh := a.history[len(a.history)-a.hop:]
	for i, v := range hop {
		fresh[i] = float64(v)
	}
	history, windowed := a.history[:len(a.window)], a.windowed[:len(a.window)]
	for i, w := range a.window {
		windowed[i] = w * history[i]
	}
	a.fft.Forward(dst, a.windowed)
	return dst
}

// Reset forgets the past: the Analyzer behaves as a new one.
func (a *Analyzer) Reset() { clear(a.history) }

// Synthesizer overlaps and adds the frames of a stream of spectra. It must
// not be used by two goroutines at once.
type Synthesizer struct {
	fft     *fft.Real
	window  []float64 // undoes the scaling of Analyzer and of the FFT
	frame   []float64
	overlap []float64 // the synthesis support, oldest first
	bins    int
	hop     int
}

// NewSynthesizer returns a Synthesizer that matches the Analyzer of the same
// configuration, or the error of [Config.Validate].
func NewSynthesizer(c Config) (*Synthesizer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	analysis, w := c.windows()
	n := c.FrameSize()
	scale := windowSum(analysis) / float64(n)
	for i := range w {
		w[i] *= scale
	}
	return &Synthesizer{
		fft:     fft.NewReal(n),
		window:  w,
		frame:   make([]float64, n),
		overlap: make([]float64, len(w)),
		bins:    c.Bins(),
		hop:     c.HopSize(),
	}, nil
}

// Synthesize takes in the spectrum of one frame and returns the hop of
// samples that it completes in dst. A nil dst is allocated; a dst or spectrum
// of the wrong length panics. The spectrum is left as it is; imaginary parts
// at zero and at half the sample rate have no effect.
func (s *Synthesizer) Synthesize(dst []float32, spectrum []complex64) []float32 {
	if len(spectrum) != s.bins {
		panic("stft: spectrum length mismatch")
	}
	if dst == nil {
		dst = make([]float32, s.hop)
	}
	if len(dst) != s.hop {
		panic("stft: hop length mismatch")
	}
	s.fft.Backward(s.frame, spectrum)
	tail := s.frame[len(s.frame)-len(s.window):]
	for i, w := range s.window {
		s.overlap[i] += w * tail[i]
	}
	for i := range dst {
		dst[i] = float32(s.overlap[i])
	}
	rest := copy(s.overlap, s.overlap[s.hop:])
	clear(s.overlap[rest:])
	return dst
}

// Reset forgets the past: the Synthesizer behaves as a new one.
func (s *Synthesizer) Reset() { clear(s.overlap) }

// windowSum returns the sum of w.
func windowSum(w []float64) float64 {
	var sum float64
	for _, v := range w {
		sum += v
	}
	return sum
}
