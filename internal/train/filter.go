package train

import (
	"math"

	"sotto/internal/fastmath"
	"sotto/internal/nn"
)

// lowBin is what the loss needs to know of a bin that the filter changes, where
// the phase of the output is not that of the input.
type lowBin struct {
	noisy, clean complex64
	compact      float32 // |S|^c
}

// filtering computes the loss of the bins that the filter changes. The output of
// such a bin is D = G Z, Z = Y + sum_i c_i Y(t-i).
type filtering struct {
	bins int
	// coefficients is the filter of the batch, rows of taps x (re, im) x bins.
	coefficients nn.Mat
	dc           nn.Mat
	// z is Z and dd the gradient of D, rows x bins.
	z, dd []complex64
	// magnitude holds a row's |D|^c.
	magnitude []float32
}

// start makes room for the batch. Without coefficients no bin is filtered.
func (f *filtering) start(c nn.Mat, bins int) {
	if c.Rows == 0 {
		bins = 0
	}
	f.bins, f.coefficients = bins, c
	f.dc = f.dc.Resize(c.Rows, c.Cols)
	f.z, f.dd = resized(f.z, c.Rows*bins), resized(f.dd, c.Rows*bins)
	f.magnitude = resized(f.magnitude, bins)
}

// rows returns a row of Z and of the gradient of D.
func (f *filtering) rows(row int) (z, dd []complex64) {
	from, to := row*f.bins, (row+1)*f.bins
	return f.z[from:to], f.dd[from:to]
}

// output sets the row of Z and the row of magnitudes.
func (f *filtering) output(b *batch, row int, g []float32) []complex64 {
	z, _ := f.rows(row)
	for k, l := range b.lowRow(row) {
		z[k] = l.noisy
	}
	c := f.coefficients.Row(row)
	for past := row; past >= 0 && len(c) > 0; past -= b.lanes {
		re, im := c[:f.bins], c[f.bins:2*f.bins]
		for k, l := range b.lowRow(past) {
			z[k] += complex(re[k]*real(l.noisy)-im[k]*imag(l.noisy), re[k]*imag(l.noisy)+im[k]*real(l.noisy))
		}
		c = c[2*f.bins:]
	}
	for k, l := range b.lowRow(row) {
		f.magnitude[k] = bounded(g[k]*g[k]*power(z[k]), l.noisy)
	}
	fastmath.PowTo(f.magnitude[:f.bins], f.magnitude[:f.bins], Compress/2)
	return z
}

// bounded returns the power of an output, at least 80 dB below the input.
func bounded(p float32, noisy complex64) float32 { return max(p, minGain*minGain*power(noisy)+1e-20) }

// compressed is maskLoss.compressed for the low bins: the same error, with a
// phase that the output has a say in.
func (f *filtering) compressed(l *maskLoss, b *batch, row int, g []float32, scale float32, lane *laneLoss) float64 {
	share, missing := float32(l.cfg.Complex), float32(l.cfg.Missing)
	var sum, cross, output float32
	f.output(b, row, g)
	z, dd := f.rows(row)
	for k, t := range b.lowRow(row) {
		d, s := scaled(g[k], z[k]), t.clean
		energy := power(d)
		a, p := f.magnitude[k], bounded(energy, t.noisy)
		inner := real(d)*real(s) + imag(d)*imag(s)
		cross += inner
		output += energy
		norm := 1 / float32(math.Sqrt(float64(p)*float64(power(s)+1e-20)))
		cos := inner * norm
		match := t.compact * (share*cos + 1 - share)
		w, excess := l.weights[k], a-match
		sum += w * a * (a - 2*match)
		da, dMatch := 2*excess, -2*a
		if excess < 0 {
			sum += missing * w * excess * excess
			da += 2 * missing * excess
			dMatch -= 2 * missing * excess
		}
		// d|D|^c = c |D|^c/|D|^2 D;  d cos = S/(|D||S|) - cos D/|D|^2.
		toS := dMatch * share * t.compact
		alongD := (da*Compress*a - toS*cos) / p
		w *= scale
		dd[k] = scaled(w*alongD, d) + scaled(w*toS*norm, s)
	}
	lane.cross += float64(cross)
	lane.output += float64(output)
	return float64(sum)
}

func scaled(a float32, z complex64) complex64 { return complex(a*real(z), a*imag(z)) }

// addSISDR adds the gradient of a Re<D, S> + b |D|^2/2 to that of D.
func (f *filtering) addSISDR(b *batch, row int, g []float32, toCross, toPower float32) {
	z, dd := f.rows(row)
	for k, t := range b.lowRow(row) {
		dd[k] += scaled(toCross, t.clean) + scaled(toPower*g[k], z[k])
	}
}

// backward sets the low bins of a row of dL/dG, and the row of dL/dc, from the
// gradient of D.
func (f *filtering) backward(b *batch, row int, g, dg []float32) {
	z, dd := f.rows(row)
	for k, d := range dd {
		dg[k] = real(z[k])*real(d) + imag(z[k])*imag(d)
		dd[k] = scaled(g[k], d) // dL/dZ from here on
	}
	dc := f.dc.Row(row)
	for past := row; past >= 0 && len(dc) > 0; past -= b.lanes {
		re, im := dc[:f.bins], dc[f.bins:2*f.bins]
		for k, l := range b.lowRow(past) {
			re[k] = real(dd[k])*real(l.noisy) + imag(dd[k])*imag(l.noisy)
			im[k] = imag(dd[k])*real(l.noisy) - real(dd[k])*imag(l.noisy)
		}
		dc = dc[2*f.bins:]
	}
	clear(dc)
}
