package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"sotto/assets"
	"sotto/enhance"
	"sotto/internal/resample"
	"sotto/stft"
	"sotto/stream"
)

const (
	// warmUp is how much sound goes by before anything is timed: the running
	// level and the caches have settled.
	warmUp = time.Second
	// stageHops is enough for the median of a stage.
	stageHops = 1000
	// allocationHops is how many hops may show an allocation.
	allocationHops = 1000
	// collections is how many collections are forced to see their pauses.
	collections = 20
)

// benchSignal is the recording that comes with the program, at another rate.
func benchSignal(rate int) ([]float32, error) {
	x, from, err := decode(assets.Demo().Noisy, "noisy sample")
	if err != nil {
		return nil, err
	}
	return resample.Convert(x, from, rate), nil
}

// hopBench times the hops of a processor over a signal that is repeated.
type hopBench struct {
	proc    stream.Processor
	signal  []float32
	at      int
	dst     []float32
	hopTime time.Duration
}

func newHopBench(proc stream.Processor, signal []float32) *hopBench {
	hop := proc.Hop()
	return &hopBench{
		proc: proc, signal: signal, dst: make([]float32, hop),
		hopTime: time.Duration(float64(hop) / float64(proc.SampleRate()) * float64(time.Second)),
	}
}

// next processes the next hop and returns how long that took.
func (b *hopBench) next() time.Duration {
	if b.at+len(b.dst) > len(b.signal) {
		b.at = 0
	}
	src := b.signal[b.at : b.at+len(b.dst)]
	b.at += len(b.dst)
	start := time.Now()
	b.proc.Process(b.dst, src)
	return time.Since(start)
}

// hopTimes are the results of a hopBench.
type hopTimes struct {
	sorted      []float64 // ms
	mean        float64   // ms
	allocations float64   // per hop
	late        int       // hops that took longer than they last
	how         string    // the scheduling of the thread
}

// run times hops on a thread of their own, as live.
func (b *hopBench) run(ctx context.Context, hops int, progress func(int)) (*hopTimes, error) {
	r := &hopTimes{sorted: make([]float64, 0, hops)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its priority
		r.how = stream.RequestRealtime()
		for range int(warmUp / b.hopTime) {
			b.next()
		}
		r.allocations = b.allocations()
		for i := range hops {
			took := b.next()
			if took > b.hopTime {
				r.late++
			}
			r.sorted = append(r.sorted, milliseconds(took))
			if i%1000 == 999 {
				progress(1000)
				if ctx.Err() != nil {
					return
				}
			}
		}
	}()
	<-done
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, ms := range r.sorted {
		r.mean += ms / float64(hops)
	}
	slices.Sort(r.sorted)
	return r, nil
}

// allocations returns how many objects a hop puts on the heap.
func (b *hopBench) allocations() float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range allocationHops {
		b.next()
	}
	runtime.ReadMemStats(&after)
	// Less than one per hundred hops is the runtime's own, not the path's.
	return math.Floor(100*float64(after.Mallocs-before.Mallocs)/allocationHops) / 100
}

// facts reports the times, with their shares of a hop.
func (r *hopTimes) facts(hopTime time.Duration) []fact {
	factor := r.mean / milliseconds(hopTime)
	return []fact{
		{"hop_median_ms", quantile(r.sorted, 0.5), "time per hop", spread(r.sorted)},
		aside("hop_p99_ms", quantile(r.sorted, 0.99)),
		aside("hop_p999_ms", quantile(r.sorted, 0.999)),
		aside("hop_max_ms", quantile(r.sorted, 1)),
		{"hops", len(r.sorted), "hops", fmt.Sprintf("%d, %d of them late", len(r.sorted), r.late)},
		aside("late_hops", r.late),
		{"scheduling", r.how, "scheduling", r.how},
		{"real_time_factor", factor, "real-time factor", fmt.Sprintf("%.4f on one core: %.0f times faster than the sound", factor, 1/factor)},
		{"allocations_per_hop", r.allocations, "allocations per hop", fmt.Sprintf("%g", r.allocations)},
	}
}

// pauseTimes tell what collections of garbage do.
type pauseTimes struct {
	stopped    []float64 // how long each stopped the program, ms, sorted
	longestHop float64   // ms
}

// collect forces collections while hops go on at the pace of live.
func (b *hopBench) collect() pauseTimes {
	var p pauseTimes
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, as in run
		stream.RequestRealtime()
		for {
			select {
			case <-quit:
				return
			case <-time.After(b.hopTime):
				p.longestHop = max(p.longestHop, milliseconds(b.next()))
			}
		}
	}()
	var mem runtime.MemStats
	for range collections {
		time.Sleep(b.hopTime)
		runtime.GC()
		runtime.ReadMemStats(&mem)
		last := time.Duration(mem.PauseNs[(mem.NumGC+uint32(len(mem.PauseNs))-1)%uint32(len(mem.PauseNs))])
		p.stopped = append(p.stopped, milliseconds(last))
	}
	close(quit)
	<-done
	slices.Sort(p.stopped)
	return p
}

// stageTimes are medians in ms.
type stageTimes struct{ analysis, network, mask, synthesis float64 }

// timedEstimator times the features and the network inside an Enhancer.
type timedEstimator struct {
	*enhance.Recurrent
	took []float64 // ms
}

// Estimate implements enhance.Estimator.
func (t *timedEstimator) Estimate(h []float32, spectrum []complex64) {
	start := time.Now()
	t.Recurrent.Estimate(h, spectrum)
	t.took = append(t.took, milliseconds(time.Since(start)))
}

// timeStages times the stages of a hop that can be run, or looked into, by
// themselves, and takes as the mask what of the same hop they leave: a machine
// that turns slower between two hops does not mix one's times with another's.
func timeStages(m *enhance.Model, cfg enhance.Config, rate int, signal []float32) (stageTimes, error) {
	est := &timedEstimator{Recurrent: enhance.NewRecurrent(m), took: make([]float64, 0, stageHops)}
	e, err := enhance.NewWithEstimator(m, est, rate, cfg)
	if err != nil {
		return stageTimes{}, err
	}
	grid := e.Transform()
	analyzer, err := stft.NewAnalyzer(grid)
	if err != nil {
		return stageTimes{}, err
	}
	synthesizer, err := stft.NewSynthesizer(grid)
	if err != nil {
		return stageTimes{}, err
	}
	b := newHopBench(e, signal)
	spectrum, hop := make([]complex64, grid.Bins()), make([]float32, grid.HopSize())
	var analysis, mask, synthesis []float64
	for i := range stageHops {
		whole := milliseconds(b.next())
		start := time.Now()
		analyzer.Analyze(spectrum, b.dst)
		middle := time.Now()
		synthesizer.Synthesize(hop, spectrum)
		synthesis = append(synthesis, milliseconds(time.Since(middle)))
		analysis = append(analysis, milliseconds(middle.Sub(start)))
		mask = append(mask, max(whole-analysis[i]-est.took[i]-synthesis[i], 0))
	}
	return stageTimes{analysis: median(analysis), network: median(est.took), mask: median(mask), synthesis: median(synthesis)}, nil
}

// median sorts x and returns its middle.
func median(x []float64) float64 {
	slices.Sort(x)
	return quantile(x, 0.5)
}

func (s stageTimes) facts() []fact {
	return []fact{
		{"analysis_ms", s.analysis, "by stage", fmt.Sprintf("analysis %.3f ms, features and network %.3f ms, dictionaries and mask %.3f ms, synthesis %.3f ms",
			s.analysis, s.network, s.mask, s.synthesis)},
		aside("network_ms", s.network),
		aside("mask_ms", s.mask),
		aside("synthesis_ms", s.synthesis),
	}
}
