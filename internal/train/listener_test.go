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
	"sotto/internal/metrics/stoi"
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
	return b, newMaskLoss(cfg.Loss, cfg.Grid.Bins(), 1/cfg.Grid.Frame.Seconds(), cfg.Grid.Hop)
}

func constantGains(rows int, gain func(bin int) float32) nn.Mat {
	g := nn.NewMat(rows, 257)
	for i := range g.Data {
		g.Data[i] = gain(i % g.Cols)
	}
	return g
}

// TestEarsHearWhatMeasuresHear compares the terms with the scores of the
// demonstration at several SNRs. The listener is milder to what is hopeless, but
// hears the same things; intelligibility is STOI but for its frames.
func TestEarsHearWhatMeasuresHear(t *testing.T) {
	voice := demo(t)
	var heard, lost float64
	for _, noise := range []float32{0.01, 0.03, 0.1, 0.3, 1, 3} {
		m := corpus.Mixture{Clean: voice.Clean, Noisy: make([]float32, len(voice.Noisy))}
		for i, v := range voice.Noisy {
			m.Noisy[i] = m.Clean[i] + noise*(v-m.Clean[i])
		}
		b, l := listened(t, listSource{m}, LossConfig{Listening: 1, Intelligibility: 1})
		terms, _, _ := l.gradient(b, constantGains(b.frames, func(int) float32 { return 1 }), nn.Mat{})
		if want := pesqLacks(t, m.Clean, m.Noisy); noise <= 1 && (math.Abs(terms.Heard-want) > 0.3+0.2*want || terms.Heard < heard+0.2) {
			t.Errorf("noise x %g: the listener hears %.2f points, PESQ %.2f", noise, terms.Heard, want)
		}
		scores, err := stoi.Score(m.Clean, m.Noisy, corpus.SampleRate)
		if err != nil {
			t.Fatal(err)
		}
		if want := 1 - scores.STOI; math.Abs(terms.Lost-want) > 0.01+0.1*want || terms.Lost < lost {
			t.Errorf("noise x %g: %.4f of the intelligibility lost, by STOI %.4f", noise, terms.Lost, want)
		}
		heard, lost = terms.Heard, terms.Lost
	}
}

// TestQuietVoicesAreHeard lowers the demonstration to -47 dBFS, below the quietest
// voices of the mixer: the ears set their own level.
func TestQuietVoicesAreHeard(t *testing.T) {
	loud := demo(t)
	quiet := corpus.Mixture{Clean: make([]float32, len(loud.Clean)), Noisy: make([]float32, len(loud.Noisy))}
	for i := range quiet.Clean {
		quiet.Clean[i], quiet.Noisy[i] = 0.1*loud.Clean[i], 0.1*loud.Noisy[i]
	}
	hear := func(m corpus.Mixture) lossTerms {
		b, l := listened(t, listSource{m}, LossConfig{Listening: 1, Intelligibility: 1})
		terms, _, _ := l.gradient(b, constantGains(b.frames, func(int) float32 { return 1 }), nn.Mat{})
		return terms
	}
	got, want := hear(quiet), hear(loud)
	testsig.NearAt(t, "points heard in the quiet voice", got.Heard, want.Heard, 1e-3)
	testsig.NearAt(t, "intelligibility lost in the quiet voice", got.Lost, want.Lost, 1e-3)
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
	h, bands := newListener(), pesq.WideBands()
	const rows, level = 40, 3.0
	voice := laneScale{heard: pesq.SpeechPower * rows / level, voiced: rows}
	b := &batch{lanes: 1, frames: rows, scales: []laneScale{voice}, bandCount: len(bands), bands: make([]float32, rows*len(bands))}
	h.start(b)
	clean, output := make([]float32, 257), make([]float32, 257)
	for row := range rows {
		for k := range clean {
			clean[k] = float32(math.Pow(10, 4+6*rng.Float64()))
			output[k] = clean[k] * float32(math.Pow(10, 2*rng.Float64()-1.2))
		}
		bandPowers(b.bandRow(row), bands, clean)
		symmetric, added := directDisturbance(bands, clean, output, level)
		h.hear(b, row, output)
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

func TestListenerGradients(t *testing.T) { checkSlopes(t, LossConfig{Listening: 100}) }

func TestIntelligibilityGradients(t *testing.T) { checkSlopes(t, LossConfig{Intelligibility: 1000}) }

// checkSlopes compares the slopes of a loss by gains and filters drawn at random with
// finite differences, in a batch of two voices and a lane without one. The compressed
// error stays in.
func checkSlopes(t *testing.T, loss LossConfig) {
	t.Helper()
	voice := demo(t)
	silent := part(voice, 4*time.Second, 5*time.Second)
	silent.Clean = make([]float32, len(silent.Noisy))
	list := listSource{part(voice, 2*time.Second, 3*time.Second), silent, part(voice, 3*time.Second, 4*time.Second)}
	b, l := listened(t, list, loss)
	rng := rand.New(rand.NewPCG(5, 6))
	g, c := nn.NewMat(b.lanes*b.frames, 257), nn.NewMat(b.lanes*b.frames, 2*3*b.lowBins)
	for i := range g.Data {
		g.Data[i] = 0.3 + 0.6*rng.Float32()
	}
	for i := range c.Data {
		c.Data[i] = 0.3 * (rng.Float32() - 0.5)
	}
	total := func() float64 {
		terms, _, _ := l.gradient(b, g, c)
		return terms.Total
	}
	terms, dg, dc := l.gradient(b, g, c)
	if terms.Heard+terms.Lost == 0 {
		t.Error("nothing is heard")
	}
	gains, filters := append([]float32{}, dg.Data...), append([]float32{}, dc.Data...)
	bins := func(lo, hi int) func(i int) bool { return func(i int) bool { return i%257 >= lo && i%257 < hi } }
	checkDirections(t, "low bins", g.Data, gains, bins(1, b.lowBins), rng, total)
	checkDirections(t, "to 2 kHz", g.Data, gains, bins(b.lowBins, 64), rng, total)
	checkDirections(t, "above", g.Data, gains, bins(64, 257), rng, total)
	checkDirections(t, "filter", c.Data, filters, func(int) bool { return true }, rng, total)
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
