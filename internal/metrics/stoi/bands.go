package stoi

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// window is a Hann window without its zero end points, as the reference implementation has it.
func window() []float64 {
	w := make([]float64, frameLen)
	for i := range w {
		w[i] = 0.5 * (1 - math.Cos(2*math.Pi*float64(i+1)/(frameLen+1)))
	}
	return w
}

// active joins the frames in which the reference lies within DynamicRange dB of its loudest frame, by overlap-add of the windowed frames,
// and the same frames of the estimate.
func active(x, y, w []float64) (xs, ys []float64) {
	var starts []int
	var level []float64
	loudest := math.Inf(-1)
	for at := 0; at < len(x)-frameLen; at += hop {
		var e float64
		for i, v := range w {
			e += v * x[at+i] * v * x[at+i]
		}
		l := 20 * math.Log10(math.Sqrt(e)+eps)
		starts, level = append(starts, at), append(level, l)
		loudest = max(loudest, l)
	}
	xs, ys = make([]float64, 0, len(x)), make([]float64, 0, len(y))
	for f, at := range starts {
		if level[f] > loudest-DynamicRange {
			xs = overlapAdd(xs, x[at:at+frameLen], w)
			ys = overlapAdd(ys, y[at:at+frameLen], w)
		}
	}
	return xs, ys
}

// overlapAdd adds the windowed frame to dst, one hop after the frame that was added last.
func overlapAdd(dst, frame, w []float64) []float64 {
	at := max(0, len(dst)-(frameLen-hop))
	for i, v := range frame {
		if at+i < len(dst) {
			dst[at+i] += v * w[i]
		} else {
			dst = append(dst, v*w[i])
		}
	}
	return dst
}

// edges returns the FFT bins that bound the third-octave bands: band b holds the bins edges[b][0] to edges[b][1]-1.
func edges() (e [Bands][2]int) {
	bin := func(freq float64) int { return int(math.Round(freq * fftLen / coreRate)) }
	for b := range e {
		low, high := BandEdges(b)
		e[b][0], e[b][1] = bin(low), bin(high)
	}
	return e
}

// BandEdges returns the frequencies in Hz that bound a third-octave band, 0 to Bands-1.
func BandEdges(band int) (low, high float64) {
	return lowest * math.Pow(2, float64(2*band-1)/6), lowest * math.Pow(2, float64(2*band+1)/6)
}

// envelopes returns the magnitude of each band in each frame of x.
func envelopes(x, w []float64) [][Bands]float64 {
	fft := fourier.NewFFT(fftLen)
	frame, spectrum := make([]float64, fftLen), make([]complex128, fftLen/2+1)
	power := make([]float64, len(spectrum))
	e := edges()
	out := make([][Bands]float64, 0, len(x)/hop+1)
	for at := 0; at < len(x)-frameLen; at += hop {
		for i, v := range w {
			frame[i] = v * x[at+i]
		}
		fft.Coefficients(spectrum, frame)
		for k, c := range spectrum {
			power[k] = real(c)*real(c) + imag(c)*imag(c)
		}
		var env [Bands]float64
		for b := range env {
			var sum float64
			for _, p := range power[e[b][0]:e[b][1]] {
				sum += p
			}
			env[b] = math.Sqrt(sum)
		}
		out = append(out, env)
	}
	return out
}
