package stft

import (
	"math"
	"math/cmplx"
	"testing"
	"time"

	"github.com/mjibson/go-dsp/fft"
)

// FuzzReconstruction checks, for every configuration that Validate accepts,
// that the input comes back, and that the last spectrum is that of an
// independent transform. Lengths are in samples at 16 kHz.
func FuzzReconstruction(f *testing.F) {
	f.Add(uint16(512), uint16(128), uint16(256), false, uint64(1))
	f.Add(uint16(512), uint16(64), uint16(128), false, uint64(2))
	f.Add(uint16(511), uint16(3), uint16(30), false, uint64(3))
	f.Add(uint16(2), uint16(1), uint16(2), false, uint64(4))
	f.Add(uint16(15), uint16(5), uint16(15), true, uint64(5))
	f.Add(uint16(2), uint16(1), uint16(2), true, uint64(6))
	f.Fuzz(func(t *testing.T, frame, hop, support uint16, symmetric bool, seed uint64) {
		const sample = time.Second / 16000
		c := Config{SampleRate: 16000, Frame: time.Duration(frame%2048) * sample, Hop: time.Duration(hop) * sample, Synthesis: time.Duration(support) * sample}
		if symmetric {
			c.Window = SqrtHann
		}
		if c.Validate() != nil {
			return
		}
		a, s := pair(t, c)
		n, size := c.HopSize(), c.FrameSize()
		x := noise((2*size+n-1)/n*n, seed)
		y := make([]float32, len(x))
		var spectrum []complex64
		for i := 0; i < len(x); i += n {
			spectrum = a.Analyze(spectrum, x[i:i+n])
			s.Synthesize(y[i:i+n], spectrum)
		}
		for i := c.Shift(); i < len(y); i++ {
			if d := math.Abs(float64(y[i] - x[i-c.Shift()])); !(d <= 1e-6) {
				t.Fatalf("%+v: sample %d is off by %.3g", c, i, d)
			}
		}
		w, _ := c.windows()
		last := make([]float64, size)
		for i, v := range w {
			last[i] = v * float64(x[len(x)-size+i])
		}
		want := fft.FFTReal(last)
		for k, v := range spectrum {
			if d := cmplx.Abs(complex128(v) - want[k]/complex(windowSum(w), 0)); !(d <= 1e-6) {
				t.Fatalf("%+v: bin %d is off by %.3g", c, k, d)
			}
		}
	})
}
