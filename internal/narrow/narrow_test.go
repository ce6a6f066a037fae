package narrow

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestProduct takes matrices of many shapes, whole blocks or not, against a sum
// in float64.
func TestProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, shape := range [][2]int{{1, 1}, {3, 5}, {4, 16}, {5, 17}, {257, 128}, {768, 256}, {256, 98}, {2, 300}} {
		rows, cols := shape[0], shape[1]
		w, x, y := make([]float32, rows*cols), make([]float32, cols), make([]float32, rows)
		for i := range w {
			w[i] = float32(rng.NormFloat64())
		}
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for i := range y {
			y[i] = float32(i)
		}
		New(rows, cols, w).AddTo(y, x)
		for i, got := range y {
			want, size := float64(i), 1.0
			for j, v := range x {
				p := float64(w[i*cols+j]) * float64(v)
				want += p
				size += math.Abs(p)
			}
			// Half a unit in the last of eight places of each weight.
			if math.Abs(float64(got)-want) > size/256 {
				t.Fatalf("%dx%d: row %d gives %v, want %v", rows, cols, i, got, want)
			}
		}
	}
}

// TestWeightsOfEightBitsAreExact multiplies small integers, which both forms
// hold.
func TestWeightsOfEightBitsAreExact(t *testing.T) {
	w, x, y := make([]float32, 7*33), make([]float32, 33), make([]float32, 7)
	for i := range w {
		w[i] = float32(i%255 - 127)
	}
	for j := range x {
		x[j] = float32(j - 9)
	}
	New(7, 33, w).AddTo(y, x)
	for i, got := range y {
		var want float32
		for j, v := range x {
			want += w[i*33+j] * v
		}
		if got != want {
			t.Errorf("row %d gives %v, want %v", i, got, want)
		}
	}
}

func TestShapesMustFit(t *testing.T) {
	for name, f := range map[string]func(){
		"weights": func() { New(2, 3, make([]float32, 5)) },
		"x":       func() { New(2, 3, make([]float32, 6)).AddTo(make([]float32, 2), make([]float32, 2)) },
		"y":       func() { New(2, 3, make([]float32, 6)).AddTo(make([]float32, 3), make([]float32, 3)) },
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

func BenchmarkAddTo(b *testing.B) {
	m := New(768, 256, make([]float32, 768*256))
	x, y := make([]float32, 256), make([]float32, 768)
	b.ReportAllocs()
	for b.Loop() {
		m.AddTo(y, x)
	}
	b.ReportMetric(float64(b.N)*2*768*256/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}
