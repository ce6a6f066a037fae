package train

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"sotto/enhance"
	"sotto/internal/corpus"
	"sotto/internal/fastmath"
	"sotto/internal/nn"
	"sotto/stft"
)

// Names among the parameters: the dictionaries, and what those of the stage after
// the mask begin with.
const (
	speechName = "speech.U"
	noiseName  = "noise.U"
	refineName = "refine"
	filterName = "filter"
)

// export builds a model from the averaged weights, rounded as the file holds them,
// so that validation scores what is saved.
func (t *netTrainer) export() *enhance.Model {
	t.ema.Swap(t.params)
	defer t.ema.Swap(t.params)
	m := &enhance.Model{
		Name: t.in.Name, Grid: t.cfg.Grid, Features: t.spec,
		Speech: t.net.speech.basis(), Noise: t.net.noise.basis(),
		Network:  enhance.Network{In: denseOf(t.net.in), Out: denseOf(t.net.out)},
		Exponent: float32(t.cfg.Exponent), Meta: maps.Clone(t.in.Meta),
	}
	for _, g := range t.net.gru {
		m.Network.GRU = append(m.Network.GRU, enhance.GRU{
			In: g.In, Hidden: g.Hidden,
			WeightIH: slices.Clone(g.WeightIH.Value), WeightHH: slices.Clone(g.WeightHH.Value),
			BiasIH: slices.Clone(g.BiasIH.Value), BiasHH: slices.Clone(g.BiasHH.Value),
		})
	}
	if t.net.refine != nil {
		d := denseOf(t.net.refine)
		m.Refine = &d
	}
	if t.net.filter != nil {
		m.Filter = &enhance.Filter{Taps: t.cfg.Shape.FilterTaps, Bins: t.cfg.Shape.FilterBins, Head: denseOf(t.net.filter)}
	}
	m.Round()
	if m.Meta == nil {
		m.Meta = map[string]string{}
	}
	m.Meta["hours"] = strconv.FormatFloat(float64(t.step)*t.cfg.batchHours(), 'f', 1, 64)
	m.Meta["seed"] = strconv.FormatUint(t.cfg.Seed, 10)
	m.Meta["mix seed"] = strconv.FormatUint(t.cfg.MixtureSeed(), 10)
	return m
}

func denseOf(d *nn.Dense) enhance.Dense {
	return enhance.Dense{In: d.In, Out: d.Out, Weight: slices.Clone(d.W.Value), Bias: slices.Clone(d.B.Value)}
}

// basis returns W = softplus(U) as the model holds it.
func (d *dictionary) basis() *enhance.Basis {
	b := &enhance.Basis{Bins: d.u.Rows, Rank: d.u.Cols, W: make([]float32, len(d.u.Value))}
	fastmath.SoftplusTo(b.W, d.u.Value)
	return b
}

// startFrom copies the weights of a model into the network and takes over its
// features' statistics, which the weights belong to. Stages, cues and recurrent
// layers that the model lacks begin by doing nothing.
func (t *netTrainer) startFrom(m *enhance.Model) error {
	if have, want := len(m.Network.GRU), len(t.net.gru); have > want {
		return fmt.Errorf("train: the starting model has %d recurrent layers: expected at most the network's %d", have, want)
	}
	values := map[string][]float32{
		"net.in.weight": t.widened(m), "net.in.bias": m.Network.In.Bias,
		"net.out.weight": m.Network.Out.Weight, "net.out.bias": m.Network.Out.Bias,
		speechName: inverse(m.Speech.W), noiseName: inverse(m.Noise.W),
	}
	for l, g := range m.Network.GRU {
		name := fmt.Sprintf("net.gru.%d", l)
		values[name+".weight_ih"], values[name+".weight_hh"] = g.WeightIH, g.WeightHH
		values[name+".bias_ih"], values[name+".bias_hh"] = g.BiasIH, g.BiasHH
	}
	if m.Refine != nil {
		values["refine.weight"], values["refine.bias"] = m.Refine.Weight, m.Refine.Bias
	}
	if m.Filter != nil {
		values["filter.weight"], values["filter.bias"] = m.Filter.Head.Weight, m.Filter.Head.Bias
	}
	for _, g := range t.net.gru[len(m.Network.GRU):] {
		g.Silence()
		for _, p := range g.Params() {
			values[p.Name] = p.Value
		}
	}
	for _, p := range t.net.params() {
		v, ok := values[p.Name]
		if !ok && isStage(p.Name) {
			continue
		}
		if len(v) != len(p.Value) {
			return fmt.Errorf("train: the starting model has %d values of %s: expected %d; choose the shape it was trained with", len(v), p.Name, len(p.Value))
		}
		copy(p.Value, v)
	}
	t.net.speech.refresh()
	t.net.noise.refresh()
	copy(t.spec.Mean, m.Features.Mean)
	copy(t.spec.Std, m.Features.Std)
	t.spec.Edges, t.spec.Tau = m.Features.Edges, m.Features.Tau
	return nil
}

// widened returns the weights of m's input layer with zeros for the cues that m
// does not have, or as they are if they are of another kind.
func (t *netTrainer) widened(m *enhance.Model) []float32 {
	in, want := &m.Network.In, t.net.in.In
	if in.In != m.Features.Bands() || in.In != t.spec.Bands() || in.Out != t.net.in.Out {
		return in.Weight
	}
	w := make([]float32, in.Out*want)
	for i := range in.Out {
		copy(w[i*want:], in.Weight[i*in.In:(i+1)*in.In])
	}
	return w
}

func inverse(w []float32) []float32 {
	u := make([]float32, len(w))
	for i, v := range w {
		u[i] = inverseSoftplus(v)
	}
	return u
}

// statisticsMixtures is how many mixtures the features' statistics are taken
// from: with 3 s each, 13 minutes, far more than 292 means and deviations need.
const statisticsMixtures = 256

// measureFeatures returns spec with the mean and the standard deviation of each
// feature over mixtures of the source. The mixtures come from the far end of the
// numbering, which training does not reach.
func measureFeatures(src Source, grid enhance.Grid, spec enhance.FeatureSpec) (enhance.FeatureSpec, error) {
	cfg := grid.At(grid.SampleRate)
	analyzer, err := stft.NewAnalyzer(cfg)
	if err != nil {
		return spec, fmt.Errorf("train: %w", err)
	}
	var (
		features    = enhance.NewFeatures(spec, grid.Hop)
		spectrum    = make([]complex64, grid.Bins())
		values      = make([]float32, spec.Inputs())
		sum, square = make([]float64, spec.Inputs()), make([]float64, spec.Inputs())
		mixture     corpus.Mixture
		count       float64
	)
	hop := cfg.HopSize()
	for i := range uint64(statisticsMixtures) {
		src.Mix(1<<40+i, &mixture)
		analyzer.Reset()
		features.Reset()
		for at := 0; at+hop <= len(mixture.Noisy); at += hop {
			features.Relative(values, analyzer.Analyze(spectrum, mixture.Noisy[at:at+hop]))
			for b, v := range values {
				sum[b] += float64(v)
				square[b] += float64(v) * float64(v)
			}
			count++
		}
	}
	spec.Mean, spec.Std = make([]float32, len(sum)), make([]float32, len(sum))
	for b := range sum {
		mean := sum[b] / count
		spec.Mean[b] = float32(mean)
		spec.Std[b] = float32(math.Sqrt(max(square[b]/count-mean*mean, 1e-2)))
	}
	return spec, nil
}
