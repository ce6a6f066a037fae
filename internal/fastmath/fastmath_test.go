package fastmath

import (
	"math"
	"slices"
	"testing"
)

// kernels lists every function with its float64 reference and the range over
// which the result is a normal float32 and not yet saturated.
var kernels = []struct {
	name   string
	fast   func(float32) float32
	slice  func(dst, src []float32) []float32
	exact  func(float64) float64
	lo, hi float64
	tol    float64
}{
	{"Exp", Exp, ExpTo, math.Exp, -87, 88, 5e-7},
	{"Sigmoid", Sigmoid, SigmoidTo, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -87, 100, 5e-7},
	{"Tanh", Tanh, TanhTo, math.Tanh, -50, 50, 1e-6},
	{"Softplus", Softplus, SoftplusTo, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, -87, 200, 1e-6},
}

func relErr(got float32, want float64) float64 {
	if want == 0 {
		return math.Abs(float64(got))
	}
	return math.Abs(float64(got)-want) / math.Abs(want)
}

func TestRelativeError(t *testing.T) {
	for _, k := range kernels {
		worst, at := 0.0, float32(0)
		try := func(x float32) {
			if e := relErr(k.fast(x), k.exact(float64(x))); e > worst {
				worst, at = e, x
			}
		}
		const n = 400000
		for i := range n + 1 {
			try(float32(k.lo + (k.hi-k.lo)*float64(i)/n))
		}
		for x := float32(1e-30); x < 1; x *= 1.01 { // relative accuracy near zero
			try(x)
			try(-x)
		}
		t.Logf("%s: largest relative error %.2g at %v", k.name, worst, at)
		if worst > k.tol {
			t.Errorf("%s(%v): relative error %.3g, want at most %.3g", k.name, at, worst, k.tol)
		}
	}
}

func TestLogError(t *testing.T) {
	worst := 0.0
	for x := float32(1.2e-38); x < 3e38; x *= 1.0003 {
		want := math.Log(float64(x))
		// Near x = 1 the logarithm is small and its error relative to itself
		// stays that of the series.
		if e := relErr(Log(x), want); e > worst {
			worst = e
		}
	}
	for i := -2000; i <= 2000; i++ {
		x := float32(1 + 1e-4*float64(i))
		worst = max(worst, relErr(Log(x), math.Log(float64(x))))
	}
	t.Logf("Log: largest relative error %.2g", worst)
	if worst > 1e-6 {
		t.Errorf("Log: relative error %.3g, want at most 1e-6", worst)
	}
}

func TestEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, k := range kernels {
		for _, x := range []float32{inf, -inf, math.MaxFloat32, -math.MaxFloat32, 1e-45, -1e-45, 0} {
			y := k.fast(x)
			if k.name == "Softplus" && x == inf {
				continue // ln(1+e^x) grows as x.
			}
			if math.IsNaN(float64(y)) || math.IsInf(float64(y), 0) {
				t.Errorf("%s(%v) = %v, want a finite number", k.name, x, y)
			}
		}
		for _, x := range []float32{math.MaxFloat32, -math.MaxFloat32, 1e-45, 0} {
			v := slices.Repeat([]float32{x}, 9)
			for _, y := range k.slice(v, v) {
				if math.IsNaN(float64(y)) || math.IsInf(float64(y), 0) {
					t.Errorf("%sTo(%v) = %v, want finite numbers", k.name, x, y)
					break
				}
			}
		}
		if y := k.fast(nan); !math.IsNaN(float64(y)) {
			t.Errorf("%s(NaN) = %v, want NaN", k.name, y)
		}
	}
	for _, x := range []float32{0, -1, -inf, 1e-45} {
		if y := Log(x); math.Abs(float64(y)+126*math.Ln2) > 1e-4 {
			t.Errorf("Log(%v) = %v, want ln(2^-126)", x, y)
		}
	}
	for _, x := range []float32{inf, nan} {
		if y := Log(x); !(y > 88 && y < 90) {
			t.Errorf("Log(%v) = %v, want 88..90", x, y)
		}
	}
	if Tanh(100) != 1 || Tanh(-100) != -1 || Tanh(0) != 0 || Sigmoid(100) != 1 {
		t.Errorf("saturation: Tanh(±100) = %v, %v, Tanh(0) = %v, Sigmoid(100) = %v", Tanh(100), Tanh(-100), Tanh(0), Sigmoid(100))
	}
}

func TestSlicesMatchScalars(t *testing.T) {
	x := make([]float32, 301)
	for i := range x {
		x[i] = float32(i-150) / 7
	}
	for _, k := range kernels {
		y := k.slice(make([]float32, len(x)+3), x)
		if len(y) != len(x) {
			t.Fatalf("%sTo returned %d values, want %d", k.name, len(y), len(x))
		}
		for i, v := range x {
			if relErr(y[i], float64(k.fast(v))) > 4e-7 {
				t.Fatalf("%sTo at %v: %v, scalar %v", k.name, v, y[i], k.fast(v))
			}
		}
	}
	y := LogTo(make([]float32, len(x)), x)
	for i, v := range x {
		if relErr(y[i], float64(Log(v))) > 4e-7 {
			t.Fatalf("LogTo at %v: %v, scalar %v", v, y[i], Log(v))
		}
	}
}

// TestSums has the sums of vectors of lengths around those of the kernels.
func TestSums(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 33} {
		x, y, z := make([]float32, n), make([]float32, n+2), make([]float32, n+2)
		for i := range x {
			x[i], y[i], z[i] = float32(i), float32(10*i), float32(100*i)
		}
		if got := AddTo(y, x); len(got) != n {
			t.Fatalf("AddTo returned %d values, want %d", len(got), n)
		}
		if got := MulAddTo(z, x, y); len(got) != n {
			t.Fatalf("MulAddTo returned %d values, want %d", len(got), n)
		}
		for i := range x {
			if y[i] != float32(11*i) || z[i] != float32(100*i+11*i*i) {
				t.Errorf("sums %d of %d are %v and %v, want %d and %d", i, n, y[i], z[i], 11*i, 100*i+11*i*i)
			}
		}
		if y[n] != 0 || y[n+1] != 0 || z[n] != 0 || z[n+1] != 0 {
			t.Errorf("a sum wrote behind the %d values", n)
		}
	}
}

// TestBlendTo moves by shares, and lets neither NaN nor what is too small stay.
func TestBlendTo(t *testing.T) {
	nan := float32(math.NaN())
	for _, n := range []int{0, 1, 8, 9, 33} {
		y, keep, x := make([]float32, n+2), make([]float32, n), make([]float32, n)
		for i := range x {
			y[i], keep[i], x[i] = 3, float32(i%5)/4, -1
			switch i % 7 {
			case 3:
				x[i] = nan
			case 5:
				y[i], x[i] = 1e-21, -1e-21
			}
		}
		if got := BlendTo(y, keep, x, 1e-20); len(got) != n {
			t.Fatalf("BlendTo returned %d values, want %d", len(got), n)
		}
		for i, got := range y[:n] {
			want := 4*float32(i%5)/4 - 1
			if i%7 == 3 || i%7 == 5 {
				want = 0
			}
			if got != want {
				t.Errorf("value %d of %d is %v, want %v", i, n, got, want)
			}
		}
		if y[n] != 0 || y[n+1] != 0 {
			t.Errorf("wrote behind the %d values", n)
		}
	}
}

func BenchmarkKernels(b *testing.B) {
	x := make([]float32, 768)
	for i := range x {
		x[i] = float32(i%97)/16 - 3
	}
	y := make([]float32, len(x))
	run := func(name string, f func(dst, src []float32) []float32) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f(y, x)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x)), "ns/element")
		})
	}
	for _, k := range kernels {
		run(k.name, k.slice)
	}
	run("Log", LogTo)
}
