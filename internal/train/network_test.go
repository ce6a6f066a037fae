package train

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/enhance"
	"sotto/internal/nn"
)

const testBins = 9

func testBasis(rank int, rng *rand.Rand) *enhance.Basis {
	b := &enhance.Basis{Bins: testBins, Rank: rank, W: make([]float32, testBins*rank)}
	for i := range b.W {
		b.W[i] = rng.Float32() / testBins * 2
	}
	return b
}

const testLowBins = 4

func testNetwork(exponent float64, refine bool, taps int, rng *rand.Rand) *network {
	shape := NetShape{Hidden: 6, Layers: 2, Refine: refine, FilterTaps: taps, FilterBins: testLowBins}
	n := newNetwork(shape, 5, testBasis(4, rng), testBasis(3, rng), exponent, rng)
	n.setLanes(2)
	for _, stage := range []*nn.Dense{n.refine, n.filter} {
		if stage == nil {
			continue
		}
		for i := range stage.W.Value {
			stage.W.Value[i] = 0.3 * (rng.Float32() - 0.5)
		}
	}
	return n
}

func testBatch(lanes, frames int, rng *rand.Rand) *batch {
	b := &batch{}
	b.resize(lanes, frames, 5, testBins, testLowBins, 0, false, false)
	filler := newTargetFiller(DefaultLoss(), testBins, 800)
	y, s := make([]complex64, testBins), make([]complex64, testBins)
	for row := range lanes * frames {
		for i := range b.features.Row(row) {
			b.features.Row(row)[i] = float32(rng.NormFloat64())
		}
		for k := range y {
			s[k] = complex(float32(rng.NormFloat64()), float32(rng.NormFloat64()))
			y[k] = s[k] + complex(float32(rng.NormFloat64()), float32(rng.NormFloat64()))
		}
		b.scales[row%lanes].add(filler.fill(b.targetRow(row, testBins), b.lowRow(row), nil, nil, y, s))
	}
	return b
}

// TestMaskGradients takes the whole chain, from the loss through the mask, the
// dictionaries and the recurrent layers, against finite differences.
func TestMaskGradients(t *testing.T) {
	for _, c := range []struct {
		name     string
		exponent float64
		refine   bool
		taps     int
	}{{"wiener", 2, false, 0}, {"magnitude", 1, false, 0}, {"between", 1.5, false, 0}, {"refined", 2, true, 0}, {"filtered", 2, true, 3}} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			n, b := testNetwork(c.exponent, c.refine, c.taps, rng), testBatch(2, 7, rng)
			l := newMaskLoss(DefaultLoss(), testBins, 800, 8*time.Millisecond)
			loss := func() float64 {
				n.setLanes(2)
				n.speech.refresh()
				n.noise.refresh()
				terms, _, _ := l.gradient(b, n.mask(b.features), n.coefficients())
				return terms.Total
			}
			loss()
			_, dg, dc := l.gradient(b, n.gain, n.coefficients())
			n.maskBackward(dg, dc, true)
			for _, p := range n.params() {
				checkParam(t, p, loss)
			}
		})
	}
}

// checkParam compares up to 25 gradients of p with central differences.
func checkParam(t *testing.T, p *nn.Param, loss func() float64) {
	t.Helper()
	var scale float64
	for _, g := range p.Grad {
		scale = math.Max(scale, math.Abs(float64(g)))
	}
	for i := 0; i < len(p.Value); i += max(1, len(p.Value)/25) {
		const eps = 5e-3
		keep := p.Value[i]
		p.Value[i] = keep + eps
		up := loss()
		p.Value[i] = keep - eps
		down := loss()
		p.Value[i] = keep
		want := (up - down) / (2 * eps)
		if diff := math.Abs(float64(p.Grad[i]) - want); diff > 0.02*scale+2e-4 {
			t.Errorf("%s[%d]: gradient %.6f, finite difference %.6f", p.Name, i, p.Grad[i], want)
		}
	}
}

// TestLossIsTheFormula compares the loss of a few masks with a direct evaluation
// of the compressed error and of the SI-SDR.
func TestLossIsTheFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const frames = 4
	var y, s [frames * testBins]complex128
	b := &batch{}
	b.resize(1, frames, 5, testBins, testLowBins, 0, false, false)
	cfg := DefaultLoss()
	weights := cfg.binWeights(testBins, 800)
	filler := newTargetFiller(cfg, testBins, 800)
	noisy, voice := make([]complex64, testBins), make([]complex64, testBins)
	g := nn.NewMat(frames, testBins)
	for row := range frames {
		for k := range testBins {
			i := row*testBins + k
			s[i] = complex(rng.NormFloat64(), rng.NormFloat64())
			y[i] = s[i] + complex(rng.NormFloat64(), rng.NormFloat64())
			voice[k], noisy[k] = complex64(s[i]), complex64(y[i])
			g.Data[i] = 0.1 + 0.8*rng.Float32()
		}
		b.scales[0].add(filler.fill(b.targetRow(row, testBins), b.lowRow(row), nil, nil, noisy, voice))
	}
	terms, _, _ := newMaskLoss(cfg, testBins, 800, 8*time.Millisecond).gradient(b, g, nn.Mat{})

	// A filter of zeros is none.
	same, dg, _ := newMaskLoss(cfg, testBins, 800, 8*time.Millisecond).gradient(b, g, nn.NewMat(frames, 2*3*testLowBins))
	_, want, _ := newMaskLoss(cfg, testBins, 800, 8*time.Millisecond).gradient(b, g, nn.Mat{})
	if math.Abs(same.Total-terms.Total) > 1e-5 {
		t.Errorf("with a filter of zeros the loss is %.7f, want %.7f", same.Total, terms.Total)
	}
	for i, v := range want.Data {
		if math.Abs(float64(dg.Data[i]-v)) > 1e-5 {
			t.Fatalf("with a filter of zeros the gradient of gain %d is %g, want %g", i, dg.Data[i], v)
		}
	}

	var num, ref, refNoisy, cross, clean, out float64
	compress := func(z complex128) complex128 {
		a := math.Hypot(real(z), imag(z))
		return z * complex(math.Pow(a, Compress-1), 0)
	}
	for i := range y {
		w := float64(weights[i%testBins])
		est := complex(float64(g.Data[i]), 0) * y[i]
		a, c := compress(est), compress(s[i])
		d := a - c
		mag := math.Hypot(real(a), imag(a)) - math.Hypot(real(c), imag(c))
		// What the real part along the noisy phase lacks counts once more.
		dot := (real(c)*real(y[i]) + imag(c)*imag(y[i])) / math.Hypot(real(y[i]), imag(y[i]))
		match := cfg.Complex*dot + (1-cfg.Complex)*math.Hypot(real(c), imag(c))
		lack := math.Max(match-math.Hypot(real(a), imag(a)), 0)
		num += w * (cfg.Missing*lack*lack + cfg.Complex*(real(d)*real(d)+imag(d)*imag(d)) + (1-cfg.Complex)*mag*mag)
		ref += w * (real(c)*real(c) + imag(c)*imag(c))
		n := compress(y[i])
		refNoisy += w * (real(n)*real(n) + imag(n)*imag(n))
		cross += real(est)*real(s[i]) + imag(est)*imag(s[i])
		clean += real(s[i])*real(s[i]) + imag(s[i])*imag(s[i])
		out += real(est)*real(est) + imag(est)*imag(est)
	}
	if want := num / (ref + 0.1*refNoisy); math.Abs(terms.Compressed-want) > 1e-4 {
		t.Errorf("compressed error %.6f, want %.6f", terms.Compressed, want)
	}
	wanted := cross * cross / clean
	if want := 10 * math.Log10(wanted/(out-wanted+sisdrFloor*clean)); math.Abs(terms.SISDR-want) > 1e-3 {
		t.Errorf("SI-SDR %.5f dB, want %.5f", terms.SISDR, want)
	}
}

func TestRegressionGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	r := &regression{energy: []float32{0.5, 2, 1, 0.5}}
	h, target := make([]float32, 4), make([]float32, 4)
	for i := range h {
		h[i], target[i] = 0.1+rng.Float32(), rng.Float32()
	}
	d := make([]float32, 4)
	loss := func() float64 { e, _ := r.row(h, target, make([]float32, 4), r.energy); return e }
	r.row(h, target, d, r.energy)
	for i := range h {
		const eps = 1e-3
		keep := h[i]
		h[i] = keep + eps
		up := loss()
		h[i] = keep - eps
		down := loss()
		h[i] = keep
		if want := (up - down) / (2 * eps); math.Abs(float64(d[i])-want) > 1e-2*(1+math.Abs(want)) {
			t.Errorf("activation %d: gradient %g, finite difference %g", i, d[i], want)
		}
	}
}

func TestInverseSoftplus(t *testing.T) {
	for _, v := range []float32{1e-8, 1e-4, 0.1, 1, 30, 300} {
		d := newDictionary("w", &enhance.Basis{Bins: 1, Rank: 1, W: []float32{v}})
		if got := d.w.Data[0]; math.Abs(float64(got/v)-1) > 1e-4 {
			t.Errorf("softplus(inverse(%g)) = %g", v, got)
		}
	}
}
