package train

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sotto/assets"
	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/corpus"
	"sotto/internal/metrics/pesq"
	"sotto/internal/nn"
	"sotto/internal/testsig"
)

// demo returns the demonstration's noisy and clean speech.
func demo(t *testing.T) corpus.Mixture {
	t.Helper()
	read := func(file []byte) []float32 {
		r, err := audiofile.NewReader(bytes.NewReader(file), "demo")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		x := make([]float32, r.Info().Frames)
		for n, k := 0, 0; n < len(x); n += k {
			if k, err = r.Read(x[n:]); err != nil {
				t.Fatal(err)
			}
		}
		return x
	}
	return corpus.Mixture{Noisy: read(assets.Demo().Noisy), Clean: read(assets.Demo().Clean)}
}

// part is the stretch of a mixture between two times.
func part(m corpus.Mixture, from, to time.Duration) corpus.Mixture {
	a, b := int(from.Seconds()*corpus.SampleRate), int(to.Seconds()*corpus.SampleRate)
	return corpus.Mixture{Noisy: m.Noisy[a:b], Clean: m.Clean[a:b]}
}

// listSource yields mixtures of one length from a list.
type listSource []corpus.Mixture

func (l listSource) Mix(i uint64, m *corpus.Mixture) {
	of := l[i%uint64(len(l))]
	m.Noisy, m.Clean = of.Noisy, of.Clean
}

// listened is a batch with one lane for every mixture, and its loss.
func listened(t *testing.T, list listSource, loss LossConfig) (*batch, *maskLoss) {
	t.Helper()
	cfg, _ := smallRun(1)
	allStages(&cfg)
	cfg.Loss = loss
	prep, err := newPreparer(&cfg, list, enhance.FeatureSpec{Edges: enhance.DefaultBands()})
	if err != nil {
		t.Fatal(err)
	}
	b := &batch{}
	prep.fill(b, 0, len(list), time.Duration(len(list[0].Noisy))*time.Second/corpus.SampleRate)
	return b, newMaskLoss(cfg.Loss, cfg.Grid.Bins(), 1/cfg.Grid.Frame.Seconds())
}

func constantGains(rows int, gain func(bin int) float32) nn.Mat {
	g := nn.NewMat(rows, 257)
	for i := range g.Data {
		g.Data[i] = gain(i % g.Cols)
	}
	return g
}

// TestListenerHearsWhatPESQHears compares the term with the score of the
// demonstration at several SNRs. The listener is milder to what is hopeless, but
// hears the same things.
func TestListenerHearsWhatPESQHears(t *testing.T) {
	voice := demo(t)
	var before float64
	for _, noise := range []float32{0.01, 0.03, 0.1, 0.3, 1} {
		m := corpus.Mixture{Clean: voice.Clean, Noisy: make([]float32, len(voice.Noisy))}
		for i, v := range voice.Noisy {
			m.Noisy[i] = m.Clean[i] + noise*(v-m.Clean[i])
		}
		b, l := listened(t, listSource{m}, LossConfig{Listening: 1})
		terms, _, _ := l.gradient(b, constantGains(b.frames, func(int) float32 { return 1 }), nn.Mat{})
		want := pesqLacks(t, m.Clean, m.Noisy)
		if math.Abs(terms.Heard-want) > 0.3+0.2*want || terms.Heard < before+0.2 {
			t.Errorf("noise x %g: the listener hears %.2f points, PESQ %.2f", noise, terms.Heard, want)
		}
		before = terms.Heard
	}
}

// TestQuietVoicesAreHeard lowers the demonstration to -47 dBFS, below the quietest
// voices of the mixer: the listener sets its own level.
func TestQuietVoicesAreHeard(t *testing.T) {
	loud := demo(t)
	quiet := corpus.Mixture{Clean: make([]float32, len(loud.Clean)), Noisy: make([]float32, len(loud.Noisy))}
	for i := range quiet.Clean {
		quiet.Clean[i], quiet.Noisy[i] = 0.1*loud.Clean[i], 0.1*loud.Noisy[i]
	}
	heard := func(m corpus.Mixture) float64 {
		b, l := listened(t, listSource{m}, LossConfig{Listening: 1})
		terms, _, _ := l.gradient(b, constantGains(b.frames, func(int) float32 { return 1 }), nn.Mat{})
		return terms.Heard
	}
	testsig.NearAt(t, "points heard in the quiet voice", heard(quiet), heard(loud), 1e-3)
}

// pesqLacks returns what the raw score of a pair lacks to the best.
func pesqLacks(t *testing.T, clean, output []float32) float64 {
	t.Helper()
	meter, err := pesq.New(pesq.Wide, corpus.SampleRate)
	if err != nil {
		t.Fatal(err)
	}
	score, err := meter.Score(clean, output)
	if err != nil {
		t.Fatal(err)
	}
	return pesq.BestRaw - score.Raw
}

// TestListenerIsTheFormula compares the disturbances of frames with a direct
// evaluation of P.862's in float64.
func TestListenerIsTheFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	h, bands := newListener(257), pesq.WideBands()
	const rows, level = 40, 3.0
	h.start(&batch{lanes: 1, frames: rows, scales: make([]laneScale, 1)})
	reference := make([]float32, len(bands))
	for row := range rows {
		clean := make([]float32, 257)
		for k := range clean {
			clean[k] = float32(math.Pow(10, 4+6*rng.Float64()))
			h.power[k] = clean[k] * float32(math.Pow(10, 2*rng.Float64()-1.2))
		}
		bandPowers(reference, bands, clean)
		symmetric, added := directDisturbance(bands, clean, h.power, level)
		h.hear(row, level, reference)
		if math.Abs(float64(h.symmetric[row])-symmetric) > 1e-3*(1+symmetric) {
			t.Errorf("row %d: disturbance %.5f, want %.5f", row, h.symmetric[row], symmetric)
		}
		if math.Abs(float64(h.added[row])-added) > 1e-3*(1+added) {
			t.Errorf("row %d: disturbance by additions %.5f, want %.5f", row, h.added[row], added)
		}
	}
}

// directDisturbance is P.862's disturbance of a frame, and its weighted twin,
// softened by the level, without bounds.
func directDisturbance(bands []pesq.Band, clean, output []float32, level float64) (symmetric, added float64) {
	var ref, out []float64
	var loudRef, loudOut, width, squares float64
	k := 0
	for i, band := range bands {
		var r, o float64
		for _, w := range band.Lines {
			r, o, k = r+level*w*float64(clean[k]), o+level*w*float64(output[k]), k+1
		}
		if ref, out = append(ref, r), append(out, o); i == 0 {
			continue
		}
		width += band.Width
		if r > band.Threshold {
			loudRef += r
		}
		if o > band.Threshold {
			loudOut += o
		}
	}
	gain := min(max((loudRef+5000)/(loudOut+5000), 3e-4), 5)
	for i, band := range bands[1:] {
		r, o := ref[i+1], gain*out[i+1]
		a, b := band.Of(r), band.Of(o)
		d := max(math.Abs(a-b)-0.25*min(a, b), 0) * band.Width
		squares += d * d
		if weight := math.Pow((o+50)/(r+50), 1.2); weight >= 3 {
			added += d * min(weight, 12)
		}
	}
	soft := math.Pow((loudRef+1e5)/1e7, 0.04)
	return math.Sqrt(width*squares) / soft, added / soft
}

// TestListenerGradients compares slopes by gains and filters drawn at random with
// finite differences, in a batch of two voices and a lane without one.
func TestListenerGradients(t *testing.T) {
	voice := demo(t)
	silent := part(voice, 4*time.Second, 5*time.Second)
	silent.Clean = make([]float32, len(silent.Noisy))
	list := listSource{part(voice, 2*time.Second, 3*time.Second), silent, part(voice, 3*time.Second, 4*time.Second)}
	b, l := listened(t, list, LossConfig{Listening: 100}) // the compressed error stays in
	rng := rand.New(rand.NewPCG(5, 6))
	g, c := nn.NewMat(b.lanes*b.frames, 257), nn.NewMat(b.lanes*b.frames, 2*3*b.lowBins)
	for i := range g.Data {
		g.Data[i] = 0.3 + 0.6*rng.Float32()
	}
	for i := range c.Data {
		c.Data[i] = 0.3 * (rng.Float32() - 0.5)
	}
	loss := func() float64 {
		terms, _, _ := l.gradient(b, g, c)
		return terms.Total
	}
	_, dg, dc := l.gradient(b, g, c)
	gains, filters := append([]float32{}, dg.Data...), append([]float32{}, dc.Data...)
	bins := func(lo, hi int) func(i int) bool { return func(i int) bool { return i%257 >= lo && i%257 < hi } }
	checkDirections(t, "low bins", g.Data, gains, bins(1, b.lowBins), rng, loss)
	checkDirections(t, "to 2 kHz", g.Data, gains, bins(b.lowBins, 64), rng, loss)
	checkDirections(t, "above", g.Data, gains, bins(64, 257), rng, loss)
	checkDirections(t, "filter", c.Data, filters, func(int) bool { return true }, rng, loss)
}

// checkDirections compares a gradient with finite differences over the values that
// are in: along itself, along two random halves of itself, and with all alike.
func checkDirections(t *testing.T, name string, at, gradient []float32, in func(i int) bool, rng *rand.Rand, loss func() float64) {
	t.Helper()
	keep, direction := append([]float32{}, at...), make([]float32, len(at))
	move := func(step float64) float64 {
		for i := range at {
			at[i] = keep[i] + float32(step)*direction[i]
		}
		return loss()
	}
	var norm float64
	for i, v := range gradient {
		if in(i) {
			norm += float64(v) * float64(v)
		}
	}
	norm = math.Sqrt(norm)
	for trial := range 4 {
		var want, length float64
		for i := range direction {
			switch {
			case !in(i), (trial == 1 || trial == 2) && rng.IntN(2) == 0:
				direction[i] = 0
			case trial == 3:
				direction[i] = 1 / float32(math.Sqrt(float64(len(at))))
			default:
				direction[i] = gradient[i] / float32(norm)
			}
			want += float64(direction[i]) * float64(gradient[i])
			length += float64(direction[i]) * float64(direction[i])
		}
		const step = 0.01
		got := (move(step) - move(-step)) / (2 * step)
		copy(at, keep)
		if math.Abs(got-want) > 0.03*norm*math.Sqrt(length) {
			t.Errorf("%s, direction %d: slope %.6g, finite difference %.6g", name, trial, want, got)
		}
	}
	if norm == 0 {
		t.Errorf("%s: no gradient", name)
	}
}

// TestListenerLevel has the level of a voice, of a sliver of one, and of none.
func TestListenerLevel(t *testing.T) {
	voice := laneScale{heard: 100 * pesq.SpeechPower, voiced: 80}
	if level := voice.level(100); math.Abs(float64(level)-1) > 1e-6 {
		t.Errorf("a voice of the listening level is raised by %g, want 1", level)
	}
	for _, s := range []laneScale{{heard: 5, voiced: leastVoiced - 1}, {heard: 1e-30}, {}} {
		if level := s.level(100); level != 0 {
			t.Errorf("%+v: level %g, want 0: too little to listen to", s, level)
		}
	}
}
