package dict

import (
	"fmt"
	"math"

	"sotto/internal/nn"
)

// Frames is a nonnegative spectrogram with one frame per row: Count rows of
// Bins values, row-major. For KL and Frobenius fits the values are magnitudes,
// for Itakura-Saito powers (see [Frames.Power]).
type Frames struct {
	Bins, Count int
	Data        []float32
}

// Row returns frame i; it shares the memory of f.
func (f *Frames) Row(i int) []float32 { return f.Data[i*f.Bins : (i+1)*f.Bins] }

// Append adds the magnitudes of a spectrum of Bins values as one frame. A
// spectrum of another length panics.
func (f *Frames) Append(spectrum []complex64) {
	if len(spectrum) != f.Bins {
		panic(fmt.Sprintf("dict: spectrum of %d bins appended to frames of %d", len(spectrum), f.Bins))
	}
	for _, c := range spectrum {
		re, im := float64(real(c)), float64(imag(c))
		f.Data = append(f.Data, float32(math.Sqrt(re*re+im*im)))
	}
	f.Count++
}

// Power returns a copy with every value squared: the input of Itakura-Saito
// fits when f holds magnitudes.
func (f *Frames) Power() *Frames {
	p := &Frames{Bins: f.Bins, Count: f.Count, Data: make([]float32, len(f.Data))}
	for i, v := range f.Data {
		p.Data[i] = v * v
	}
	return p
}

// Above returns the frames whose root mean square is at least threshold; it
// copies. Frames of silence teach a dictionary nothing, and a third of a
// corpus of speech is silence.
func (f *Frames) Above(threshold float64) *Frames {
	kept := &Frames{Bins: f.Bins}
	for i := range f.Count {
		var sum float64
		for _, v := range f.Row(i) {
			sum += float64(v) * float64(v)
		}
		if math.Sqrt(sum/float64(f.Bins)) >= threshold {
			kept.Data = append(kept.Data, f.Row(i)...)
			kept.Count++
		}
	}
	return kept
}

// Mean returns the mean of all values, 0 when there are none.
func (f *Frames) Mean() float64 {
	if len(f.Data) == 0 {
		return 0
	}
	var sum float64
	for _, v := range f.Data {
		sum += float64(v)
	}
	return sum / float64(len(f.Data))
}

// check says what is wrong with f as training data, if anything.
func (f *Frames) check() error {
	if f == nil || f.Count == 0 || f.Bins == 0 {
		return fmt.Errorf("dict: no frames to learn from: give at least one")
	}
	if len(f.Data) != f.Bins*f.Count {
		return fmt.Errorf("dict: %d values for %d frames of %d bins, want %d", len(f.Data), f.Count, f.Bins, f.Bins*f.Count)
	}
	for i, v := range f.Data {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return fmt.Errorf("dict: frame %d bin %d is %v: want finite, nonnegative values", i/f.Bins, i%f.Bins, v)
		}
	}
	if f.Mean() == 0 {
		return fmt.Errorf("dict: all %d frames are silent: there is nothing to learn", f.Count)
	}
	return nil
}

// gather copies the listed frames, divided by scale, into the rows of dst.
func (f *Frames) gather(dst nn.Mat, rows []int, scale float64) {
	inv := float32(1 / scale)
	for i, r := range rows {
		out := dst.Row(i)
		for j, v := range f.Row(r) {
			out[j] = v * inv
		}
	}
}
