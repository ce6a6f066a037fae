package nn

import "math"

// AdamWConfig holds the optimiser's settings; zero fields take the values in
// brackets.
type AdamWConfig struct {
	// Beta1 and Beta2 are the moments' forgetting factors [0.9 and 0.999, Kingma
	// and Ba 2015].
	Beta1, Beta2 float64
	// Eps keeps the division finite [1e-8].
	Eps float64
	// WeightDecay is the decoupled decay per unit of learning rate (Loshchilov
	// and Hutter 2019) [none].
	WeightDecay float64
}

// AdamW is Adam with decoupled weight decay.
type AdamW struct {
	cfg    AdamWConfig
	params []*Param
	// M and V are the first and second moments, one slice a parameter, and Steps
	// is how many steps each has seen: fewer for one that was frozen, whose
	// moments are as young when it thaws as the others' were at the start. They
	// are exported so that a checkpoint can hold them.
	M, V  [][]float32
	Steps []int
}

// NewAdamW returns an optimiser of params with zero moments.
func NewAdamW(params []*Param, cfg AdamWConfig) *AdamW {
	if cfg.Beta1 == 0 {
		cfg.Beta1 = 0.9
	}
	if cfg.Beta2 == 0 {
		cfg.Beta2 = 0.999
	}
	if cfg.Eps == 0 {
		cfg.Eps = 1e-8
	}
	a := &AdamW{cfg: cfg, params: params, Steps: make([]int, len(params))}
	for _, p := range params {
		a.M = append(a.M, make([]float32, len(p.Value)))
		a.V = append(a.V, make([]float32, len(p.Value)))
	}
	return a
}

// Step moves every parameter along its gradient with learning rate lr. A
// parameter's own rate can be lowered by scale, a factor by parameter name; nil
// means 1 for all, and 0 freezes.
func (a *AdamW) Step(lr float64, scale func(name string) float64) {
	b1, b2 := float32(a.cfg.Beta1), float32(a.cfg.Beta2)
	eps := float32(a.cfg.Eps)
	for i, p := range a.params {
		rate := lr
		if scale != nil {
			rate *= scale(p.Name)
		}
		if rate == 0 {
			continue
		}
		a.Steps[i]++
		c1 := 1 - math.Pow(a.cfg.Beta1, float64(a.Steps[i]))
		c2 := float32(1 / math.Sqrt(1-math.Pow(a.cfg.Beta2, float64(a.Steps[i]))))
		step := float32(rate / c1)
		keep := float32(1)
		if p.Decay {
			keep = float32(1 - rate*a.cfg.WeightDecay)
		}
		m, v, w := a.M[i], a.V[i], p.Value
		for j, g := range p.Grad {
			m[j] += (1 - b1) * (g - m[j])
			v[j] += (1 - b2) * (g*g - v[j])
			w[j] = keep*w[j] - step*m[j]/(sqrt32(v[j])*c2+eps)
		}
	}
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// CosineSchedule returns the learning rate at step of total: a linear warm-up
// over warm steps to peak, then half a cosine down to floor (Loshchilov and
// Hutter 2017, without restarts).
func CosineSchedule(step, total, warm int, peak, floor float64) float64 {
	if step < warm {
		return peak * float64(step+1) / float64(warm)
	}
	if step >= total {
		return floor
	}
	x := float64(step-warm) / float64(max(total-warm, 1))
	return floor + (peak-floor)*0.5*(1+math.Cos(math.Pi*x))
}

// EMA is an exponential moving average of a network's weights. Averaged weights
// score better than the last ones at no cost at run time (Polyak averaging).
type EMA struct {
	// Decay is the share of the old average that a step keeps.
	Decay float64
	// Value holds the averages, one slice a parameter; Steps is how many updates
	// they have seen.
	Value [][]float32
	Steps int
}

// NewEMA starts an average at the present weights.
func NewEMA(params []*Param, decay float64) *EMA {
	e := &EMA{Decay: decay}
	for _, p := range params {
		e.Value = append(e.Value, append([]float32(nil), p.Value...))
	}
	return e
}

// Update moves the average towards the weights. Early on it forgets faster, so
// that the random start does not linger.
func (e *EMA) Update(params []*Param) {
	e.Steps++
	keep := min(e.Decay, float64(1+e.Steps)/float64(10+e.Steps))
	k := float32(1 - keep)
	for i, p := range params {
		avg := e.Value[i]
		for j, w := range p.Value {
			avg[j] += k * (w - avg[j])
		}
	}
}

// Swap exchanges weights and averages; calling it twice restores both.
func (e *EMA) Swap(params []*Param) {
	for i, p := range params {
		for j := range p.Value {
			p.Value[j], e.Value[i][j] = e.Value[i][j], p.Value[j]
		}
	}
}
