package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"sotto/dict"
	"sotto/enhance"
	"sotto/internal/nn"
)

// NetInputs is what the estimator is trained from.
type NetInputs struct {
	// Source yields the mixtures.
	Source Source
	// Speech and Noise are the dictionaries. They need their encoders when the
	// configuration has a regression step.
	Speech, Noise *dict.Dictionary
	// Start, when not nil, gives the initial weights: a model with the same
	// dictionaries' ranks and shape, which training goes on from.
	Start *enhance.Model
	// Validate scores a model on held-out speakers and noises; nil skips
	// validation, and the last average is the result.
	Validate func(context.Context, *enhance.Model) (*Scores, error)
	// Meta goes into the model file: data, licences, command. [ManifestKey] tells
	// runs on other recordings apart.
	Meta map[string]string
	// Name is the model's name.
	Name string
	// Checkpoint is the file that a killed run resumes from; empty keeps none.
	Checkpoint string
}

// ManifestKey is where Meta holds the checksum of the list of recordings.
const ManifestKey = "manifest"

// Progress is what a report sees.
type Progress struct {
	Step, Steps int
	// Hours is the length of the mixtures heard so far.
	Hours, HoursPerMinute float64
	// Loss is smoothed over about fifty steps; Regression says that it belongs to
	// the paper's step.
	Loss       lossTerms
	Regression bool
	Rate       float64
	Remaining  time.Duration
	// Scores is set when this step ended with a validation; Best says that it was
	// the best so far.
	Scores *Scores
	Best   bool
}

// netTrainer is a run of training.
type netTrainer struct {
	cfg    NetConfig
	in     NetInputs
	spec   enhance.FeatureSpec
	net    *network
	works  []*worker
	params []*nn.Param
	opt    *nn.AdamW
	ema    *nn.EMA

	step    int
	smooth  lossTerms
	history []HistoryPoint
	// best is the model with the best scores so far, nil before the first.
	best   *enhance.Model
	scores *Scores

	began         time.Time
	beganStep     int
	saved, scored time.Time
}

// worker is one replica with its loss.
type worker struct {
	net        *network
	params     []*nn.Param
	mask       *maskLoss
	regression *regression
	terms      lossTerms
	// bare says of each lane whether it goes without the filter this time.
	bare []bool
}

// Net trains an activation estimator: first the paper's regression on the
// encodings, then end to end through the mask. It resumes from the checkpoint
// if there is one, and returns the model with the best validation score,
// together with the run's curve. A cancelled ctx ends the run after the present
// step with a checkpoint and ctx's error.
func Net(ctx context.Context, cfg NetConfig, in NetInputs, report func(Progress)) (*enhance.Model, []HistoryPoint, error) {
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	if cfg.RegressionHours > 0 && (in.Speech.Encoder == nil || in.Noise.Encoder == nil) {
		return nil, nil, errors.New("train: the dictionaries have no encoders, which the regression step needs: use VAE-NMF dictionaries or set the regression hours to 0")
	}
	t, err := newNetTrainer(cfg, in)
	if err != nil {
		return nil, nil, err
	}
	if err := t.resume(); err != nil {
		return nil, nil, err
	}
	if t.step == 0 { // what cannot be saved fails now, not after the first minutes
		if err := t.save(); err != nil {
			return nil, nil, err
		}
	}
	if report == nil {
		report = func(Progress) {}
	}
	if err := t.run(ctx, report); err != nil {
		return nil, t.history, err
	}
	return t.best, t.history, nil
}

func newNetTrainer(cfg NetConfig, in NetInputs) (*netTrainer, error) {
	t := &netTrainer{cfg: cfg, in: in}
	spec, err := measureFeatures(in.Source, cfg.Grid, cfg.features())
	if err != nil {
		return nil, err
	}
	t.spec = spec
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x6e6574)) // "net": the stream of the initial weights
	speech := &enhance.Basis{Bins: in.Speech.Bins, Rank: in.Speech.Rank, W: in.Speech.W}
	noise := &enhance.Basis{Bins: in.Noise.Bins, Rank: in.Noise.Rank, W: in.Noise.W}
	if bins := cfg.Grid.Bins(); speech.Bins != bins || noise.Bins != bins {
		return nil, fmt.Errorf("train: dictionaries of %d and %d bins: expected %d, as the grid has", speech.Bins, noise.Bins, bins)
	}
	t.net = newNetwork(cfg.Shape, spec.Inputs(), speech, noise, cfg.Exponent, rng)
	if in.Start != nil {
		if err := t.startFrom(in.Start); err != nil {
			return nil, err
		}
	}
	t.params = t.net.params()
	t.opt = nn.NewAdamW(t.params, nn.AdamWConfig{WeightDecay: cfg.WeightDecay})
	t.ema = nn.NewEMA(t.params, cfg.Average)
	for range cfg.Workers {
		t.works = append(t.works, t.newWorker())
	}
	return t, nil
}

func (t *netTrainer) newWorker() *worker {
	w := &worker{
		net:  t.net.replica(),
		mask: newMaskLoss(t.cfg.Loss, t.cfg.Grid.Bins(), 1/t.cfg.Grid.Frame.Seconds(), t.cfg.Grid.Hop),
	}
	w.params = w.net.params()
	w.net.setLanes(t.cfg.Lanes / t.cfg.Workers)
	w.bare = make([]bool, t.cfg.Lanes/t.cfg.Workers)
	if t.cfg.RegressionHours > 0 {
		w.regression = newRegression(t.in.Speech, t.in.Noise)
	}
	return w
}

func (t *netTrainer) run(ctx context.Context, report func(Progress)) error {
	work, stop := context.WithCancel(ctx)
	defer stop()
	total, regress := t.cfg.steps(t.cfg.Hours), t.cfg.steps(t.cfg.RegressionHours)
	p, err := startPipeline(work, &t.cfg, t.in.Source, t.spec, t.step*t.cfg.Workers, regress*t.cfg.Workers)
	if err != nil {
		return err
	}
	t.began, t.beganStep = time.Now(), t.step
	t.saved, t.scored = t.began, t.began
	for t.step < total {
		rate := nn.CosineSchedule(t.step, total, t.cfg.WarmUp, t.cfg.Rate, t.cfg.Floor)
		terms, err := t.oneStep(ctx, p, rate, t.step < regress)
		if err != nil {
			return t.stop(err)
		}
		t.step++
		t.track(terms, t.step == 1 || t.step-1 == regress)
		scores, best, err := t.maintain(ctx, t.step == total)
		if err != nil {
			return t.stop(err)
		}
		report(t.progress(total, rate, scores, best))
	}
	if t.unscored() { // a run that was stopped while it validated its last weights
		scores, best, err := t.maintain(ctx, true)
		if err != nil {
			return t.stop(err)
		}
		report(t.progress(total, t.cfg.Floor, scores, best))
	}
	if t.best == nil {
		t.best = t.export()
	}
	return nil
}

// unscored says whether the present weights are still to be validated.
func (t *netTrainer) unscored() bool {
	n := len(t.history)
	return t.in.Validate != nil && (n == 0 || t.history[n-1].Step != t.step)
}

// stop saves before a run ends early and returns why it does. A save that fails
// is the worse news: nobody must hear that the run can go on.
func (t *netTrainer) stop(why error) error {
	if err := t.save(); err != nil {
		return fmt.Errorf("%w (after: %v)", err, why) //nolint:errorlint // not to be taken for a plain interruption
	}
	return why
}

// oneStep takes a batch a worker through forward, backward and the update.
func (t *netTrainer) oneStep(ctx context.Context, p *pipeline, rate float64, regress bool) (lossTerms, error) {
	tune := !regress && float64(t.step) >= t.cfg.TuneFrom*float64(t.cfg.steps(t.cfg.Hours))
	// All batches first: a run that is cancelled in between must not have moved
	// the recurrent states.
	batches, lanes := make([]*batch, len(t.works)), make([]*mixerLane, len(t.works))
	for i := range t.works {
		var err error
		if batches[i], lanes[i], err = p.take(ctx); err != nil {
			return lossTerms{}, err
		}
	}
	var wait sync.WaitGroup
	for i, w := range t.works {
		t.drawLanes(w, i)
		wait.Go(func() {
			w.work(batches[i], regress, tune)
			lanes[i].give(batches[i])
		})
	}
	wait.Wait()
	var terms lossTerms
	share := 1 / float64(len(t.works))
	nn.ZeroGrads(t.params)
	for _, w := range t.works {
		nn.AddGrads(t.params, w.params)
		nn.ZeroGrads(w.params)
		terms.Total += share * w.terms.Total
		terms.Compressed += share * w.terms.Compressed
		terms.SISDR += share * w.terms.SISDR
		terms.Heard += share * w.terms.Heard
		terms.Lost += share * w.terms.Lost
	}
	nn.ClipGlobalNorm(t.params, t.cfg.GradientNorm*float64(len(t.works)))
	t.opt.Step(rate, func(name string) float64 { return t.rateOf(name, regress, tune) })
	if tune {
		t.net.speech.refresh()
		t.net.noise.refresh()
	}
	t.ema.Update(t.params)
	return terms, nil
}

// rateOf returns a parameter's share of the learning rate. What gets no gradient
// stands still: the stages after the mask during the regression, and the
// dictionaries until they follow at a tenth (ALGORITHMS 6.2). The filter's layer
// has a rate of its own.
func (t *netTrainer) rateOf(name string, regress, tune bool) float64 {
	dictionary := name == speechName || name == noiseName
	switch {
	case dictionary && !tune, isStage(name) && regress:
		return 0
	case dictionary:
		return 0.1
	case isOf(name, filterName):
		return t.cfg.FilterRate
	}
	return 1
}

// drawLanes clears the recurrent state of the lanes that start afresh, and says
// which go without the filter.
func (t *netTrainer) drawLanes(w *worker, index int) {
	rng := rand.New(rand.NewPCG(t.cfg.Seed^0x7374617465, uint64(t.step*len(t.works)+index))) // "state"
	for lane := range t.cfg.Lanes / len(t.works) {
		if rng.Float64() >= t.cfg.CarryState {
			w.net.forget(lane)
		}
	}
	for lane := range w.bare {
		w.bare[lane] = rng.Float64() < t.cfg.FilterBare
	}
}

func (w *worker) work(b *batch, regress, tune bool) {
	if regress {
		loss, dh := w.regression.loss(b, w.net.activations(b.features))
		w.terms = lossTerms{Total: loss}
		w.net.activationsBackward(dh, nn.Mat{})
		return
	}
	g := w.net.mask(b.features)
	c := w.net.coefficients()
	w.leaveOut(c)
	terms, dg, dc := w.mask.gradient(b, g, c)
	w.leaveOut(dc)
	w.terms = terms
	w.net.maskBackward(dg, dc, tune)
}

// leaveOut clears the rows of the lanes that go without the filter, in its
// coefficients or in their gradient.
func (w *worker) leaveOut(c nn.Mat) {
	for row := range c.Rows {
		if w.bare[row%len(w.bare)] {
			clear(c.Row(row))
		}
	}
}

// track smooths the loss over about fifty steps; it starts again where the loss
// changes its meaning. A batch whose loss is not finite gives no gradient
// ([nn.ClipGlobalNorm]) and does not count here either: no checkpoint can hold
// what it would make of the average.
func (t *netTrainer) track(terms lossTerms, restart bool) {
	if v := terms.Total + terms.Compressed + terms.SISDR; math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	k := 0.02
	if restart {
		k = 1
	}
	t.smooth.Total += k * (terms.Total - t.smooth.Total)
	t.smooth.Compressed += k * (terms.Compressed - t.smooth.Compressed)
	t.smooth.SISDR += k * (terms.SISDR - t.smooth.SISDR)
	t.smooth.Heard += k * (terms.Heard - t.smooth.Heard)
	t.smooth.Lost += k * (terms.Lost - t.smooth.Lost)
}

// maintain validates and saves when it is time to.
func (t *netTrainer) maintain(ctx context.Context, last bool) (scores *Scores, best bool, err error) {
	if t.in.Validate != nil && (last || time.Since(t.scored) >= t.cfg.ValidateEvery) {
		model := t.export()
		if scores, err = t.in.Validate(ctx, model); err != nil {
			return nil, false, err
		}
		t.scored = time.Now()
		if best = t.scores == nil || scores.Selection() > t.scores.Selection(); best {
			t.scores, t.best = scores, model
		}
		t.history = append(t.history, HistoryPoint{
			Step: t.step, Hours: float64(t.step) * t.cfg.batchHours(), Loss: t.smooth.Total,
			Compressed: t.smooth.Compressed, SISDR: t.smooth.SISDR, Heard: t.smooth.Heard, Lost: t.smooth.Lost,
			Scores: scores,
		})
	}
	if last || scores != nil || time.Since(t.saved) >= t.cfg.SaveEvery {
		if err := t.save(); err != nil {
			return nil, false, err
		}
		t.saved = time.Now()
	}
	return scores, best, nil
}

func (t *netTrainer) progress(total int, rate float64, scores *Scores, best bool) Progress {
	elapsed := time.Since(t.began)
	done := max(t.step-t.beganStep, 1)
	return Progress{
		Step: t.step, Steps: total, Hours: float64(t.step) * t.cfg.batchHours(),
		HoursPerMinute: float64(done) * t.cfg.batchHours() / elapsed.Minutes(),
		Loss:           t.smooth, Regression: t.step <= t.cfg.steps(t.cfg.RegressionHours),
		Rate: rate, Remaining: time.Duration(float64(elapsed) / float64(done) * float64(total-t.step)),
		Scores: scores, Best: best,
	}
}

// HistoryPoint is one validation of a run.
type HistoryPoint struct {
	Step                                 int
	Hours                                float64
	Loss, Compressed, SISDR, Heard, Lost float64
	Scores                               *Scores
}
