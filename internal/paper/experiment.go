package paper

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"sotto/internal/corpus"
)

// The names of the systems, in the order of the tables.
const (
	Unprocessed = "mixture"
	NMF         = "NMF"
	SparseNMF   = "SNMF"
	DNMF        = "DNMF"
	Recurrent   = "RNN"
	NMFDNN      = "NMF-DNN"
	VAENMF      = "VAE-NMF"
)

// Systems returns the names of all systems in the order of the tables.
func Systems() []string {
	return []string{Unprocessed, NMF, SparseNMF, DNMF, Recurrent, NMFDNN, VAENMF}
}

// Pooled names the condition in which systems are trained on all noises at once.
const Pooled = "pooled"

// Options say how an experiment is run; they do not change its results.
type Options struct {
	// Work is a folder for what is finished, so that a run that was interrupted
	// goes on where it stopped. Empty keeps nothing.
	Work string
	// Only are the systems to run. Empty means all.
	Only []string
	// Workers is how many cores to use. 0 means all.
	Workers int
	// Report, when not nil, hears what is being done, with the share of the whole
	// that is done. Calls do not overlap.
	Report func(what string, done float64)
}

// Measurement is the score of one system on one mixture.
type Measurement struct {
	Condition string  `json:"condition"`
	Seed      uint64  `json:"seed"`
	System    string  `json:"system"`
	Noise     string  `json:"noise"`
	SNR       float64 `json:"snr"`
	Utterance string  `json:"utterance"`
	Score
}

// SpeechResults are the scores of all systems, with what made them.
type SpeechResults struct {
	Config       *Speech       `json:"config"`
	Part         string        `json:"part"`
	Data         string        `json:"data"`
	Measurements []Measurement `json:"measurements"`

	dictionaries map[string]pair // of the first seed, by condition and method
	speakers     [2]int
	seconds      [2]float64
}

// experiment is a run of the speech experiment.
type experiment struct {
	cfg    *Speech
	opt    Options
	data   *Corpora
	speech [2][]*sound
	noise  [2]map[string][]*sound
	dicts  *dictionaries
	done   float64
	total  int
	mu     sync.Mutex
}

// RunSpeech trains and scores all systems: for every seed on every noise alone
// (the paper's Table 1) and on all of them together (Table 2).
func RunSpeech(ctx context.Context, data *Corpora, cfg *Speech, opt Options) (*SpeechResults, error) {
	if opt.Workers == 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if len(opt.Only) == 0 {
		opt.Only = Systems()
	}
	e := &experiment{cfg: cfg, opt: opt, data: data, dicts: newDictionaries(cfg)}
	if err := e.load(); err != nil {
		return nil, err
	}
	conditions := cfg.conditions()
	e.total = len(cfg.Seeds) * len(conditions) * len(opt.Only) * 2
	r := &SpeechResults{Config: cfg, Part: data.Part.String(), Data: data.Hash, dictionaries: map[string]pair{}}
	for i, s := range data.Speech {
		r.speakers[i], r.seconds[i] = len(s.Speakers()), s.Seconds()
	}
	for _, seed := range cfg.Seeds {
		for _, condition := range conditions {
			m, err := e.cell(ctx, condition, seed)
			if err != nil {
				return nil, err
			}
			r.Measurements = append(r.Measurements, m...)
		}
	}
	return r, e.pictured(ctx, r, conditions)
}

// conditions are what systems are trained under. A single noise is not pooled.
func (c *Speech) conditions() []string {
	if len(c.Noises) == 1 {
		return c.Noises
	}
	return append(append([]string(nil), c.Noises...), Pooled)
}

// pictured adds the dictionaries that the figures show.
func (e *experiment) pictured(ctx context.Context, r *SpeechResults, conditions []string) error {
	for _, condition := range conditions {
		for _, method := range []method{plain, variational} {
			p, err := e.pair(ctx, method, condition, e.cfg.Seeds[0])
			if err != nil {
				return err
			}
			r.dictionaries[condition+" "+string(method)] = p
		}
	}
	return nil
}

// load transforms all recordings.
func (e *experiment) load() (err error) {
	level, grid := amplitude(e.cfg.Level), e.cfg.grid()
	for i := range e.speech {
		set, speeds := e.data.Speech[i], []float64{1}
		if i == 0 {
			speeds = append(speeds, e.cfg.Speeds...)
		} else {
			set = spread(set, e.cfg.TestUtterances)
		}
		if e.speech[i], err = newSounds(set, level, grid, speeds); err != nil {
			return err
		}
		e.noise[i] = map[string][]*sound{}
		for _, name := range e.cfg.Noises {
			if e.noise[i][name], err = newSounds(noisesNamed(e.data.Noise[i], name), level, grid, speeds); err != nil {
				return err
			}
			e.noise[i][Pooled] = append(e.noise[i][Pooled], e.noise[i][name]...)
		}
	}
	return nil
}

// spread returns n clips, or all if there are fewer, in turn from every speaker.
func spread(s *corpus.Set, n int) *corpus.Set {
	byName := map[string][]int{}
	for i := range s.Clips {
		byName[s.Clips[i].Speaker] = append(byName[s.Clips[i].Speaker], i)
	}
	out := &corpus.Set{}
	for round := 0; len(out.Clips) < min(n, len(s.Clips)); round++ {
		for _, name := range s.Speakers() {
			if clips := byName[name]; round < len(clips) && len(out.Clips) < n {
				out.Clips = append(out.Clips, s.Clips[clips[round]])
			}
		}
	}
	return out
}

// cell returns the scores of all systems under one condition with one seed,
// from the folder of finished work as far as they are there.
func (e *experiment) cell(ctx context.Context, condition string, seed uint64) ([]Measurement, error) {
	var all []Measurement
	var missing []string
	for _, name := range e.opt.Only {
		m, ok, err := e.recall(condition, seed, name)
		if err != nil {
			return nil, err
		}
		if !ok {
			missing = append(missing, name)
			continue
		}
		all = append(all, m...)
		e.report(fmt.Sprintf("%s, seed %d: %s is there", condition, seed, name), 2)
	}
	if len(missing) == 0 {
		return all, nil
	}
	systems, err := e.train(ctx, missing, condition, seed)
	if err != nil {
		return nil, err
	}
	fresh, err := e.measure(ctx, missing, systems, condition, seed)
	if err != nil {
		return nil, err
	}
	for i, name := range missing {
		if err := e.keep(condition, seed, name, fresh[i]); err != nil {
			return nil, err
		}
		all = append(all, fresh[i]...)
	}
	return all, nil
}

// train trains the named systems, as many at a time as there are workers.
func (e *experiment) train(ctx context.Context, names []string, condition string, seed uint64) ([]*System, error) {
	systems := make([]*System, len(names))
	err := parallel(ctx, len(names), e.opt.Workers, func(i int) (err error) {
		systems[i], err = e.system(ctx, names[i], condition, seed)
		e.report(fmt.Sprintf("%s, seed %d: trained %s", condition, seed, names[i]), 1)
		return err
	})
	return systems, err
}

// measure scores systems on all mixtures of a condition; the result is by
// system.
func (e *experiment) measure(ctx context.Context, names []string, systems []*System, condition string, seed uint64) ([][]Measurement, error) {
	var mixtures []*trial
	for i, name := range e.cfg.Noises {
		if condition == name || condition == Pooled {
			mixtures = append(mixtures, trials(e.speech[1], e.noise[1][name], name, e.cfg, seed<<8+uint64(i))...)
		}
	}
	scores := make([][]Score, len(mixtures))
	scorers := sync.Pool{}
	err := parallel(ctx, len(mixtures), e.opt.Workers, func(i int) (err error) {
		s, ok := scorers.Get().(*scorer)
		if !ok {
			if s, err = newScorer(e.cfg.grid()); err != nil {
				return err
			}
		}
		defer scorers.Put(s)
		scores[i], err = s.score(mixtures[i], systems)
		e.report(fmt.Sprintf("%s, seed %d: scoring", condition, seed), float64(len(names))/float64(len(mixtures)))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([][]Measurement, len(names))
	for i, t := range mixtures {
		for k, name := range names {
			out[k] = append(out[k], Measurement{condition, seed, name, t.Noise, t.SNR, t.Utterance, scores[i][k]})
		}
	}
	return out, nil
}
