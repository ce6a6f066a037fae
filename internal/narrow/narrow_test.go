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
	for _, shape := range [][2]int{{1, 1}, {3, 5}, {4, 16}, {5, 17}, {257, 128}, {768, 256}, {256, 98}, {2, 300}, {3, 3000}} {
		rows, cols := shape[0], shape[1]
		w, x := make([]float32, rows*cols), make([]float32, cols)
		for i := range w {
			w[i] = float32(rng.NormFloat64())
		}
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		expectProduct(t, rows, cols, w, x)
	}
}

// TestProductAtItsLimits has sums as large as they can be, of both signs, and
// vectors too faint or too large for an ordinary unit.
func TestProductAtItsLimits(t *testing.T) {
	for _, cols := range []int{516, 3680, 5000} {
		expectLimits(t, cols)
	}
}

func expectLimits(t *testing.T, cols int) {
	t.Helper()
	const rows = 66 // more than two tiles
	w, x := make([]float32, rows*cols), make([]float32, cols)
	for i := range w {
		w[i] = float32(1 - 2*(i/cols%2))
	}
	for _, size := range []float32{0, 1e-42, 1e-33, 1e-20, 1, 1e20, 3e34} {
		for i := range x {
			x[i] = size
		}
		expectProduct(t, rows, cols, w, x)
	}
}

// expectProduct adds the product to a vector and expects every element within the
// rounding that the package documents: half a 127th of the row's largest weight,
// and half a 32767th of x, more where there are many columns.
func expectProduct(t *testing.T, rows, cols int, w, x []float32) {
	t.Helper()
	var top, sum float64
	for _, v := range x {
		top = max(top, math.Abs(float64(v)))
		sum += math.Abs(float64(v))
	}
	y := make([]float32, rows)
	for i := range y {
		y[i] = float32(i)
	}
	New(rows, cols, w).AddTo(y, x)
	for i, got := range y {
		want, peak, size := float64(i), 0.0, 1.0
		for j, v := range x {
			p := float64(w[i*cols+j]) * float64(v)
			want += p
			size += math.Abs(p)
			peak = max(peak, math.Abs(float64(w[i*cols+j])))
		}
		step := top / 32767 * max(1, float64(cols)/500)
		bound := 0.51*(peak/127*sum+float64(cols)*peak*step) + 1e-5*size
		if !(math.Abs(float64(got)-want) <= bound) {
			t.Fatalf("%dx%d, x up to %g: row %d gives %v, want %v within %.2g", rows, cols, top, i, got, want, bound)
		}
	}
}

// TestSmallIntegersAreExact multiplies what both forms hold, in every column.
func TestSmallIntegersAreExact(t *testing.T) {
	const rows, cols = 71, 61
	w, x, y := make([]float32, rows*cols), make([]float32, cols), make([]float32, rows)
	for i := range w {
		w[i] = float32(i%255 - 127)
	}
	for j := range x {
		x[j] = float32(j - 9)
	}
	for i := range rows {
		w[i*cols] = 127 // the largest of the row: a step of one
	}
	x[0] = 32767
	New(rows, cols, w).AddTo(y, x)
	for i, got := range y {
		var want float32
		for j, v := range x {
			want += w[i*cols+j] * v
		}
		if got != want {
			t.Errorf("row %d gives %v, want %v", i, got, want)
		}
	}
}

// TestNotANumber must not panic, and must leave the next product alone.
func TestNotANumber(t *testing.T) {
	m := New(70, 40, make([]float32, 70*40))
	x, y := make([]float32, 40), make([]float32, 70)
	x[3], x[20], x[30] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
	m.AddTo(y, x)
	clear(x)
	clear(y)
	m.AddTo(y, x)
	for i, v := range y {
		if v != 0 {
			t.Errorf("row %d of nothing times nothing is %v", i, v)
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
