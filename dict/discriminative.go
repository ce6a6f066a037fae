package dict

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"sotto/internal/nn"
)

// DiscriminativeConfig configures [Discriminative]; zero fields take the values
// in brackets.
type DiscriminativeConfig struct {
	// Iterations of both dictionaries [50].
	Iterations int
	// Analysis is how activations are found in the mixture [KL, 50 iterations].
	// Use the same when the dictionaries are applied.
	Analysis EncodeConfig
	// ReportEvery is the number of iterations between reports [1].
	ReportEvery int
}

// Join returns the dictionary that has the atoms of a, then those of b: the
// model of a mixture. It has a's scale and no encoder. Different numbers of
// bins panic.
func Join(a, b *Dictionary) *Dictionary {
	if a.Bins != b.Bins {
		panic(fmt.Sprintf("dict: joining atoms of %d and of %d bins", a.Bins, b.Bins))
	}
	d := &Dictionary{Bins: a.Bins, Rank: a.Rank + b.Rank, Scale: a.Scale, Meta: map[string]string{"method": "joined"}}
	for j := range a.Bins {
		d.W = append(d.W, a.W[j*a.Rank:(j+1)*a.Rank]...)
		d.W = append(d.W, b.W[j*b.Rank:(j+1)*b.Rank]...)
	}
	return d
}

// Discriminative learns reconstruction dictionaries for a mask (Weninger et
// al., Interspeech 2014; the updates are ALGORITHMS 3.4). Activations of the
// mixture are found once with the analysis dictionaries given; then the atoms
// that turn them into the Wiener mask are changed to minimise
//
//	|| S - M o L1/(L1+L2) ||^2,   L1 = W1 H1,  L2 = W2 H2
//
// where target S and mixture M are magnitudes of the same frames. The objective
// never rises.
//
// The results belong to activations of the analysis dictionaries: use Encode of
// the joined speech and noise, then the results' W. Their atoms keep the norms
// that the mask needs and are not of unit norm. Stats.Reconstruction is the
// objective per frame, for a mixture of mean 1.
func Discriminative(ctx context.Context, target, mix *Frames, speech, noise *Dictionary, cfg DiscriminativeConfig, report func(Stats)) (reconSpeech, reconNoise *Dictionary, err error) {
	setDefault(&cfg.Iterations, 50)
	setDefault(&cfg.ReportEvery, 1)
	if err := checkPair(target, mix, speech, noise); err != nil {
		return nil, nil, err
	}
	m := &mask{target: target, mix: mix, scale: mix.Mean()}
	joined := Join(speech, noise)
	joined.Scale = m.scale
	all := nn.Mat{Rows: mix.Count, Cols: joined.Rank, Data: joined.Encode(nil, mix, cfg.Analysis)}
	for i, d := range []*Dictionary{speech, noise} {
		m.w[i] = nn.Mat{Rows: d.Bins, Cols: d.Rank, Data: append([]float32(nil), d.W...)}
		m.h[i] = columns(all, i*speech.Rank, d.Rank, 1/m.scale)
	}
	for i := range cfg.Iterations {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		value := m.update(0)
		m.update(1)
		if report != nil && ((i+1)%cfg.ReportEvery == 0 || i+1 == cfg.Iterations) {
			value /= float64(mix.Count)
			report(Stats{
				Step: i + 1, Steps: cfg.Iterations, Objective: value, Reconstruction: value,
				MinW: min(minimum(m.w[0].Data), minimum(m.w[1].Data)),
			})
		}
	}
	return m.result(0, speech, cfg), m.result(1, noise, cfg), nil
}

func checkPair(target, mix *Frames, speech, noise *Dictionary) error {
	if err := target.check(); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if err := mix.check(); err != nil {
		return fmt.Errorf("mixture: %w", err)
	}
	if target.Count != mix.Count || target.Bins != mix.Bins {
		return fmt.Errorf("dict: target of %d x %d and mixture of %d x %d values: want the same frames",
			target.Count, target.Bins, mix.Count, mix.Bins)
	}
	if speech.Bins != mix.Bins || noise.Bins != mix.Bins {
		return fmt.Errorf("dict: dictionaries of %d and %d bins, want %d as the frames have", speech.Bins, noise.Bins, mix.Bins)
	}
	return nil
}

// columns copies some columns of m, multiplied by scale.
func columns(m nn.Mat, from, count int, scale float64) nn.Mat {
	out := nn.NewMat(m.Rows, count)
	for i := range m.Rows {
		for k, v := range m.Row(i)[from : from+count] {
			out.Row(i)[k] = v * float32(scale)
		}
	}
	return out
}

// mask is the state of a discriminative fit: index 0 is the target's side,
// index 1 the noise's.
type mask struct {
	target, mix *Frames
	scale       float64
	w, h        [2]nn.Mat
	workers     [defaultWorkers]maskWorker
}

type maskWorker struct {
	l        [2]nn.Mat
	num, den nn.Mat // bins x rank of the side that is updated
	value    float64
}

// update makes one step of a side's atoms with the other's fixed and returns
// the objective before it.
func (m *mask) update(side int) float64 {
	rank := m.w[side].Cols
	parallel(len(m.workers), m.mix.Count, func(i, from, to int) {
		wk := &m.workers[i]
		wk.value = 0
		wk.num, wk.den = wk.num.Resize(m.mix.Bins, rank), wk.den.Resize(m.mix.Bins, rank)
		wk.num.Zero()
		wk.den.Zero()
		for start := from; start < to; start += updateBlock {
			end := min(start+updateBlock, to)
			wk.block(m, side, start, end)
			h := m.h[side].Slice(start, end)
			nn.Gemm(nn.T, nn.NoTrans, 1, wk.l[0], h, 1, wk.num)
			nn.Gemm(nn.T, nn.NoTrans, 1, wk.l[1], h, 1, wk.den)
		}
	})
	var value float64
	for i := range m.workers {
		value += m.workers[i].value
	}
	for j := range m.w[side].Data {
		var num, den float32
		for i := range m.workers {
			if wk := &m.workers[i]; len(wk.num.Data) > 0 {
				num, den = num+wk.num.Data[j], den+wk.den.Data[j]
			}
		}
		m.w[side].Data[j] *= num / max(den, floor)
	}
	return value
}

// block sets l to the two matrices whose products with H are the update's
// numerator and denominator, for frames start..end-1, and adds their part of
// the objective:
//
//	target's side:  M o S o L2/L^2   and  M^2 o L1 o L2/L^3
//	noise's side:   M^2 o L1^2/L^3   and  M o S o L1/L^2
func (wk *maskWorker) block(m *mask, side, start, end int) {
	for i := range wk.l {
		wk.l[i] = wk.l[i].Resize(end-start, m.mix.Bins)
		nn.Gemm(nn.NoTrans, nn.T, 1, m.h[i].Slice(start, end), m.w[i], 0, wk.l[i])
	}
	from, to := start*m.mix.Bins, end*m.mix.Bins
	target, mix := m.target.Data[from:to], m.mix.Data[from:to]
	inv := 1 / m.scale
	for i, l1 := range wk.l[0].Data {
		l2 := wk.l[1].Data[i]
		s, x := float64(target[i])*inv, float64(mix[i])*inv
		l := max(float64(l1)+float64(l2), floor)
		g1, g2 := float64(l1)/l, float64(l2)/l
		e := s - x*g1
		wk.value += e * e
		num, den := x*s*g2/l, x*x*g1*g2/l
		if side == 1 {
			num, den = x*x*g1*g1/l, x*s*g1/l
		}
		wk.l[0].Data[i], wk.l[1].Data[i] = float32(num), float32(den)
	}
}

// result wraps a side's atoms.
func (m *mask) result(side int, from *Dictionary, cfg DiscriminativeConfig) *Dictionary {
	d := &Dictionary{W: m.w[side].Data, Bins: from.Bins, Rank: from.Rank, Scale: m.scale, Meta: map[string]string{}}
	maps.Copy(d.Meta, from.Meta)
	d.Meta["method"] = "discriminative nmf"
	d.Meta["iterations"] = strconv.Itoa(cfg.Iterations)
	d.Meta["frames"] = strconv.Itoa(m.mix.Count)
	return d
}
