package paper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"sotto/dict"
	"sotto/stft"
)

// Speech configures the speech experiment. The about tag of a field says where
// its value comes from; [WriteConfig] puts it beside the values.
type Speech struct {
	SNRs   []float64 `json:"snrs" about:"paper: input signal-to-noise ratios in dB"`
	Noises []string  `json:"noises" about:"paper: factory and babble; which of NOISEX-92's two factories is not said, factory1 is ours"`
	Seeds  []uint64  `json:"seeds" about:"ours: one training each; the paper reports one figure without its spread"`

	SplitSeed      uint64  `json:"split_seed" about:"ours: which speakers are held out; the same for every seed"`
	TestSpeakers   float64 `json:"test_speakers" about:"ours: share of the speakers, where the corpus has no split of its own"`
	TuneSpeakers   float64 `json:"tune_speakers" about:"ours: share of the training speakers that choices were made on"`
	NoiseSplit     float64 `json:"noise_split" about:"ours: share in time of a noise for training, where the corpus has no split of its own"`
	TuneNoise      float64 `json:"tune_noise" about:"ours: share in time of the training noise that choices were made on"`
	TestUtterances int     `json:"test_utterances" about:"ours: utterances mixed with every noise at every ratio"`
	Level          float64 `json:"level_dbfs" about:"ours: level (RMS) of every utterance"`

	Speeds []float64 `json:"speeds" about:"ours: the training material is also used at these speeds, pitch and formants moved along"`

	FrameMS int `json:"frame_ms" about:"ours, a guess: 512 points at 16 kHz as in the code the paper points to"`
	HopMS   int `json:"hop_ms" about:"ours: square-root Hann windows, half overlapped; the code the paper points to has Hamming and a quarter"`

	Rank          int     `json:"rank" about:"ours, a guess: 40 atoms for speech and 40 for noise; that both are equal is the paper's"`
	NMFIterations int     `json:"nmf_iterations" about:"ours: updates of both factors, KL divergence"`
	MixIterations int     `json:"mix_iterations" about:"ours: updates of the activations with fixed dictionaries"`
	NMFExponent   float64 `json:"nmf_exponent" about:"ours: exponent of the mask of NMF and SNMF, 2 is Wiener's"`
	Sparsity      float64 `json:"sparsity" about:"ours: weight of the activations' sum in SNMF (data of mean 1)"`
	DNMFSparsity  float64 `json:"dnmf_sparsity" about:"ours: likewise in the analysis by DNMF"`
	DNMFMixtures  int     `json:"dnmf_mixtures" about:"ours: mixtures of each training utterance that DNMF learns from"`
	DNMFSteps     int     `json:"dnmf_steps" about:"ours: updates of the reconstruction dictionaries"`

	VAE VAE `json:"vae"`
	DNN DNN `json:"dnn"`
	RNN RNN `json:"rnn"`
}

// VAE configures the VAE-NMF dictionaries of both experiments.
type VAE struct {
	Hidden         []int   `json:"hidden" about:"ours: widths of the encoder's hidden layers"`
	Steps          int     `json:"steps" about:"ours: optimiser steps"`
	Batch          int     `json:"batch" about:"ours: frames a step"`
	LearningRate   float64 `json:"learning_rate" about:"ours: Adam (the paper's choice), cosine decay"`
	DictionaryRate float64 `json:"dictionary_rate" about:"ours: factor on the rate of the dictionary"`
	WeightDecay    float64 `json:"weight_decay" about:"ours: of the encoder; that there is one is the paper's"`
	InputNoise     float64 `json:"input_noise" about:"ours: deviation of the noise on the encoder's input in training; negative: none"`
	PriorShape     float64 `json:"prior_shape" about:"ours: Gamma prior of the activations"`
	PriorRate      float64 `json:"prior_rate" about:"ours: likewise"`
	KLWeight       float64 `json:"kl_weight" about:"ours: weight of the divergence from the prior"`
	Likelihood     string  `json:"likelihood" about:"ours: kl or frobenius; the paper does not say"`
}

// config returns the configuration of one dictionary of frames.
func (v VAE) config(rank int, frames *dict.Frames, seed uint64) (dict.VAEConfig, error) {
	div, err := dict.ParseDivergence(v.Likelihood)
	return dict.VAEConfig{
		Rank: rank, Hidden: v.Hidden, Likelihood: div, Batch: v.Batch,
		Epochs:       float64(v.Steps) * float64(v.Batch) / float64(frames.Count),
		LearningRate: v.LearningRate, DictionaryRate: v.DictionaryRate, WeightDecay: v.WeightDecay, InputNoise: v.InputNoise,
		Prior: dict.Prior{Shape: v.PriorShape, Rate: v.PriorRate}, KLWeight: v.KLWeight, Seed: seed,
	}, err
}

// Training configures the optimisation of a network.
type Training struct {
	Epochs       float64 `json:"epochs" about:"ours: passes over the training speech, mixed anew every time"`
	Lanes        int     `json:"lanes" about:"ours: segments a batch"`
	Frames       int     `json:"frames" about:"ours: frames a segment"`
	LearningRate float64 `json:"learning_rate" about:"ours: AdamW, cosine decay"`
	WeightDecay  float64 `json:"weight_decay" about:"ours"`
	Dropout      float64 `json:"dropout" about:"ours: share of the hidden units"`
	SNRLow       float64 `json:"snr_low" about:"ours: training mixtures are uniform in dB between the paper's extremes"`
	SNRHigh      float64 `json:"snr_high" about:"ours: likewise"`
	Phase        bool    `json:"phase" about:"ours: train masks on the share of the speech in phase with the mixture, not on magnitudes; Huang et al. do the latter"`
	Discriminate float64 `json:"discriminate" about:"ours: gamma of Huang's discriminative term; the paper's network is not described"`
}

// DNN configures the network that estimates activations frame by frame.
type DNN struct {
	Hidden      []int    `json:"hidden" about:"ours: widths of the hidden layers, leaky ReLU"`
	Context     int      `json:"context" about:"ours: past frames beside the present one"`
	Compression float64  `json:"compression" about:"ours: exponent c of |h^c - h*^c|^2"`
	Exponent    float64  `json:"exponent" about:"ours: exponent p of the mask"`
	Targets     string   `json:"targets" about:"ours: what VAE-NMF's network learns to find: the encoder's posterior means (encoder), or activations by updates with its dictionary (updates) as Kang et al. have them for NMF"`
	MaskShare   float64  `json:"mask_share" about:"ours: last share of the epochs, trained through the mask instead of on activations"`
	Training    Training `json:"training"`
}

// RNN configures the network of Huang et al.
type RNN struct {
	Hidden   int      `json:"hidden" about:"ours: units of the dense and of the recurrent layer (Huang et al.: 1000)"`
	Training Training `json:"training"`
}

// DefaultSpeech returns the configuration that docs/paper.md reports on. What
// the paper leaves open was chosen on the tuning part of the training data.
func DefaultSpeech() *Speech {
	training := Training{Epochs: 9, Lanes: 16, Frames: 32, LearningRate: 1e-3, WeightDecay: 1e-2, Dropout: 0.4, SNRLow: -5, SNRHigh: 10}
	recurrent := training
	training.Phase = true
	recurrent.Lanes, recurrent.Frames, recurrent.Dropout, recurrent.Discriminate = 4, 64, 0.2, 0.05
	return &Speech{
		SNRs: []float64{-5, 0, 5, 10}, Noises: []string{"factory1", "babble"}, Seeds: []uint64{1, 2, 3},
		SplitSeed: 1, TestSpeakers: 1. / 3, TuneSpeakers: 1. / 4, NoiseSplit: 0.5, TuneNoise: 0.25, TestUtterances: 8, Level: -26, Speeds: []float64{0.88, 1.12},
		FrameMS: 32, HopMS: 16,
		Rank: 40, NMFIterations: 100, MixIterations: 50, NMFExponent: 2, Sparsity: 1, DNMFSparsity: 5, DNMFMixtures: 1, DNMFSteps: 25,
		VAE: VAE{
			Hidden: []int{256, 256}, Steps: 800, Batch: 256, LearningRate: 3e-3, DictionaryRate: 100, WeightDecay: 1e-5,
			InputNoise: 0.2, PriorShape: 1, PriorRate: 1, KLWeight: 0.1, Likelihood: "kl",
		},
		DNN: DNN{Hidden: []int{512, 512}, Context: 7, Compression: 0.5, Exponent: 1.4, Targets: "updates", MaskShare: 0, Training: training},
		RNN: RNN{Hidden: 256, Training: recurrent},
	}
}

// Quick makes the experiment small enough for a test. Its scores mean nothing.
func (c *Speech) Quick() {
	c.SNRs, c.TestUtterances = []float64{0}, 1
	c.Seeds, c.Speeds = c.Seeds[:min(2, len(c.Seeds))], nil
	c.Rank, c.NMFIterations, c.MixIterations, c.DNMFSteps = 6, 5, 5, 2
	c.VAE.Steps, c.VAE.Hidden = 10, []int{16}
	c.DNN.Hidden, c.DNN.Training.Epochs = []int{16}, 1
	c.RNN.Hidden, c.RNN.Training.Epochs = 8, 1
}

// grid returns the transform of all systems.
func (c *Speech) grid() stft.Config {
	return stft.Config{
		SampleRate: sampleRate, Window: stft.SqrtHann,
		Frame: time.Duration(c.FrameMS) * time.Millisecond, Hop: time.Duration(c.HopMS) * time.Millisecond,
	}
}

// Validate says in one line what is wrong with the configuration, if anything.
func (c *Speech) Validate() error {
	if err := c.grid().Validate(); err != nil {
		return err
	}
	for _, check := range []struct {
		ok   bool
		what string
	}{
		{len(c.SNRs) > 0 && len(c.Noises) > 0 && len(c.Seeds) > 0, "snrs, noises and seeds must each hold one value or more"},
		{c.TestUtterances > 0 && c.Rank > 0, "test_utterances and rank must be 1 or more"},
		{within(c.TestSpeakers) && within(c.TuneSpeakers) && within(c.NoiseSplit) && within(c.TuneNoise), "shares must lie between 0 and 1, both excluded"},
		{!slices.ContainsFunc(c.Speeds, func(s float64) bool { return !(s >= 0.5 && s <= 2) }), "speeds must lie between 0.5 and 2"},
		{c.NMFIterations > 0 && c.MixIterations > 0 && c.DNMFSteps > 0 && c.DNMFMixtures > 0, "numbers of iterations must be 1 or more"},
		{c.NMFExponent > 0 && c.DNN.Exponent > 0, "exponents of masks must be positive"},
		{c.Sparsity > 0 && c.DNMFSparsity > 0, "sparsity and dnmf_sparsity must be positive"},
		{c.VAE.Steps > 0 && c.VAE.Batch > 0, "vae.steps and vae.batch must be 1 or more"},
		{c.DNN.Context >= 0 && c.DNN.Compression > 0 && c.DNN.MaskShare >= 0 && c.DNN.MaskShare <= 1, "dnn: context must be 0 or more, compression positive, mask_share within 0 to 1"},
		{c.DNN.Targets == "encoder" || c.DNN.Targets == "updates", "dnn.targets must be encoder or updates"},
		{c.DNN.Training.ok() && c.RNN.Training.ok() && c.RNN.Hidden > 0, "networks need hidden units, epochs, lanes and frames of 1 or more, dropout below 1, and snr_low up to snr_high"},
	} {
		if !check.ok {
			return errors.New("configuration: " + check.what)
		}
	}
	if i := slices.IndexFunc(c.DNN.Hidden, func(n int) bool { return n < 1 }); i >= 0 {
		return fmt.Errorf("configuration: dnn.hidden holds %d, expected widths of 1 or more", c.DNN.Hidden[i])
	}
	_, err := dict.ParseDivergence(c.VAE.Likelihood)
	return err
}

func within(x float64) bool { return x > 0 && x < 1 }

func (t Training) ok() bool {
	return t.Epochs > 0 && t.Lanes > 0 && t.Frames > 0 && t.LearningRate > 0 && t.Dropout >= 0 && t.Dropout < 1 && t.SNRLow <= t.SNRHigh
}

// configFile is a configuration with what is known about its values.
type configFile struct {
	Config any               `json:"config"`
	About  map[string]string `json:"about"`
}

// WriteConfig writes a configuration, [Speech] or [EMG], as JSON: the values,
// and beside them where each comes from.
func WriteConfig(w io.Writer, config any) error {
	about := map[string]string{}
	describe(reflect.TypeOf(config), "", about)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(configFile{config, about})
}

// describe collects the about tags of a structure's fields.
func describe(t reflect.Type, prefix string, about map[string]string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("json")
		if text := f.Tag.Get("about"); text != "" {
			about[name] = text
		}
		describe(f.Type, name+".", about)
	}
}

// ReadConfig reads what [WriteConfig] wrote into config. Values that the file
// leaves out stay as they are; a name that does not exist is an error.
func ReadConfig(r io.Reader, config any) error {
	d := json.NewDecoder(io.LimitReader(r, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(&configFile{Config: config}); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// canonical returns the JSON of a configuration, which results are filed under.
func canonical(config any) []byte {
	var b bytes.Buffer
	// Structures of numbers and strings always encode.
	_ = json.NewEncoder(&b).Encode(config)
	return b.Bytes()
}
