package paper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// path returns where the scores of one system under one condition are kept:
// the name holds a hash of all that they depend on.
func (e *experiment) path(condition string, seed uint64, system string) string {
	sum := sha256.Sum256(append(canonical(e.cfg), e.data.Part.String()+e.data.Hash...))
	return filepath.Join(e.opt.Work, hex.EncodeToString(sum[:6]), fmt.Sprintf("%s-%d-%s.json", condition, seed, system))
}

// recall reads finished work.
func (e *experiment) recall(condition string, seed uint64, system string) (m []Measurement, ok bool, err error) {
	if e.opt.Work == "" {
		return nil, false, nil
	}
	path := e.path(condition, seed, system)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, false, fmt.Errorf("%s is damaged (%w); remove it, and it will be made again", path, err)
	}
	return m, true, nil
}

// keep writes finished work, whole or not at all.
func (e *experiment) keep(condition string, seed uint64, system string, m []Measurement) error {
	if e.opt.Work == "" {
		return nil
	}
	path := e.path(condition, seed, system)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// report says what was done, which is the given number of the total's units.
func (e *experiment) report(what string, units float64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.done += units
	if e.opt.Report != nil {
		e.opt.Report(what, e.done/float64(e.total))
	}
}

// parallel calls do for 0..n-1 on some goroutines and returns the first error.
// After an error, or when ctx is cancelled, no further call begins.
func parallel(ctx context.Context, n, workers int, do func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() == nil {
					if err := do(i); err != nil {
						cancel(err)
					}
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
