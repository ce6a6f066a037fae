package dict

import (
	"testing"

	"sotto/internal/nn"
)

// BenchmarkVAEStep is one optimiser step at the size of a speech dictionary:
// 256 frames of 257 bins, 256 atoms.
func BenchmarkVAEStep(b *testing.B) {
	frames := mixture(257, 2048, 40, 1)
	cfg := VAEConfig{Rank: 256}.withDefaults()
	v := newVAE(frames, cfg)
	rows := make([]int, cfg.Batch)
	for i := range rows {
		rows[i] = i * 7
	}
	step := 0
	for b.Loop() {
		v.gradients(rows, 1, uint64(step))
		v.opt.Step(1e-3, v.rate)
		v.toW()
		step++
	}
	b.ReportMetric(float64(b.N*len(rows))/b.Elapsed().Seconds(), "frames/s")
}

// BenchmarkSample is the Gamma sampler with its gradients, on one core.
func BenchmarkSample(b *testing.B) {
	l := newLatents()
	r, levels := nn.NewMat(256, 512), make([]float32, 256)
	for i := range levels {
		levels[i] = 1
	}
	for b.Loop() {
		l.sample(r, levels, Prior{1, 1}, 1, 1, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*256*256), "ns/latent")
}

// BenchmarkNMFIteration is one iteration of KL-NMF over 8192 frames of 257 bins
// with 256 atoms.
func BenchmarkNMFIteration(b *testing.B) {
	frames := mixture(257, 8192, 40, 1)
	w, h := nn.NewMat(257, 256), nn.NewMat(frames.Count, 256)
	for i := range w.Data {
		w.Data[i] = 1 + float32(i%97)
	}
	for i := range h.Data {
		h.Data[i] = 1 + float32(i%89)
	}
	f := newFit(KL, frames, 1, w, 0)
	for b.Loop() {
		f.sweep(h, false)
		f.updateAtoms()
	}
	b.ReportMetric(float64(b.N*frames.Count)/b.Elapsed().Seconds(), "frames/s")
}
