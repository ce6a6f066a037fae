package train

import (
	"context"
	"time"

	"sotto/enhance"
)

// prefetch is how many batches a mixing goroutine may be ahead.
const prefetch = 3

// pipeline prepares batches beside the optimiser. Batch number j is the work
// of mixer j modulo the number of mixers, so the batches come in order and each
// is a pure function of its number.
type pipeline struct {
	mixers []*mixerLane
	next   int
}

type mixerLane struct {
	ready, free chan *batch
}

// startPipeline starts the mixing goroutines from batch number first; they end
// with ctx. Batches below encodings carry the targets of the paper's step.
func startPipeline(ctx context.Context, cfg *NetConfig, src Source, spec enhance.FeatureSpec, first, encodings int) (*pipeline, error) {
	p := &pipeline{next: first}
	lanes := cfg.Lanes / cfg.Workers
	for m := range cfg.Mixers {
		prep, err := newPreparer(cfg, src, spec)
		if err != nil {
			return nil, err
		}
		lane := &mixerLane{ready: make(chan *batch, prefetch), free: make(chan *batch, prefetch)}
		for range prefetch {
			lane.free <- &batch{}
		}
		p.mixers = append(p.mixers, lane)
		start := first + (m-first%cfg.Mixers+cfg.Mixers)%cfg.Mixers
		go lane.run(ctx, prep, start, cfg.Mixers, encodings, lanes, cfg.Segment)
	}
	return p, nil
}

func (l *mixerLane) run(ctx context.Context, p *preparer, start, stride, encodings, lanes int, segment time.Duration) {
	for j := start; ; j += stride {
		var b *batch
		select {
		case b = <-l.free:
		case <-ctx.Done():
			return
		}
		p.encodings = j < encodings
		p.fill(b, uint64(j)*uint64(lanes), lanes, segment)
		l.ready <- b // never blocks: there are as many places as batches
	}
}

// take returns the next batch; give it back when done.
func (p *pipeline) take(ctx context.Context) (*batch, *mixerLane, error) {
	lane := p.mixers[p.next%len(p.mixers)]
	select {
	case b := <-lane.ready:
		p.next++
		return b, lane, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// give returns a batch to the mixer that filled it.
func (l *mixerLane) give(b *batch) { l.free <- b }
