package segmental

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"

	"sotto/internal/metrics/check"
)

// lsdFloor is added to the magnitudes that LSD compares: -120 dB of full scale, where the noise of a 16-bit file lies in one bin (-98 dB
// in all, spread over 257 bins or more). What is below it in both signals makes no difference.
const lsdFloor = 1e-6

// LSD returns the log-spectral distance of est from ref in dB:
//
//	mean over frames of sqrt( mean over bins of (20 log10( (|S| + c) / (|E| + c) ))^2 ),   c = 1e-6,
//
// with S and E the spectra of ref and est in frames of 32 ms at a step of 8 ms, through a periodic Hann window and scaled by the window's
// sum, so that a sine of amplitude 1 has a bin of 0.5. Samples are in units of full scale. Bins from 0 to half the rate count alike.
// Rate is in Hz, 8000 to 192000. Signals of different lengths, of less than 32 ms, constant, or with samples that are not finite give an
// error.
//
// Source: A. Gray and J. Markel, "Distance measures for speech processing", IEEE TASSP 24(5), 1976; the framing and c are ours.
func LSD(ref, est []float32, rate int) (float64, error) {
	f, err := newLSDFraming(ref, est, rate)
	if err != nil {
		return 0, err
	}
	fft := fourier.NewFFT(len(f.window))
	frame := make([]float64, len(f.window))
	s, e := make([]complex128, len(f.window)/2+1), make([]complex128, len(f.window)/2+1)
	var total float64
	for i := range f.count {
		f.frame(frame, ref, i)
		fft.Coefficients(s, frame)
		f.frame(frame, est, i)
		fft.Coefficients(e, frame)
		var sum float64
		for k, c := range s {
			d := 20 * math.Log10((magnitude(c)+lsdFloor)/(magnitude(e[k])+lsdFloor))
			sum += d * d
		}
		total += math.Sqrt(sum / float64(len(s)))
	}
	return total / float64(f.count), nil
}

// newLSDFraming checks the signals and returns the framing of LSD, whose window is scaled to unit sum.
func newLSDFraming(ref, est []float32, rate int) (*framing, error) {
	if err := check.Rate("log-spectral distance", rate, minRate, maxRate); err != nil {
		return nil, err
	}
	if err := check.Pair("log-spectral distance", ref, est); err != nil {
		return nil, err
	}
	size := int(math.Round(0.032 * float64(rate)))
	if err := longEnough("log-spectral distance", len(ref), size); err != nil {
		return nil, err
	}
	f := &framing{window: make([]float64, size), step: size / 4}
	f.count = (len(ref)-size)/f.step + 1
	for i := range f.window {
		// A periodic Hann window sums to half its length.
		f.window[i] = (1 - math.Cos(2*math.Pi*float64(i)/float64(size))) / float64(size)
	}
	return f, nil
}

// magnitude is cmplx.Abs without its care for overflow, which samples cannot cause here.
func magnitude(c complex128) float64 {
	return math.Sqrt(real(c)*real(c) + imag(c)*imag(c))
}
