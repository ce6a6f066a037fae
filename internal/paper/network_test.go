package paper

import (
	"math"
	"math/rand/v2"
	"testing"

	"sotto/dict"
	"sotto/internal/nn"
	"sotto/internal/testsig"
)

// TestNetworkedFollowsTraining checks that frame by frame the estimator gives
// what the network gave on the whole segment in training.
func TestNetworkedFollowsTraining(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const bins, steps = 5, 12
	b := newBatch(1, steps, bins)
	spectra := make([]complex64, steps*bins)
	for i := range b.mixture.Data {
		b.mixture.Data[i] = float32(rng.Float64())
		spectra[i] = complex(0, b.mixture.Data[i])
	}
	for name, net := range map[string]network{"dense": newDense(3*bins, []int{7}, 4, 0, rng), "recurrent": newRecurrent(bins, 6, 4, 0, rng)} {
		context := 2
		if name == "recurrent" {
			context = 0
		}
		in := newInput(b, context)
		x := nn.NewMat(steps, in.width())
		in.batch(x, b.mixture, 1)
		net.begin(1)
		unit := []float32{1, 2, 3, 4}
		raw := net.forward(x)
		want := make([]float32, 4*steps)
		for i := range steps {
			activate(want[4*i:4*i+4], raw.Row(i), unit)
		}
		e := newNetworked(net, in, unit)
		for range 2 { // the second time after a reset
			got := make([]float32, 4*steps)
			for i := range steps {
				e.Estimate(got[4*i:4*i+4], spectra[i*bins:(i+1)*bins])
			}
			testsig.Near(t, name, got, want, 1e-5)
			e.Reset()
		}
	}
}

// TestGradients compares the gradients of all losses with differences.
func TestGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	const bins, rows = 4, 3
	random := func(m nn.Mat) nn.Mat {
		for i := range m.Data {
			m.Data[i] = float32(0.1 + rng.Float64())
		}
		return m
	}
	b := newBatch(1, rows, bins)
	random(b.mixture)
	random(b.speech)
	random(b.noise)
	d := func(rank int) *dict.Dictionary {
		return &dict.Dictionary{Bins: bins, Rank: rank, W: random(nn.NewMat(bins, rank)).Data}
	}
	target := random(nn.NewMat(rows, 5))
	cfg := DefaultSpeech().DNN
	cfg.Training.Discriminate = 0.2
	cfg.Training.Phase = false
	tied := newHead(pair{d(2), d(3)}, target, &cfg)
	free := newFreeHead(bins, &Training{Discriminate: 0.1, Phase: true})
	random(b.inPhase)
	for name, loss := range map[string]func(raw nn.Mat) (float64, nn.Mat){
		"activations": func(raw nn.Mat) (float64, nn.Mat) { return tied.onActivations(raw, target) },
		"mask":        func(raw nn.Mat) (float64, nn.Mat) { return tied.onMask(raw, b) },
		"free mask":   func(raw nn.Mat) (float64, nn.Mat) { return free.onMask(raw, b) },
	} {
		width := 5
		if name == "free mask" {
			width = 2 * bins
		}
		raw := random(nn.NewMat(rows, width))
		_, g := loss(raw)
		got := append([]float32(nil), g.Data...)
		want := make([]float32, len(got))
		const step = 1e-2
		for i, v := range raw.Data {
			raw.Data[i] = v + step
			up, _ := loss(raw)
			raw.Data[i] = v - step
			down, _ := loss(raw)
			raw.Data[i] = v
			want[i] = float32((up - down) / (2 * step))
		}
		testsig.Near(t, name, got, want, 2e-4)
	}
}

// TestLearning checks that training lowers the loss that it is about.
func TestLearning(t *testing.T) {
	grid := DefaultSpeech().grid()
	s := &scene{bins: grid.Bins()}
	voice, err := newSound("voice", testsig.SpeechLike(2*sampleRate, sampleRate, 1), 0.05, grid)
	if err != nil {
		t.Fatal(err)
	}
	noise, err := newSound("noise", testsig.WhiteNoise(2*sampleRate, 0.1, 1), 0.05, grid)
	if err != nil {
		t.Fatal(err)
	}
	s.speech, s.noise = []*sound{voice}, []*sound{noise}
	cfg := DefaultSpeech().RNN
	cfg.Hidden, cfg.Training.Epochs, cfg.Training.Lanes, cfg.Training.Frames = 16, 30, 4, 24
	system, err := trainRecurrent(t.Context(), s, &cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	mixture := make([]float32, len(voice.samples))
	for i, v := range voice.samples {
		mixture[i] = v + noise.samples[i]
	}
	y, err := system.Separate(mixture, grid)
	if err != nil {
		t.Fatal(err)
	}
	var before, after float64
	for i, v := range voice.samples {
		before += sqd(mixture[i] - v)
		after += sqd(y[i] - v)
	}
	if gain := 10 * math.Log10(before/after); gain < 3 {
		t.Errorf("training on one mixture gains %.1f dB on it, want 3 or more", gain)
	}
}

func sqd(x float32) float64 { return float64(x) * float64(x) }

// TestDropout checks that the share is right, that the mean stays, that the
// gradient takes the same way, and that a copy for use drops nothing.
func TestDropout(t *testing.T) {
	const n = 20000
	rng := rand.New(rand.NewPCG(3, 1))
	d := newDropout(0.3, rng)
	x := nn.NewMat(1, n)
	for i := range x.Data {
		x.Data[i] = 1
	}
	y := d.forward(x)
	sum, zeros := 0.0, 0
	for _, v := range y.Data {
		sum += float64(v)
		if v == 0 {
			zeros++
		}
	}
	testsig.NearAt(t, "share of zeros", float64(zeros)/n, 0.3, 0.01)
	testsig.NearAt(t, "mean", sum/n, 1, 0.02)
	testsig.Near(t, "gradient of ones", d.backward(x).Data, y.Data, 0)
	net := newDense(4, []int{50}, 3, 0.9, rng)
	in := nn.Mat{Rows: 1, Cols: 4, Data: []float32{1, 2, 3, 4}}
	first := append([]float32(nil), net.replica().forward(in).Data...)
	testsig.Near(t, "copy for use", net.replica().forward(in).Data, first, 0)
}
