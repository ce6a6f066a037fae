package train

import "sotto/internal/nn"

// listen adds the gradient of the listener's term to those of masks g and of the
// filter's output, and returns its mean in points over the lanes with a voice.
func (l *maskLoss) listen(b *batch, g nn.Mat) float64 {
	h := l.listener
	h.start(b)
	var sum, voices float64
	for lane, level := range h.level {
		if level == 0 {
			continue
		}
		for row := lane; row < g.Rows; row += b.lanes {
			l.outputPowers(h.power, b, g, row)
			h.hear(row, level, b.bandRow(row))
		}
		sum += h.disturbance(b, lane)
		voices++
	}
	if voices == 0 {
		return 0
	}
	for lane, level := range h.level {
		if level == 0 {
			continue
		}
		for row := lane; row < g.Rows; row += b.lanes {
			h.spread(row, float32(l.cfg.Listening/voices))
			l.addPowerSlopes(h.power, b, g, row)
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
