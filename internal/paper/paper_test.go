package paper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/dict"
	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/testsig"
)

// corpora writes speech of four talkers and two noises and returns the folders.
func corpora(t *testing.T) (speech, noise string) {
	t.Helper()
	dir := t.TempDir()
	speech, noise = filepath.Join(dir, "speech"), filepath.Join(dir, "noise")
	for talker := range 4 {
		for sentence := range 2 {
			name := fmt.Sprintf("made__talker%d__s%d.wav", talker, sentence)
			write(t, filepath.Join(speech, name), testsig.SpeechLike(2*sampleRate, sampleRate, uint64(10*talker+sentence)))
		}
	}
	for i, name := range []string{"babble.wav", "factory1.wav"} {
		write(t, filepath.Join(noise, name), testsig.WhiteNoise(6*sampleRate, 0.1, uint64(i)))
	}
	return speech, noise
}

func write(t *testing.T, path string, x []float32) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := audiofile.WriteMono(path, x, sampleRate, audiofile.PCM16); err != nil {
		t.Fatal(err)
	}
}

func quick() *Speech {
	c := DefaultSpeech()
	c.Quick()
	return c
}

// TestRunSpeech runs the whole experiment, then again from what it kept.
func TestRunSpeech(t *testing.T) {
	speech, noise := corpora(t)
	cfg := quick()
	data, err := LoadSpeech(t.Context(), speech, noise, cfg, Test)
	if err != nil {
		t.Fatal(err)
	}
	last := 0.0
	opt := Options{Work: t.TempDir(), Report: func(_ string, done float64) { last = done }}
	first, err := RunSpeech(t.Context(), data, cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	testsig.NearAt(t, "share reported at the end", last, 1, 1e-9)
	// Two seeds; Table 1 has a mixture of each noise, Table 2 both.
	if got, want := len(first.Measurements), 2*4*len(Systems()); got != want {
		t.Fatalf("%d measurements, want %d", got, want)
	}
	for _, m := range first.Measurements {
		if m.System == Unprocessed {
			testsig.NearAt(t, "SDR of the mixture at 0 dB", m.SDR, 0, 1)
		}
	}
	path := filepath.Join(opt.Work, "*", "babble-1-NMF.json")
	cells, _ := filepath.Glob(path)
	if len(cells) != 1 {
		t.Fatalf("%s: %d files, want one", path, len(cells))
	}
	b, _ := os.ReadFile(cells[0])
	if err := os.WriteFile(cells[0], bytes.Replace(b, []byte(`"utterance":"`), []byte(`"utterance":"kept `), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	second, err := RunSpeech(t.Context(), data, cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range second.Measurements {
		if m.Condition == "babble" && m.Seed == 1 && m.System == NMF {
			if !strings.HasPrefix(m.Utterance, "kept ") {
				t.Error("finished work was not used again")
			}
			continue
		}
		if m != first.Measurements[i] {
			t.Errorf("measurement %d is %+v in the second run, %+v in the first", i, m, first.Measurements[i])
		}
	}
	checkOutputs(t, first)
}

// checkOutputs writes results in all forms.
func checkOutputs(t *testing.T, r *SpeechResults) {
	t.Helper()
	var md bytes.Buffer
	if err := r.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{Warning, "Table 1", "Table 2", "| Aver ", " 9.73 |", "VAE-NMF against", "trained on"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("the tables lack %q", want)
		}
	}
	var csv, json bytes.Buffer
	if err := r.WriteCSV(&csv); err != nil {
		t.Error(err)
	}
	if got := strings.Count(csv.String(), "\n"); got != 1+len(r.Measurements) {
		t.Errorf("%d lines of CSV for %d measurements and a header", got, len(r.Measurements))
	}
	if err := r.WriteJSON(&json); err != nil {
		t.Error(err)
	}
	if _, err := r.Comparison(); err != nil {
		t.Error(err)
	}
	for _, condition := range []string{"babble", Pooled} {
		if _, err := r.Dictionaries(condition); err != nil {
			t.Error(err)
		}
	}
}

func TestRunSpeechStops(t *testing.T) {
	speech, noise := corpora(t)
	cfg := quick()
	data, err := LoadSpeech(t.Context(), speech, noise, cfg, Tuning)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := RunSpeech(ctx, data, cfg, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// TestSplit checks that nothing is both learned from and scored on, and that
// tuning sees nothing of the test part.
func TestSplit(t *testing.T) {
	speech, noise := corpora(t)
	cfg := quick()
	parts := map[Part]*Corpora{}
	for _, p := range []Part{Test, Tuning} {
		var err error
		if parts[p], err = LoadSpeech(t.Context(), speech, noise, cfg, p); err != nil {
			t.Fatal(err)
		}
	}
	unseen := map[string]bool{}
	for _, name := range parts[Test].Speech[1].Speakers() {
		unseen[name] = true
	}
	for what, set := range map[string][]string{
		"trained on": parts[Test].Speech[0].Speakers(), "tuned with": parts[Tuning].Speech[0].Speakers(), "tuned on": parts[Tuning].Speech[1].Speakers(),
	} {
		for _, name := range set {
			if unseen[name] {
				t.Errorf("test speaker %s is %s", name, what)
			}
		}
	}
	length := func(p Part, i int) int { return len(parts[p].Noise[i].Clips[0].Samples) }
	// Halves of six seconds, cut at the rate that recordings of NOISEX-92 have.
	if a, b := length(Test, 0), length(Test, 1); a+b > 6*sampleRate || a < 2*sampleRate || b < 2*sampleRate {
		t.Errorf("noise of %d samples is cut into %d and %d", 6*sampleRate, a, b)
	}
	if a, b := length(Tuning, 0)+length(Tuning, 1), length(Test, 0); a > b {
		t.Errorf("tuning uses %d samples of noise, the training part has %d", a, b)
	}
}

func TestLoadSpeechErrors(t *testing.T) {
	speech, noise := corpora(t)
	missing := quick()
	missing.Noises = []string{"volvo"}
	bad := quick()
	bad.TestSpeakers = 1
	for want, c := range map[string]struct {
		cfg           *Speech
		speech, noise string
	}{
		"no noise of the class volvo": {missing, speech, noise},
		"between 0 and 1":             {bad, speech, noise},
		"no audio":                    {quick(), t.TempDir(), noise},
	} {
		if _, err := LoadSpeech(t.Context(), c.speech, c.noise, c.cfg, Test); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// constant is an estimator that always gives the same activations.
type constant []float32

func (c constant) Estimate(h []float32, _ []complex64) { copy(h, c) }
func (c constant) Reset()                              {}

// TestSeparateKeepsTime checks that a mask of one gives the mixture back, in
// place, and that masks of a half and of nothing do as they say.
func TestSeparateKeepsTime(t *testing.T) {
	grid := DefaultSpeech().grid()
	x := testsig.SpeechLike(sampleRate+77, sampleRate, 3)
	flat := &enhance.Basis{Bins: grid.Bins(), Rank: 1, W: make([]float32, grid.Bins())}
	for i := range flat.W {
		flat.W[i] = 1
	}
	for _, c := range []struct {
		h    constant
		gain float64
	}{{constant{1, 0}, 1}, {constant{1, 1}, 0.5}, {constant{0, 0}, 0}} {
		s := &System{Speech: flat, Noise: flat, Exponent: 2, New: func() enhance.Estimator { return c.h }}
		y, err := s.Separate(x, grid)
		if err != nil {
			t.Fatal(err)
		}
		testsig.Near(t, fmt.Sprintf("gain %g", c.gain), y, scaled(x, c.gain), 1e-5)
	}
}

// TestMixingSpectra checks that mixing spectra equals mixing signals.
func TestMixingSpectra(t *testing.T) {
	grid := DefaultSpeech().grid()
	hop := grid.HopSize()
	voice, err := newSound("voice", testsig.SpeechLike(sampleRate, sampleRate, 1), 0.05, grid)
	if err != nil {
		t.Fatal(err)
	}
	noise, err := newSound("noise", testsig.WhiteNoise(sampleRate, 0.3, 2), 0.05, grid)
	if err != nil {
		t.Fatal(err)
	}
	const from, at, lead = 10, 20, 4 // the first frames reach back before the segment
	b := newBatch(1, 16, grid.Bins())
	b.gain[0] = 0.5
	b.mix(0, voice, noise, from, at)
	signal := make([]float32, (lead+b.steps)*hop)
	for i := range signal {
		signal[i] = voice.samples[(from-lead)*hop+i] + 0.5*noise.samples[(at-lead)*hop+i]
	}
	want, err := newSound("mixture", signal, rms(signal), grid)
	if err != nil {
		t.Fatal(err)
	}
	testsig.Near(t, "magnitudes of the mixture", b.mixture.Data, want.mags.Data[lead*grid.Bins():], 1e-6)
	b.gain[0] = 0
	b.mix(0, voice, noise, from, at)
	testsig.Near(t, "speech in phase with itself", b.inPhase.Data, b.speech.Data, 1e-6)
}

// TestMultiplicative checks the estimator against encoding a whole signal.
func TestMultiplicative(t *testing.T) {
	grid := DefaultSpeech().grid()
	voice, err := newSound("voice", testsig.SpeechLike(sampleRate/2, sampleRate, 1), 0.05, grid)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dict.NMF(t.Context(), voice.mags, dict.NMFConfig{Rank: 3, Iterations: 5, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := dict.EncodeConfig{Iterations: 7, Sparsity: 2}
	want := dict.Join(d, d).Encode(nil, voice.mags, cfg)
	e := newFactored("x", pair{d, d}, cfg, 2).New()
	got := make([]float32, len(want))
	for i := range voice.mags.Count {
		e.Estimate(got[6*i:6*i+6], voice.spectra[i*grid.Bins():(i+1)*grid.Bins()])
	}
	testsig.Near(t, "activations", got, want, 1e-6)
}

func TestConfigRoundTrip(t *testing.T) {
	for _, c := range []struct{ changed, read any }{
		{func() *Speech { c := DefaultSpeech(); c.Rank, c.DNN.Training.Epochs = 17, 3; return c }(), DefaultSpeech()},
		{func() *EMG { c := DefaultEMG(); c.Rank, c.VAE.Hidden = 3, []int{5}; return c }(), DefaultEMG()},
	} {
		var b bytes.Buffer
		if err := WriteConfig(&b, c.changed); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if err := ReadConfig(&b, c.read); err != nil {
			t.Fatal(err)
		}
		if got, want := string(canonical(c.read)), string(canonical(c.changed)); got != want {
			t.Errorf("read back as %s, want %s", got, want)
		}
		for _, mark := range []string{`"paper: `, `"ours`, `"vae.steps"`} {
			if !strings.Contains(text, mark) {
				t.Errorf("%s does not say %s", text, mark)
			}
		}
	}
	if err := ReadConfig(strings.NewReader(`{"config":{"rnak":3}}`), DefaultSpeech()); err == nil || !strings.Contains(err.Error(), "rnak") {
		t.Errorf("error %v for a name that does not exist, want one that names it", err)
	}
}

// TestEveryNumberIsMarked checks that no field of a configuration is without a
// source.
func TestEveryNumberIsMarked(t *testing.T) {
	for _, c := range []any{DefaultSpeech(), DefaultEMG()} {
		var b bytes.Buffer
		if err := WriteConfig(&b, c); err != nil {
			t.Fatal(err)
		}
		values := strings.Count(string(canonical(c)), `":`) - strings.Count(string(canonical(c)), `":{`)
		if marks := strings.Count(b.String(), `": "paper: `) + strings.Count(b.String(), `": "ours`); marks != values {
			t.Errorf("%T has %d values and %d of them marked", c, values, marks)
		}
	}
}

// TestPublished checks the paper's figures against their printed averages, which
// are right to rounding.
func TestPublished(t *testing.T) {
	for table, systems := range published.tables {
		for name, f := range systems {
			for m := range f[0] {
				mean := (f[0][m] + f[1][m] + f[2][m] + f[3][m]) / 4
				testsig.NearAt(t, fmt.Sprintf("table %d, %s, %s", table, name, metrics[m].name), f[4][m], mean, 0.0101)
			}
		}
	}
}

// TestInterval compares with values of Student's distribution from tables.
func TestInterval(t *testing.T) {
	i := interval([]float64{1, 2, 3})
	testsig.NearAt(t, "mean", i.Mean, 2, 1e-12)
	testsig.NearAt(t, "half width", i.Half, 4.3027/math.Sqrt(3), 1e-4)
	if one := interval([]float64{5}); one.String() != "5.00" {
		t.Errorf("one value is written %q, want no interval", one)
	}
}
