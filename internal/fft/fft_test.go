package fft

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	godsp "github.com/mjibson/go-dsp/fft"
	"gonum.org/v1/gonum/dsp/fourier"
)

// lengths are the frames in use, small cases of every radix, and lengths that go to gonum.
var lengths = []int{2, 4, 6, 8, 12, 16, 18, 24, 32, 36, 64, 96, 128, 256, 384, 512, 576, 768, 1024, 1536, 2048, 1, 3, 10, 15, 480, 882}

// TestAgainstAnotherLibrary compares with go-dsp, and the way back with the
// frame.
func TestAgainstAnotherLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range lengths {
		f := NewReal(n)
		frame, back := make([]float64, n), make([]float64, n)
		spectrum := make([]complex64, n/2+1)
		for range 3 { // a transform must not depend on the one before
			var size float64
			for i := range frame {
				frame[i] = rng.NormFloat64()
				size += math.Abs(frame[i])
			}
			f.Forward(spectrum, frame)
			for k, want := range godsp.FFTReal(frame)[:n/2+1] {
				if d := cmplx.Abs(complex128(spectrum[k]) - want); d > 1e-7*size {
					t.Fatalf("%d samples, bin %d: %v, want %v", n, k, spectrum[k], want)
				}
			}
			f.Backward(back, spectrum)
			for i, want := range frame {
				if math.Abs(back[i]/float64(n)-want) > 1e-6 {
					t.Fatalf("%d samples, sample %d: %v came back as %v", n, i, want, back[i]/float64(n))
				}
			}
		}
	}
}

// TestBackwardIgnoresWhatNoFrameHas gives imaginary parts to the ends.
func TestBackwardIgnoresWhatNoFrameHas(t *testing.T) {
	f := NewReal(8)
	a, b := make([]float64, 8), make([]float64, 8)
	f.Backward(a, []complex64{1, 2i, 3, 4, 5})
	f.Backward(b, []complex64{1 + 9i, 2i, 3, 4, 5 - 7i})
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("sample %d: %v and %v", i, a[i], b[i])
		}
	}
}

func TestWrongLengthsPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"frame":    func() { NewReal(8).Forward(make([]complex64, 5), make([]float64, 7)) },
		"spectrum": func() { NewReal(8).Backward(make([]float64, 8), make([]complex64, 4)) },
		"length":   func() { NewReal(0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("wrong %s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkForward(b *testing.B) {
	for _, n := range []int{512, 1536} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f, frame, spectrum := NewReal(n), make([]float64, n), make([]complex64, n/2+1)
			b.ReportAllocs()
			for b.Loop() {
				f.Forward(spectrum, frame)
			}
		})
		b.Run(fmt.Sprint("gonum/", n), func(b *testing.B) {
			f, frame, spectrum := fourier.NewFFT(n), make([]float64, n), make([]complex128, n/2+1)
			for b.Loop() {
				f.Coefficients(spectrum, frame)
			}
		})
	}
}
