package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func randomMat(rows, cols int, rng *rand.Rand) Mat {
	m := NewMat(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(rng.NormFloat64())
	}
	return m
}

// dot is the test's loss: a fixed random weighting of the outputs.
func dot(a, b Mat) float64 {
	var sum float64
	for i, v := range a.Data {
		sum += float64(v) * float64(b.Data[i])
	}
	return sum
}

// checkGradients compares Backward with central differences of loss, which
// must run forward from scratch. Every value of every parameter and of the
// input is tried when there are few, a sample of them otherwise.
func checkGradients(t *testing.T, params []*Param, x, dx Mat, loss func() float64) {
	t.Helper()
	check := func(name string, value []float32, grad []float32) {
		stride := max(1, len(value)/40)
		for i := 0; i < len(value); i += stride {
			const eps = 1e-2
			keep := value[i]
			value[i] = keep + eps
			up := loss()
			value[i] = keep - eps
			down := loss()
			value[i] = keep
			want := (up - down) / (2 * eps)
			if diff := math.Abs(float64(grad[i]) - want); diff > 2e-3*(1+math.Abs(want)) {
				t.Errorf("%s[%d]: gradient %g, finite difference %g", name, i, grad[i], want)
			}
		}
	}
	for _, p := range params {
		check(p.Name, p.Value, p.Grad)
	}
	check("input", x.Data, append([]float32(nil), dx.Data...))
}

func TestDenseGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	d := NewDense("d", 7, 5, rng)
	x, w := randomMat(6, 7, rng), randomMat(6, 5, rng)
	loss := func() float64 { return dot(d.Forward(x), w) }
	loss()
	dx := d.Backward(w)
	checkGradients(t, d.Params(), x, dx, loss)
}

func TestLeakyReLUGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	l := NewLeakyReLU(0.1)
	x, w := randomMat(6, 7, rng), randomMat(6, 7, rng)
	for i := range x.Data { // keep clear of the kink
		x.Data[i] += float32(math.Copysign(0.1, float64(x.Data[i])))
	}
	loss := func() float64 { return dot(l.Forward(x), w) }
	loss()
	dx := l.Backward(w)
	checkGradients(t, nil, x, dx, loss)
}

func TestGRUGradients(t *testing.T) {
	for _, lanes := range []int{1, 3} {
		t.Run(fmt.Sprint(lanes), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, uint64(lanes)))
			const hidden = 11 // a whole vector of units and some more
			g := NewGRU("g", 4, hidden, rng)
			x, w := randomMat(8*lanes, 4, rng), randomMat(8*lanes, hidden, rng)
			start := randomMat(lanes, hidden, rng)
			loss := func() float64 {
				g.Reset(lanes)
				copy(g.State.Data, start.Data)
				return dot(g.Forward(x), w)
			}
			loss()
			dx := g.Backward(w)
			checkGradients(t, g.Params(), x, dx, loss)
		})
	}
}

// TestGRUReference checks the gate equations against a direct float64
// evaluation of the formulas in the type's comment.
func TestGRUReference(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	const in, hidden, steps = 3, 13, 5
	g := NewGRU("g", in, hidden, rng)
	fillUniform(g.BiasHH.Value, 1, rng)
	x := randomMat(steps, in, rng)
	g.Reset(1)
	got := g.Forward(x)
	h := make([]float64, hidden)
	gate := func(p, b *Param, row int, v []float64) float64 {
		sum := float64(b.Value[row])
		for j, u := range v {
			sum += float64(p.Mat().Row(row)[j]) * u
		}
		return sum
	}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	for s := range steps {
		u := make([]float64, in)
		for j, v := range x.Row(s) {
			u[j] = float64(v)
		}
		next := make([]float64, hidden)
		for j := range hidden {
			r := sigmoid(gate(g.WeightIH, g.BiasIH, j, u) + gate(g.WeightHH, g.BiasHH, j, h))
			z := sigmoid(gate(g.WeightIH, g.BiasIH, hidden+j, u) + gate(g.WeightHH, g.BiasHH, hidden+j, h))
			n := math.Tanh(gate(g.WeightIH, g.BiasIH, 2*hidden+j, u) + r*gate(g.WeightHH, g.BiasHH, 2*hidden+j, h))
			next[j] = (1-z)*n + z*h[j]
		}
		h = next
		for j, want := range h {
			if math.Abs(float64(got.Row(s)[j])-want) > 1e-5 {
				t.Fatalf("step %d unit %d: %g, want %g", s, j, got.Row(s)[j], want)
			}
		}
	}
}

// TestGRUStateCarries checks that two halves of a sequence give what the whole
// gives.
func TestGRUStateCarries(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	g := NewGRU("g", 3, 4, rng)
	x := randomMat(2*10, 3, rng)
	g.Reset(2)
	whole := append([]float32(nil), g.Forward(x).Data...)
	g.Reset(2)
	half := append([]float32(nil), g.Forward(x.Slice(0, 10)).Data...)
	half = append(half, g.Forward(x.Slice(10, 20)).Data...)
	for i := range whole {
		if math.Abs(float64(whole[i]-half[i])) > 1e-6 {
			t.Fatalf("output %d: %g in halves, %g whole", i, half[i], whole[i])
		}
	}
}

func TestReplicaSharesWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	a := NewDense("d", 3, 2, rng)
	b := a.Replica()
	a.W.Value[0] = 42
	if b.W.Value[0] != 42 {
		t.Error("a replica must share its weights")
	}
	x, dy := randomMat(4, 3, rng), randomMat(4, 2, rng)
	a.Forward(x)
	a.Backward(dy)
	b.Forward(x)
	b.Backward(dy)
	AddGrads(a.Params(), b.Params())
	for i, g := range a.W.Grad {
		if math.Abs(float64(g-2*b.W.Grad[i])) > 1e-5 {
			t.Fatalf("gradient %d: %g, want %g", i, g, 2*b.W.Grad[i])
		}
	}
}

func TestGemmPanicsOnShape(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a product of unfit shapes must panic")
		}
	}()
	Gemm(NoTrans, NoTrans, 1, NewMat(2, 3), NewMat(2, 3), 0, NewMat(2, 3))
}

func TestAdamWFindsMinimum(t *testing.T) {
	p := NewParam("p", 1, 2, false)
	p.Value[0], p.Value[1] = 3, -2
	opt := NewAdamW([]*Param{p}, AdamWConfig{})
	for step := range 2000 {
		p.Grad[0] = 2 * (p.Value[0] - 1)
		p.Grad[1] = 20 * (p.Value[1] - 0.5)
		opt.Step(CosineSchedule(step, 2000, 10, 0.05, 0), nil)
	}
	if math.Abs(float64(p.Value[0]-1)) > 1e-3 || math.Abs(float64(p.Value[1]-0.5)) > 1e-3 {
		t.Errorf("ended at %v, want [1 0.5]", p.Value)
	}
}

func TestAdamWDecayAndFreeze(t *testing.T) {
	w, b := NewParam("w", 1, 1, true), NewParam("b", 1, 1, false)
	w.Value[0], b.Value[0] = 1, 1
	opt := NewAdamW([]*Param{w, b}, AdamWConfig{WeightDecay: 0.1})
	opt.Step(0.5, func(string) float64 { return 1 })
	if got := w.Value[0]; math.Abs(float64(got)-0.95) > 1e-6 {
		t.Errorf("decayed weight %g, want 0.95", got)
	}
	if b.Value[0] != 1 {
		t.Errorf("bias %g, want 1: it does not decay", b.Value[0])
	}
	opt.Step(0.5, func(string) float64 { return 0 })
	if got := w.Value[0]; math.Abs(float64(got)-0.95) > 1e-6 {
		t.Errorf("frozen weight moved to %g", got)
	}
}

// TestAdamWThawsGently freezes a parameter for long: its first step must be as
// long as any parameter's first step, the learning rate.
func TestAdamWThawsGently(t *testing.T) {
	p := NewParam("p", 1, 1, false)
	opt := NewAdamW([]*Param{p}, AdamWConfig{})
	for range 1000 {
		opt.Step(0.1, func(string) float64 { return 0 })
	}
	p.Grad[0] = 3
	opt.Step(0.1, nil)
	if math.Abs(float64(p.Value[0])+0.1) > 1e-6 {
		t.Errorf("the first step after a thaw is %g, want -0.1", p.Value[0])
	}
}

func TestClipGlobalNorm(t *testing.T) {
	p := NewParam("p", 1, 2, false)
	p.Grad[0], p.Grad[1] = 3, 4
	if norm := ClipGlobalNorm([]*Param{p}, 1); math.Abs(norm-5) > 1e-6 {
		t.Errorf("norm %g, want 5", norm)
	}
	if norm := GradNorm([]*Param{p}); math.Abs(norm-1) > 1e-5 {
		t.Errorf("clipped norm %g, want 1", norm)
	}
	p.Grad[0] = float32(math.NaN())
	ClipGlobalNorm([]*Param{p}, 1)
	if p.Grad[0] != 0 || p.Grad[1] != 0 {
		t.Errorf("gradient %v after a NaN, want zeros", p.Grad)
	}
}

func TestEMA(t *testing.T) {
	p := NewParam("p", 1, 1, false)
	e := NewEMA([]*Param{p}, 0.9)
	p.Value[0] = 1
	for range 200 {
		e.Update([]*Param{p})
	}
	if got := e.Value[0][0]; math.Abs(float64(got)-1) > 1e-3 {
		t.Errorf("average %g, want 1", got)
	}
	e.Value[0][0] = 7
	e.Swap([]*Param{p})
	if p.Value[0] != 7 || e.Value[0][0] != 1 {
		t.Errorf("swap left %g and %g", p.Value[0], e.Value[0][0])
	}
}

func TestCosineSchedule(t *testing.T) {
	for _, c := range []struct {
		step int
		want float64
	}{{0, 0.1}, {9, 1}, {10, 1}, {60, 0.505}, {110, 0.01}, {500, 0.01}} {
		if got := CosineSchedule(c.step, 110, 10, 1, 0.01); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("step %d: rate %g, want %g", c.step, got, c.want)
		}
	}
}

// BenchmarkGRU is the trainer's inner loop: 6 sequences of 375 frames.
func BenchmarkGRU(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	const lanes, steps, width = 6, 375, 256
	g := NewGRU("g", width, width, rng)
	x, dy := randomMat(lanes*steps, width, rng), randomMat(lanes*steps, width, rng)
	g.Reset(lanes)
	b.Run("forward", func(b *testing.B) {
		for b.Loop() {
			g.Forward(x)
		}
		reportFrames(b, lanes*steps)
	})
	b.Run("backward", func(b *testing.B) {
		g.Forward(x)
		for b.Loop() {
			g.Backward(dy)
		}
		reportFrames(b, lanes*steps)
	})
}

func reportFrames(b *testing.B, frames int) {
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*frames), "us/frame")
}
