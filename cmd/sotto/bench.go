package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/enhance"
	"sotto/internal/report"
)

const benchLong = `Measure what running live costs on this machine: latency, time per hop, load,
allocations, garbage collection, memory, and the time from start to sound.

Hops of the recording that comes with the program are processed one by one, as
live. With --loopback, chirps are played through the real devices and heard
again, with sotto in the path and without: connect the loudspeaker to the
microphone with a cable, or put them side by side.`

const benchExample = `  sotto bench
  sotto bench --rate 16000 --png hops.png
  sotto bench --loopback --input headset --output headset`

// benchFlags are the flags of the bench command.
type benchFlags struct {
	knobs
	rate          int
	length        time.Duration
	png           string
	force, asJSON bool
	loopback      bool
	input, output string
	firstHop      bool
}

func newBench(a *app) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "measure latency, speed and memory",
		Long:    benchLong,
		Example: benchExample,
		Args:    arguments(0, 0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), &f) },
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.IntVar(&f.rate, "rate", 48000, "rate to process at, Hz")
	flags.DurationVar(&f.length, "length", 30*time.Second, "sound to process")
	flags.StringVar(&f.png, "png", "", "draw a histogram of the time per hop into this file")
	flags.BoolVarP(&f.force, "force", "f", false, "replace the picture if it exists")
	flags.BoolVar(&f.asJSON, "json", false, "as JSON")
	flags.BoolVar(&f.loopback, "loopback", false, "measure the round trip through the devices")
	flags.StringVar(&f.input, "input", "", `with --loopback: microphone, see "sotto devices" (default: the system's)`)
	flags.StringVar(&f.output, "output", "", "with --loopback: loudspeaker, likewise")
	flags.BoolVar(&f.firstHop, firstHopFlag, false, "process one hop and say so")
	_ = flags.MarkHidden(firstHopFlag) // it exists: declared above.
	return cmd
}

func (f *benchFlags) check() error {
	switch {
	case f.rate < 8000 || f.rate > 192000:
		return usagef("--rate is %d Hz, expected 8000 to 192000", f.rate)
	case f.length < time.Second:
		return usagef("--length is %v, expected 1s or more", f.length)
	case f.loopback && f.png != "":
		return usagef("--loopback times no hops to draw; leave out --png")
	case !f.loopback && (f.input != "" || f.output != ""):
		return usagef("--input and --output are for --loopback; add it")
	}
	return nil
}

func (a *app) bench(ctx context.Context, f *benchFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.png != "" {
		if err := cmp.Or(writes(".png", f.png), refuse(f.png, f.force)); err != nil {
			return err
		}
	}
	m, cfg, err := f.load(ctx)
	if err != nil {
		return err
	}
	var facts []fact
	switch {
	case f.firstHop:
		return a.firstHop(m, cfg, f.rate)
	case f.loopback:
		facts, err = a.loopback(ctx, f, m, cfg)
	default:
		facts, err = a.measure(ctx, f, m, cfg)
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeFactsJSON(a, facts)
	}
	return writeFacts(a, slices.DeleteFunc(facts, func(f fact) bool { return f.title == "" }))
}

// aside is a figure for programs alone; people have it in the words of another.
func aside(key string, value any) fact { return fact{key: key, value: value} }

// measure runs every measurement that needs no devices, each by itself.
func (a *app) measure(ctx context.Context, f *benchFlags, m *enhance.Model, cfg enhance.Config) ([]fact, error) {
	signal, err := benchSignal(nativeRate(f.rate))
	if err != nil {
		return nil, err
	}
	e, err := enhance.New(m, nativeRate(f.rate), cfg)
	if err != nil {
		return nil, err
	}
	start, err := startTimes(ctx, f)
	if err != nil {
		return nil, err
	}
	b := newHopBench(e, signal)
	hops := int(f.length.Seconds() * float64(e.SampleRate()) / float64(e.Hop()))
	bar := a.newBar(int64(hops), "processing")
	defer bar.finish()
	r, err := b.run(ctx, hops, bar.add)
	if err != nil {
		return nil, err
	}
	bar.finish()
	pauses := b.collect()
	stages, err := timeStages(m, cfg, e.SampleRate(), signal)
	if err != nil {
		return nil, err
	}
	if f.png != "" {
		title := fmt.Sprintf("time per hop, %d hops of %g ms at %d Hz", hops, milliseconds(b.hopTime), e.SampleRate())
		img, err := report.Histogram(title, "ms", r.sorted, 60)
		if err != nil {
			return nil, err
		}
		if err := a.save(ctx, f.png, f.force, func(w io.Writer) error { return report.WritePNG(w, img) }); err != nil {
			return nil, err
		}
	}
	facts := benchLatency(m, e)
	facts = append(facts, r.facts(b.hopTime)...)
	facts = append(facts, stages.facts()...)
	return append(facts, benchMemory(pauses, start)...), nil
}

// benchLatency says what the figures are of, and the latency that no machine
// can make shorter.
func benchLatency(m *enhance.Model, e *enhance.Enhancer) []fact {
	ms := 1000 * float64(e.Latency()+e.Hop()) / float64(e.SampleRate())
	hop := 1000 * float64(e.Hop()) / float64(e.SampleRate())
	machine := fmt.Sprintf("%s/%s, %s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.Version(), runtime.NumCPU())
	return []fact{
		{"model", m.Name, "model", m.Name},
		{"machine", machine, "machine", machine},
		{"sample_rate", e.SampleRate(), "rate", fmt.Sprintf("%d Hz", e.SampleRate())},
		{"hop_ms", hop, "hop", fmt.Sprintf("%g ms", hop)},
		{"latency_ms", ms, "algorithmic latency", fmt.Sprintf("%g ms: a hop to gather, %g ms in the synthesis", ms, ms-hop)},
	}
}

// benchMemory reports what the process takes, and how long a collection of its
// garbage stops it.
func benchMemory(pauses pauseTimes, start []float64) []fact {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	rss := residentMemory()
	facts := []fact{
		{"gc_pause_median_ms", quantile(pauses.stopped, 0.5), "GC pause, forced", fmt.Sprintf("median %.3f ms, maximum %.3f ms of %d; longest hop meanwhile %.2f ms",
			quantile(pauses.stopped, 0.5), quantile(pauses.stopped, 1), len(pauses.stopped), pauses.longestHop)},
		aside("gc_pause_max_ms", quantile(pauses.stopped, 1)),
		aside("gc_hop_max_ms", pauses.longestHop),
		{"heap_mb", float64(mem.HeapAlloc) / 1e6, "heap", fmt.Sprintf("%.1f MB", float64(mem.HeapAlloc)/1e6)},
	}
	if rss > 0 {
		facts = append(facts, fact{"rss_mb", rss, "memory (RSS)", fmt.Sprintf("%.1f MB", rss)})
	}
	return append(facts,
		fact{"start_ms", quantile(start, 0.5), "start to first hop", fmt.Sprintf("median %.0f ms, maximum %.0f ms of %d starts",
			quantile(start, 0.5), quantile(start, 1), len(start))},
		aside("start_max_ms", quantile(start, 1)))
}

// quantile returns the q-quantile of sorted values: 1 gives the maximum.
func quantile(sorted []float64, q float64) float64 {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// spread writes the quantiles of sorted times in ms.
func spread(sorted []float64) string {
	var b strings.Builder
	for _, q := range []struct {
		name string
		q    float64
	}{{"median", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"maximum", 1}} {
		fmt.Fprintf(&b, "%s %.3f ms, ", q.name, quantile(sorted, q.q))
	}
	return strings.TrimSuffix(b.String(), ", ")
}
