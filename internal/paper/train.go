package paper

import (
	"context"
	"fmt"
	"sync"

	"sotto/dict"
)

// method is a way to learn dictionaries.
type method string

const (
	plain       method = "NMF"
	sparse      method = "SNMF"
	analysis    method = "DNMF"
	variational method = "VAE-NMF"
)

// dictionaries learns every dictionary once.
type dictionaries struct {
	cfg   *Speech
	mu    sync.Mutex
	known map[string]*lazy
}

type lazy struct {
	once sync.Once
	d    *dict.Dictionary
	err  error
}

func newDictionaries(cfg *Speech) *dictionaries {
	return &dictionaries{cfg: cfg, known: map[string]*lazy{}}
}

// get returns the dictionary of some sounds, which name tells apart from others.
func (d *dictionaries) get(ctx context.Context, m method, name string, sounds []*sound, seed uint64) (*dict.Dictionary, error) {
	key := fmt.Sprintf("%s %s %d", m, name, seed)
	d.mu.Lock()
	l := d.known[key]
	if l == nil {
		l = &lazy{}
		d.known[key] = l
	}
	d.mu.Unlock()
	l.once.Do(func() { l.d, l.err = d.learn(ctx, m, frames(sounds), seed) })
	return l.d, l.err
}

func (d *dictionaries) learn(ctx context.Context, m method, f *dict.Frames, seed uint64) (*dict.Dictionary, error) {
	cfg := dict.NMFConfig{Rank: d.cfg.Rank, Iterations: d.cfg.NMFIterations, Seed: seed}
	switch m {
	case sparse:
		cfg.Sparsity = d.cfg.Sparsity
	case analysis:
		cfg.Sparsity = d.cfg.DNMFSparsity
	case plain:
	case variational:
		vae, err := d.cfg.VAE.config(d.cfg.Rank, f, seed)
		if err != nil {
			return nil, err
		}
		return dict.Train(ctx, f, vae, nil)
	}
	return dict.NMF(ctx, f, cfg, nil)
}

// pair returns the dictionaries of speech and of a condition's noise.
func (e *experiment) pair(ctx context.Context, m method, condition string, seed uint64) (p pair, err error) {
	if p.speech, err = e.dicts.get(ctx, m, "speech", e.speech[0], seed); err != nil {
		return p, err
	}
	p.noise, err = e.dicts.get(ctx, m, "noise "+condition, e.noise[0][condition], seed)
	return p, err
}

// system trains a system by its name. Unprocessed is nil.
func (e *experiment) system(ctx context.Context, name, condition string, seed uint64) (*System, error) {
	s := &scene{speech: e.speech[0], noise: e.noise[0][condition], bins: e.cfg.grid().Bins()}
	var m method
	switch name {
	case Unprocessed:
		return nil, nil
	case Recurrent:
		return trainRecurrent(ctx, s, &e.cfg.RNN, seed)
	case NMF, NMFDNN:
		m = plain
	case SparseNMF:
		m = sparse
	case DNMF:
		m = analysis
	case VAENMF:
		m = variational
	default:
		return nil, fmt.Errorf("%q is no system; known are %v", name, Systems())
	}
	p, err := e.pair(ctx, m, condition, seed)
	if err != nil {
		return nil, err
	}
	encode := dict.EncodeConfig{Iterations: e.cfg.MixIterations}
	switch name {
	case SparseNMF:
		encode.Sparsity = e.cfg.Sparsity
		fallthrough
	case NMF:
		return newFactored(name, p, encode, e.cfg.NMFExponent), nil
	case DNMF:
		return trainDiscriminative(ctx, s, p, e.cfg, seed)
	}
	code := byUpdates(e.cfg.MixIterations)
	if name == VAENMF && e.cfg.DNN.Targets == "encoder" {
		code = byEncoder
	}
	return trainActivations(ctx, name, s, p, code, &e.cfg.DNN, seed)
}
