package segmental

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

const (
	bands = 25

	// Klatt's constants for the distance of a band from the frame's loudest band and from the nearest spectral peak, in dB.
	globalPeak = 20.0
	localPeak  = 1.0

	floorPower = 1e-10 // -100 dB

	// A band filter is cut off where it falls below exp(-30 / (2*2.303)), which the original calls its -30 dB point.
	cutOff = 30 / (2 * 2.303)
)

// centres and widths of the critical bands in Hz: Loizou's table, in which each centre lies one width above the one below it.
var (
	centres = [bands]float64{
		50, 120, 190, 260, 330, 400, 470, 540, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30, 1288.72, 1442.54, 1610.70,
		1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63,
	}
	widths = [bands]float64{
		70, 70, 70, 70, 70, 70, 70, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823, 168.154, 183.457,
		199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136,
	}
)

// bandFilter weighs the bins from first on.
type bandFilter struct {
	first   int
	weights []float64
}

// WSS returns the weighted spectral slope distance of est from ref: the mean over the 95 % of the frames with the lowest values of
//
//	sum_b w_b (slope of ref in b - slope of est in b)^2 / sum_b w_b,
//
// where the slope is the level of band b+1 less that of band b in dB, of 25 critical bands up to 3.6 kHz, and w_b, the mean of the two
// signals' weights, is large near the peaks of the spectrum:
//
//	20 / (20 + loudest - level_b) * 1 / (1 + nearest peak - level_b).
//
// Levels are floored at -100 dB with respect to a power of 1, samples being in units of full scale. Rate is in Hz, 8000 to 192000.
// Signals of different lengths, of less than 37.5 ms, constant, or with samples that are not finite give an error.
//
// Source: D. H. Klatt, "Prediction of perceived phonetic distance from critical-band spectra: a first step", ICASSP 1982; bands and
// filters from Loizou's program.
func WSS(ref, est []float32, rate int) (float64, error) {
	f, err := newFraming("weighted spectral slope", ref, est, rate)
	if err != nil {
		return 0, err
	}
	size := 1
	for size < 2*len(f.window) {
		size *= 2
	}
	filters := bandFilters(size, rate)
	fft := fourier.NewFFT(size)
	frame, spectrum := make([]float64, size), make([]complex128, size/2+1)
	distances := make([]float64, f.count)
	for i := range distances {
		f.frame(frame, ref, i)
		s := levels(fft.Coefficients(spectrum, frame), filters)
		f.frame(frame, est, i)
		e := levels(fft.Coefficients(spectrum, frame), filters)
		distances[i] = slopeDistance(s, e)
	}
	return lowestMean(distances), nil
}

// bandFilters returns Gaussian filters on the bins of an FFT, the more attenuated the wider they are, so that each passes the same noise.
func bandFilters(size, rate int) (filters [bands]bandFilter) {
	perBin := float64(rate) / float64(size)
	for b := range filters {
		centre, width := math.Floor(centres[b]/perBin), widths[b]/perBin
		for k := range size / 2 {
			d := (float64(k) - centre) / width
			exponent := math.Log(widths[0]/widths[b]) - 11*d*d
			if exponent <= -cutOff {
				continue
			}
			if filters[b].weights == nil {
				filters[b].first = k
			}
			filters[b].weights = append(filters[b].weights, math.Exp(exponent))
		}
	}
	return filters
}

// levels returns the level of each band in dB.
func levels(spectrum []complex128, filters [bands]bandFilter) (l [bands]float64) {
	for b, f := range filters {
		var sum float64
		for i, c := range spectrum[f.first:][:len(f.weights)] {
			sum += f.weights[i] * (real(c)*real(c) + imag(c)*imag(c))
		}
		l[b] = 10 * math.Log10(max(sum, floorPower))
	}
	return l
}

// slopeDistance returns the distance of one frame.
func slopeDistance(s, e [bands]float64) float64 {
	ws, we := peakWeights(s), peakWeights(e)
	var sum, total float64
	for b := range bands - 1 {
		w := (ws[b] + we[b]) / 2
		d := (s[b+1] - s[b]) - (e[b+1] - e[b])
		sum += w * d * d
		total += w
	}
	return sum / total
}

// peakWeights returns the weight of each slope. The nearest peak lies upwards from a band where the level rises, downwards otherwise;
// of a peak upwards the original takes the band below the top, and the published figures with it.
func peakWeights(l [bands]float64) (w [bands - 1]float64) {
	loudest := l[0]
	for _, v := range l {
		loudest = max(loudest, v)
	}
	for b := range w {
		n := b
		if l[b+1] > l[b] {
			for n < bands-1 && l[n+1] > l[n] {
				n++
			}
			n--
		} else {
			for n >= 0 && l[n+1] <= l[n] {
				n--
			}
			n++
		}
		w[b] = globalPeak / (globalPeak + loudest - l[b]) * localPeak / (localPeak + l[n] - l[b])
	}
	return w
}
