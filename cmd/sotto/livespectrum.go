package main

import (
	"math"
	"time"

	"gonum.org/v1/gonum/dsp/fourier"

	"sotto/stream"
)

const (
	// spectrumBuffer is how much audio may wait between two frames of the view.
	spectrumBuffer = time.Second
	// spectrumSpan is what one transform looks at: long enough to tell the
	// harmonics of a voice apart, short enough to follow it.
	spectrumSpan = 0.032
	// spectrumLow and spectrumHigh bound the picture in Hz: where voices are.
	spectrumLow, spectrumHigh = 80.0, 8000.0
	// spectrumFall is how fast a column may sink, in dB per second: about as
	// fast as an eye follows.
	spectrumFall = 60.0
)

// spectra are the moving spectra before and after. They are computed by
// whoever looks, from what a tap collected, and never by the DSP thread.
type spectra struct {
	tap           *stream.Tap
	fft           *fourier.FFT
	perLine       float64 // Hz from one line to the next.
	window        []float64
	piece         [2][]float32 // what a read of the tap gave.
	last          [2][]float32 // the newest samples, noisy and clean.
	seq           []float64
	coef          []complex128
	power         []float64
	before, after []float64 // dBFS per column.
}

// update takes in what has passed since the last call, dt ago, and brings the
// spectra of the given number of columns up to date.
func (s *spectra) update(engine *stream.Engine, columns int, dt time.Duration) {
	if s.tap == nil || s.tap.Rate() != engine.Stats().Rate {
		s.close()
		tap, err := engine.OpenTap(spectrumBuffer)
		if err != nil {
			return // not running yet, or all taps taken: a view without spectra.
		}
		s.tap = tap
		s.allocate(tap.Rate())
	}
	s.before, s.after = fit(s.before, columns), fit(s.after, columns)
	fresh := false
	for {
		n := s.tap.Read(s.piece[0], s.piece[1])
		if n == 0 {
			break
		}
		fresh = true
		for i := range s.last {
			slide(s.last[i], s.piece[i][:n])
		}
	}
	for i, columns := range [...][]float64{s.before, s.after} {
		for k := range columns {
			columns[k] = max(columns[k]-spectrumFall*dt.Seconds(), quietest)
		}
		if fresh {
			s.raise(columns, s.last[i])
		}
	}
}

// allocate makes everything that depends on the rate in Hz.
func (s *spectra) allocate(rate int) {
	n := 1
	for float64(n) < spectrumSpan*float64(rate) {
		n *= 2
	}
	s.perLine, s.fft = float64(rate)/float64(n), fourier.NewFFT(n)
	s.window, s.seq = make([]float64, n), make([]float64, n)
	s.coef, s.power = make([]complex128, n/2+1), make([]float64, n/2+1)
	for i := range s.window {
		// Hann, scaled so that a sine at full scale has a line of power 1.
		s.window[i] = (1 - math.Cos(2*math.Pi*float64(i)/float64(n))) * 2 / float64(n)
	}
	for i := range s.last {
		s.piece[i], s.last[i] = make([]float32, n), make([]float32, n)
	}
}

func (s *spectra) close() {
	if s.tap != nil {
		s.tap.Close()
		s.tap = nil
	}
}

// fit returns x with n columns, silent where there was none.
func fit(x []float64, n int) []float64 {
	for len(x) < n {
		x = append(x, quietest)
	}
	return x[:n]
}

// slide appends src to the last samples and forgets as many of the oldest.
func slide(last, src []float32) {
	if len(src) > len(last) {
		src = src[len(src)-len(last):]
	}
	copy(last, last[len(src):])
	copy(last[len(last)-len(src):], src)
}

// raise lifts columns to the spectrum of x. A column is the loudest line in its
// band, or what lies between two lines where the band holds none.
func (s *spectra) raise(columns []float64, x []float32) {
	for i, v := range x {
		s.seq[i] = s.window[i] * float64(v)
	}
	s.fft.Coefficients(s.coef, s.seq)
	for k, c := range s.coef {
		s.power[k] = real(c)*real(c) + imag(c)*imag(c)
	}
	for c := range columns {
		lo := columnFrequency(float64(c), len(columns)) / s.perLine
		hi := columnFrequency(float64(c+1), len(columns)) / s.perLine
		if db := 10 * math.Log10(loudest(s.power, lo, hi)+1e-12); db > columns[c] {
			columns[c] = db
		}
	}
}

// columnFrequency returns the frequency in Hz of the left edge of column c.
func columnFrequency(c float64, columns int) float64 {
	return spectrumLow * math.Pow(spectrumHigh/spectrumLow, c/float64(columns))
}

// loudest returns the largest power between two fractional lines; 0 above the
// spectrum.
func loudest(power []float64, lo, hi float64) float64 {
	first, last := int(math.Ceil(lo)), int(hi)
	if last+1 >= len(power) {
		return 0
	}
	if first > last { // between two lines
		f := (lo+hi)/2 - float64(last)
		return power[last]*(1-f) + power[last+1]*f
	}
	top := 0.0
	for _, p := range power[first : last+1] {
		top = max(top, p)
	}
	return top
}
