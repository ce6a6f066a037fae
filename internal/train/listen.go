package train

import "sotto/internal/nn"

// ear is a model of hearing that compares an output with the clean voice. Its
// methods are called in this order: for all rows of a lane hear, then judge, then
// for all of them addSlopes.
type ear interface {
	// start makes room for a batch.
	start(b *batch)
	// hears says whether a lane has enough of a voice to listen to.
	hears(lane int) bool
	// hear takes in the powers of the bins of a row of the output.
	hear(b *batch, row int, power []float32)
	// judge returns how far a lane's output is from the voice.
	judge(b *batch, lane int) float64
	// addSlopes adds the judgement's slopes by the powers of a row, times scale.
	addSlopes(slopes []float32, row int, scale float32)
}

// listen adds the gradient of an ear's term to those of masks g and of the
// filter's output, and returns its mean over the lanes with a voice.
func (l *maskLoss) listen(e ear, weight float64, b *batch, g nn.Mat) float64 {
	e.start(b)
	var sum, voices float64
	for lane := range b.lanes {
		if !e.hears(lane) {
			continue
		}
		for row := lane; row < g.Rows; row += b.lanes {
			l.outputPowers(l.power, b, g, row)
			e.hear(b, row, l.power)
		}
		sum += e.judge(b, lane)
		voices++
	}
	if voices == 0 {
		return 0
	}
	for lane := range b.lanes {
		if !e.hears(lane) {
			continue
		}
		for row := lane; row < g.Rows; row += b.lanes {
			clear(l.power)
			e.addSlopes(l.power, row, float32(weight/voices))
			l.addPowerSlopes(l.power, b, g, row)
		}
	}
	return sum / voices
}

// outputPowers writes the powers of a row of the output.
func (l *maskLoss) outputPowers(dst []float32, b *batch, g nn.Mat, row int) {
	gains, targets := g.Row(row), b.targetRow(row, g.Cols)
	for k, gain := range gains {
		dst[k] = gain * gain * targets[k].power
	}
	z, _ := l.low.rows(row)
	for k, z := range z {
		dst[k] = gains[k] * gains[k] * power(z)
	}
}

// addPowerSlopes adds to the gradients what slopes by the powers of a row mean for
// its masks and, in the filtered bins, for the filter's output D: dP/dG = 2 G |Y|^2, and
// the gradient of P = |D|^2 is 2 D.
func (l *maskLoss) addPowerSlopes(slopes []float32, b *batch, g nn.Mat, row int) {
	gains, dg, targets := g.Row(row), l.dg.Row(row), b.targetRow(row, g.Cols)
	z, dd := l.low.rows(row)
	for k, z := range z {
		dd[k] += scaled(2*slopes[k]*gains[k], z)
	}
	for k := l.low.bins; k < g.Cols; k++ {
		dg[k] += 2 * slopes[k] * gains[k] * targets[k].power
	}
}
