package sinc

import (
	"testing"

	"sotto/internal/testsig"
)

func TestSinc(t *testing.T) {
	// sin(pi/2)/(pi/2) = 2/pi.
	testsig.Near(t, "sinc", []float64{Sinc(0), Sinc(0.5), Sinc(-0.5), Sinc(3)}, []float64{1, 0.6366197723675814, 0.6366197723675814, 0}, 1e-15)
}

func TestKaiser(t *testing.T) {
	// I_0(5) = 27.239871823604442 (Abramowitz and Stegun, table 9.8).
	testsig.Near(t, "kaiser", []float64{Kaiser(0, 5), Kaiser(1, 5), Kaiser(-1, 5), Kaiser(1.01, 5)},
		[]float64{1, 1 / 27.239871823604442, 1 / 27.239871823604442, 0}, 1e-14)
}
