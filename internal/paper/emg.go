package paper

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"sotto/dict"
	"sotto/internal/metrics/vaf"
)

// EMG configures the experiment on muscle synergies; see [Speech] on the tags.
type EMG struct {
	Rank          int    `json:"rank" about:"paper: synergies per movement"`
	Held          []int  `json:"held_repetitions" about:"ours: repetitions not learned from; 2, 5 and 7 of 10 are Ninapro's own usage (Atzori et al. 2014)"`
	NMFIterations int    `json:"nmf_iterations" about:"ours: updates of both factors, squared error"`
	MixIterations int    `json:"mix_iterations" about:"ours: updates of the activations with fixed synergies"`
	Seed          uint64 `json:"seed" about:"ours"`
	VAE           VAE    `json:"vae"`
}

// DefaultEMG returns the configuration that docs/paper.md reports on.
func DefaultEMG() *EMG {
	return &EMG{
		Rank: 4, Held: []int{2, 5, 7}, NMFIterations: 200, MixIterations: 200, Seed: 1,
		VAE: VAE{
			Hidden: []int{64, 64}, Steps: 800, Batch: 128, LearningRate: 3e-3, DictionaryRate: 30, WeightDecay: 1e-5, InputNoise: -1,
			PriorShape: 1, PriorRate: 1, KLWeight: 1, Likelihood: "frobenius",
		},
	}
}

// Quick makes the experiment small enough for a test. Its results mean nothing.
func (c *EMG) Quick() {
	c.NMFIterations, c.MixIterations = 10, 10
	c.VAE.Steps, c.VAE.Hidden = 5, []int{8}
}

// Validate says in one line what is wrong with the configuration, if anything.
func (c *EMG) Validate() error {
	if c.Rank < 1 || c.NMFIterations < 1 || c.MixIterations < 1 || c.VAE.Steps < 1 || c.VAE.Batch < 1 || len(c.Held) == 0 {
		return errors.New("configuration: rank, iterations, vae.steps and vae.batch must be 1 or more, and held_repetitions must name one or more")
	}
	_, err := dict.ParseDivergence(c.VAE.Likelihood)
	return err
}

// The ways of reconstruction. Both dictionaries are also applied alike, by
// multiplicative updates, which tells the synergies' share from the encoder's.
const (
	emgNMF     = "NMF"
	emgVAE     = "VAE-NMF"
	emgVAEOnly = "VAE-NMF synergies, updates"
)

// EMGMethods returns the ways of reconstruction in the order of the tables.
func EMGMethods() []string { return []string{emgNMF, emgVAE, emgVAEOnly} }

// The parts of a recording.
const (
	learned = "training"
	held    = "held out"
)

// EMGResults are the VAFs of all subjects and two examples for figures.
type EMGResults struct {
	Config   *EMG         `json:"config"`
	Channels int          `json:"channels"`
	Subjects []EMGSubject `json:"subjects"`

	example *emgExample
}

// EMGSubject holds the VAFs of a subject, over all movements together.
type EMGSubject struct {
	Subject   string `json:"subject"`
	Movements int    `json:"movements"`
	// VAF is by part ("training", "held out") and method.
	VAF map[string]map[string]vaf.Result `json:"vaf"`
}

// emgExample is the movement of the figures.
type emgExample struct {
	subject  string
	movement int
	original [][]float32            // of the first held-out repetition
	est      map[string][][]float32 // by method
	synergy  map[string]*dict.Dictionary
}

// movement is one subject's repetitions of a movement: samples x channels.
type movement struct {
	subject, file int
	label         int
	train, test   *dict.Frames
	first         int // samples of the first held-out repetition
}

// RunEMG learns synergies for every subject and movement and reconstructs.
func RunEMG(ctx context.Context, recordings []*Recording, cfg *EMG, opt Options) (*EMGResults, error) {
	if opt.Workers == 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	subjects, moves, err := movementsOf(recordings, cfg)
	if err != nil {
		return nil, err
	}
	done := make([]*reconstruction, len(moves))
	var mu sync.Mutex
	finished := 0
	err = parallel(ctx, len(moves), opt.Workers, func(i int) (err error) {
		if done[i], err = reconstruct(ctx, moves[i], cfg); err != nil {
			return fmt.Errorf("%s, movement %d: %w", subjects[moves[i].subject], moves[i].label, err)
		}
		mu.Lock()
		defer mu.Unlock()
		finished++
		if opt.Report != nil {
			opt.Report("learning synergies", float64(finished)/float64(len(moves)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r := &EMGResults{Config: cfg, Channels: moves[0].train.Bins}
	i := liveliest(moves)
	r.example = exampleOf(subjects, moves[i], done[i])
	for s, name := range subjects {
		result, err := scoreSubject(name, s, moves, done)
		if err != nil {
			return nil, err
		}
		r.Subjects = append(r.Subjects, *result)
	}
	return r, nil
}

// movementsOf cuts recordings into movements, every channel in units of its
// greatest value in the training repetitions of its file.
func movementsOf(recordings []*Recording, cfg *EMG) (subjects []string, moves []*movement, err error) {
	for file, r := range recordings {
		if len(r.Channels) != len(recordings[0].Channels) {
			return nil, nil, fmt.Errorf("subject %s has %d channels and %s %d, expected as many",
				recordings[0].Subject, len(recordings[0].Channels), r.Subject, len(r.Channels))
		}
		s := slices.Index(subjects, r.Subject)
		if s < 0 {
			s = len(subjects)
			subjects = append(subjects, r.Subject)
		}
		cut := cutMovements(r, cfg, s, file)
		if len(cut) == 0 {
			return nil, nil, fmt.Errorf("subject %s has no movement with repetitions to learn from and others (%v) to hold out", r.Subject, cfg.Held)
		}
		moves = append(moves, cut...)
	}
	return subjects, moves, nil
}

func cutMovements(r *Recording, cfg *EMG, subject, file int) []*movement {
	peaks := make([]float32, len(r.Channels))
	for i, c := range r.Channels {
		for t, v := range c {
			if r.Movement[t] > 0 && !slices.Contains(cfg.Held, r.Repetition[t]) {
				peaks[i] = max(peaks[i], v)
			}
		}
	}
	byLabel := map[int]*movement{}
	var labels []int
	for t, label := range r.Movement {
		if label <= 0 || r.Repetition[t] <= 0 {
			continue
		}
		m := byLabel[label]
		if m == nil {
			bins := len(r.Channels)
			m = &movement{subject: subject, file: file, label: label, train: &dict.Frames{Bins: bins}, test: &dict.Frames{Bins: bins}}
			byLabel[label] = m
			labels = append(labels, label)
		}
		to := m.train
		if slices.Contains(cfg.Held, r.Repetition[t]) {
			to = m.test
			if r.Repetition[t] == slices.Min(cfg.Held) {
				m.first++
			}
		}
		for i, c := range r.Channels {
			to.Data = append(to.Data, c[t]/max(peaks[i], tiny))
		}
		to.Count++
	}
	slices.Sort(labels)
	var out []*movement
	for _, label := range labels {
		if m := byLabel[label]; m.train.Count > 0 && m.test.Count > 0 {
			out = append(out, m)
		}
	}
	return out
}

// reconstruction holds the estimates of a movement's frames by part and method.
type reconstruction struct {
	est     map[string]map[string]*dict.Frames
	synergy map[string]*dict.Dictionary
}

func reconstruct(ctx context.Context, m *movement, cfg *EMG) (*reconstruction, error) {
	seed := cfg.Seed<<20 + uint64(m.file)<<10 + uint64(m.label)
	plain, err := dict.NMF(ctx, m.train, dict.NMFConfig{Divergence: dict.Frobenius, Rank: cfg.Rank, Iterations: cfg.NMFIterations, Seed: seed}, nil)
	if err != nil {
		return nil, err
	}
	vc, err := cfg.VAE.config(cfg.Rank, m.train, seed)
	if err != nil {
		return nil, err
	}
	vc.Workers = 1 // movements run side by side
	deep, err := dict.Train(ctx, m.train, vc, nil)
	if err != nil {
		return nil, err
	}
	encode := dict.EncodeConfig{Divergence: dict.Frobenius, Iterations: cfg.MixIterations}
	r := &reconstruction{est: map[string]map[string]*dict.Frames{}, synergy: map[string]*dict.Dictionary{emgNMF: plain, emgVAE: deep}}
	for part, f := range map[string]*dict.Frames{learned: m.train, held: m.test} {
		r.est[part] = map[string]*dict.Frames{
			emgNMF:     product(plain, plain.Encode(nil, f, encode)),
			emgVAE:     product(deep, deep.Encoder.Encode(nil, f)),
			emgVAEOnly: product(deep, deep.Encode(nil, f, encode)),
		}
	}
	return r, nil
}

// product returns the frames that activations stand for.
func product(d *dict.Dictionary, h []float32) *dict.Frames {
	f := &dict.Frames{Bins: d.Bins, Count: len(h) / d.Rank}
	f.Data = make([]float32, f.Count*f.Bins)
	for i := range f.Count {
		row := f.Row(i)
		for j := range row {
			for k, v := range h[i*d.Rank : (i+1)*d.Rank] {
				row[j] += d.W[j*d.Rank+k] * v
			}
		}
	}
	return f
}

// scoreSubject measures a subject's movements together: a muscle that rests in
// one movement has no VAF there.
func scoreSubject(name string, subject int, moves []*movement, done []*reconstruction) (*EMGSubject, error) {
	out := &EMGSubject{Subject: name, VAF: map[string]map[string]vaf.Result{learned: {}, held: {}}}
	for part := range out.VAF {
		for _, method := range EMGMethods() {
			var ref, est [][]float32
			out.Movements = 0
			for i, m := range moves {
				if m.subject != subject {
					continue
				}
				out.Movements++
				original := m.train
				if part == held {
					original = m.test
				}
				ref, est = appendChannels(ref, original), appendChannels(est, done[i].est[part][method])
			}
			v, err := vaf.Score(ref, est)
			if err != nil {
				return nil, fmt.Errorf("subject %s, %s: %w", name, part, err)
			}
			out.VAF[part][method] = v
		}
	}
	return out, nil
}

// appendChannels appends frames to channels x samples.
func appendChannels(channels [][]float32, f *dict.Frames) [][]float32 {
	if channels == nil {
		channels = make([][]float32, f.Bins)
	}
	for i := range f.Count {
		for j, v := range f.Row(i) {
			channels[j] = append(channels[j], v)
		}
	}
	return channels
}

// liveliest returns the first subject's movement with the most activity in the
// held-out repetitions, where there is most to see.
func liveliest(moves []*movement) int {
	best := 0
	for i, m := range moves {
		if m.subject == moves[0].subject && m.test.Mean() > moves[best].test.Mean() {
			best = i
		}
	}
	return best
}

func exampleOf(subjects []string, m *movement, r *reconstruction) *emgExample {
	first := func(f *dict.Frames) [][]float32 {
		n := m.first
		if n == 0 {
			n = f.Count
		}
		return appendChannels(nil, &dict.Frames{Bins: f.Bins, Count: n, Data: f.Data[:n*f.Bins]})
	}
	e := &emgExample{subject: subjects[m.subject], movement: m.label, original: first(m.test), est: map[string][][]float32{}, synergy: r.synergy}
	for method, f := range r.est[held] {
		e.est[method] = first(f)
	}
	return e
}

// cosine is the cosine of the angle between two atoms.
func cosine(a, b []float64) float64 {
	var ab, aa, bb float64
	for i, x := range a {
		ab += x * b[i]
		aa += x * x
		bb += b[i] * b[i]
	}
	return ab / math.Sqrt(max(aa*bb, 1e-30))
}
