package dict

import (
	"math"

	"sotto/internal/nn"
)

// updateBlock is how many frames one set of matrix products covers. The
// model's spectra of a block stay in the cache between their uses.
const updateBlock = 1024

// fit holds what the multiplicative updates share. With data X (a frame per
// row), activations H and L = H W', beta the divergence's exponent,
//
//	Q = X o L^(beta-2),   P = L^(beta-1),
//	H <- H o (Q W) / (P W + mu),   W <- W o (Q'H) / (P'H)
//
// (ALGORITHMS 3.1 and 3.2 transposed), floored so that nothing divides by zero.
type fit struct {
	div     Divergence
	frames  *Frames
	scale   float64
	w       nn.Mat
	mu      float64
	sparse  []float32 // mu for each atom, which weighs atoms as if of unit L2 norm
	colW    []float32
	workers [defaultWorkers]fitWorker
}

// fitWorker holds one worker's buffers, and its sums over frames for the
// update of W.
type fitWorker struct {
	x, l, p    nn.Mat
	num, den   nn.Mat
	sumQ, sumP nn.Mat // Q'H and P'H, bins x rank
	active     []float64
	stats      Stats
}

func newFit(div Divergence, frames *Frames, scale float64, w nn.Mat, mu float64) *fit {
	return &fit{div: div, frames: frames, scale: scale, w: w, mu: mu, sparse: make([]float32, w.Cols), colW: make([]float32, w.Cols)}
}

// prepare computes what depends on W alone.
func (f *fit) prepare() {
	norms := columnNorms(f.w)
	for k := range f.sparse {
		f.sparse[k] = float32(f.mu * norms[k])
	}
	clear(f.colW)
	for i := range f.w.Rows {
		for k, v := range f.w.Row(i) {
			f.colW[k] += v
		}
	}
}

// sweep updates the activations of all frames and gathers the sums that
// updateAtoms needs. With measure it returns the objective's terms, taken
// between the two updates, where they cost one pass over L.
func (f *fit) sweep(h nn.Mat, measure bool) Stats {
	f.prepare()
	for i := range f.workers {
		if wk := &f.workers[i]; wk.active == nil {
			wk.sumQ, wk.sumP = nn.NewMat(f.w.Rows, f.w.Cols), nn.NewMat(f.w.Rows, f.w.Cols)
			wk.active = make([]float64, f.w.Cols)
		}
	}
	f.forBlocks(h, func(wk *fitWorker, h nn.Mat) {
		f.updateActivations(wk, h)
		f.model(wk, h)
		if measure {
			wk.measure(f, h)
		}
		f.ratios(wk)
		wk.gather(f, h)
	})
	var s Stats
	n := float64(f.frames.Count)
	active := make([]float64, f.w.Cols)
	for i := range f.workers {
		wk := &f.workers[i]
		s.Reconstruction += wk.stats.Reconstruction / n
		s.Penalty += wk.stats.Penalty / n
		for k, v := range wk.active {
			active[k] += v
		}
		wk.stats = Stats{}
		clear(wk.active)
	}
	for _, v := range active {
		if measure && v <= floor*n {
			s.DeadAtoms++
		}
	}
	s.Objective = s.Reconstruction + s.Penalty
	return s
}

// encode updates the activations alone.
func (f *fit) encode(h nn.Mat, iterations int) {
	f.prepare()
	f.forBlocks(h, func(wk *fitWorker, h nn.Mat) {
		for range iterations {
			f.updateActivations(wk, h)
		}
	})
}

// forBlocks calls fn for every block of frames with the block's scaled data in
// the worker's x.
func (f *fit) forBlocks(h nn.Mat, fn func(wk *fitWorker, h nn.Mat)) {
	parallel(len(f.workers), f.frames.Count, func(i, from, to int) {
		wk := &f.workers[i]
		for start := from; start < to; start += updateBlock {
			end := min(start+updateBlock, to)
			wk.x = wk.x.Resize(end-start, f.frames.Bins)
			inv := float32(1 / f.scale)
			for i, v := range f.frames.Data[start*f.frames.Bins : end*f.frames.Bins] {
				wk.x.Data[i] = v * inv
			}
			fn(wk, h.Slice(start, end))
		}
	})
}

// model sets l to the model's spectra, floored.
func (f *fit) model(wk *fitWorker, h nn.Mat) {
	wk.l = wk.l.Resize(h.Rows, f.frames.Bins)
	nn.Gemm(nn.NoTrans, nn.T, 1, h, f.w, 0, wk.l)
	for i, v := range wk.l.Data {
		wk.l.Data[i] = max(v, floor)
	}
}

// ratios turns l into Q and sets p to P; for KL, where P is all ones, p is
// left alone, and for Frobenius Q is the data themselves.
func (f *fit) ratios(wk *fitWorker) {
	l, x := wk.l.Data, wk.x.Data
	switch f.div {
	case KL:
		for i, v := range x {
			l[i] = v / l[i]
		}
	case Frobenius:
		wk.p = wk.p.Resize(wk.l.Rows, wk.l.Cols)
		copy(wk.p.Data, l)
		copy(l, x)
	case ItakuraSaito:
		wk.p = wk.p.Resize(wk.l.Rows, wk.l.Cols)
		for i, v := range x {
			r := 1 / l[i]
			wk.p.Data[i] = r
			l[i] = max(v, floor) * r * r
		}
	}
}

// updateActivations makes one step of H for the worker's block.
func (f *fit) updateActivations(wk *fitWorker, h nn.Mat) {
	f.model(wk, h)
	f.ratios(wk)
	wk.num = wk.num.Resize(h.Rows, h.Cols)
	nn.Gemm(nn.NoTrans, nn.NoTrans, 1, wk.l, f.w, 0, wk.num)
	if f.div == KL {
		for i := range h.Rows {
			row, num := h.Row(i), wk.num.Row(i)
			for k, c := range f.colW {
				row[k] *= num[k] / max(c+f.sparse[k], floor)
			}
		}
		return
	}
	wk.den = wk.den.Resize(h.Rows, h.Cols)
	nn.Gemm(nn.NoTrans, nn.NoTrans, 1, wk.p, f.w, 0, wk.den)
	for i := range h.Rows {
		row, num, den := h.Row(i), wk.num.Row(i), wk.den.Row(i)
		for k, s := range f.sparse {
			row[k] *= f.step(num[k], den[k]+s)
		}
	}
}

// step returns the factor of an update. For Itakura-Saito it is the square root
// of the ratio: the exponent 1/(2-beta) is what majorisation proves monotone
// below beta = 1 (Fevotte and Idier 2011), while the plain ratio may overshoot.
func (f *fit) step(num, den float32) float32 {
	r := num / max(den, floor)
	if f.div == ItakuraSaito {
		return float32(math.Sqrt(float64(r)))
	}
	return r
}

// gather adds Q'H and P'H of the block.
func (wk *fitWorker) gather(f *fit, h nn.Mat) {
	nn.Gemm(nn.T, nn.NoTrans, 1, wk.l, h, 1, wk.sumQ)
	if f.div != KL {
		nn.Gemm(nn.T, nn.NoTrans, 1, wk.p, h, 1, wk.sumP)
		return
	}
	// P is all ones: the first row holds the sums of H, and updateAtoms spreads it.
	sum := wk.sumP.Row(0)
	for i := range h.Rows {
		for k, v := range h.Row(i) {
			sum[k] += v
		}
	}
}

// measure adds the block's part of the objective.
func (wk *fitWorker) measure(f *fit, h nn.Mat) {
	wk.stats.Reconstruction += f.div.Value(wk.x.Data, wk.l.Data)
	for i := range h.Rows {
		for k, v := range h.Row(i) {
			wk.active[k] += float64(v)
			wk.stats.Penalty += float64(f.sparse[k]) * float64(v)
		}
	}
}

// updateAtoms makes one step of W from the gathered sums and clears them.
func (f *fit) updateAtoms() {
	q, p := &f.workers[0].sumQ, &f.workers[0].sumP
	for i := 1; i < len(f.workers); i++ {
		wk := &f.workers[i]
		for j, v := range wk.sumQ.Data {
			q.Data[j] += v
			p.Data[j] += wk.sumP.Data[j]
		}
		wk.sumQ.Zero()
		wk.sumP.Zero()
	}
	if f.div == KL {
		for i := 1; i < p.Rows; i++ {
			copy(p.Row(i), p.Row(0))
		}
	}
	if f.mu > 0 {
		f.normalised(q, p)
	}
	for i, v := range f.w.Data {
		f.w.Data[i] = v * f.step(q.Data[i], p.Data[i])
	}
	if f.mu > 0 {
		unitL2(f.w)
	}
	q.Zero()
	p.Zero()
}

// normalised turns the sums of the plain update into those of the update for
// atoms of unit L2 norm (ALGORITHMS 3.2):
//
//	Q + W o (1 1'(P o W)),   P + W o (1 1'(Q o W))
func (f *fit) normalised(q, p *nn.Mat) {
	pw, qw := make([]float64, f.w.Cols), make([]float64, f.w.Cols)
	for i := range f.w.Rows {
		row, qr, pr := f.w.Row(i), q.Row(i), p.Row(i)
		for k, v := range row {
			pw[k] += float64(pr[k] * v)
			qw[k] += float64(qr[k] * v)
		}
	}
	for i := range f.w.Rows {
		row, qr, pr := f.w.Row(i), q.Row(i), p.Row(i)
		for k, v := range row {
			qr[k] += v * float32(pw[k])
			pr[k] += v * float32(qw[k])
		}
	}
}
