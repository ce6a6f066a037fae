package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"sotto/enhance"
	"sotto/stream"
	"sotto/stream/device"
)

// The chirp and its timetable. Its product of bandwidth and duration, 171,
// lifts it 22 dB out of whatever noise there is.
const (
	chirpTime   = 0.030 // s
	chirpLow    = 300.0 // Hz
	chirpHigh   = 6000.0
	chirpLevel  = 0.25
	chirpPeriod = 0.8 // s, more than any round trip.
	chirps      = 8
	// chirpLead is the time before the first one: streams settle.
	chirpLead = 3.0
	// chirpClear is how far a found chirp stands out of its correlation's RMS.
	chirpClear = 8.0
)

// chirp returns a sine that sweeps upward, faded in and out.
func chirp(rate int) []float32 {
	x := make([]float32, int(chirpTime*float64(rate)))
	for i := range x {
		t := float64(i) / float64(rate)
		phase := 2 * math.Pi * (chirpLow*t + (chirpHigh-chirpLow)/(2*chirpTime)*t*t)
		fade := math.Sin(math.Pi * float64(i) / float64(len(x)))
		x[i] = float32(chirpLevel * fade * fade * math.Sin(phase))
	}
	return x
}

// chirpStart returns the sample at which chirp i begins.
func chirpStart(i, rate int) int { return int((chirpLead + float64(i)*chirpPeriod) * float64(rate)) }

// chirpEnd returns the number of samples after which every chirp has come back.
func chirpEnd(rate int) int { return chirpStart(chirps, rate) }

// chirper plays the timetable, sample by sample.
type chirper struct {
	rate   int
	wave   []float32
	played int
}

func newChirper(rate int) *chirper { return &chirper{rate: rate, wave: chirp(rate)} }

// next returns the next sample.
func (c *chirper) next() float32 {
	n := c.played - chirpStart(0, c.rate)
	c.played++
	if n < 0 || c.played > chirpEnd(c.rate) {
		return 0
	}
	if n %= int(chirpPeriod * float64(c.rate)); n < len(c.wave) {
		return c.wave[n]
	}
	return 0
}

// tape records mono sound until it is full: half a second longer than what is
// played, for clocks and starts that differ.
type tape struct {
	samples []float32
	full    chan struct{}
	once    sync.Once
}

func newTape(rate int) *tape {
	return &tape{samples: make([]float32, 0, chirpEnd(rate)+rate/2), full: make(chan struct{})}
}

func (t *tape) add(v float32) {
	if len(t.samples) < cap(t.samples) {
		t.samples = append(t.samples, v)
		return
	}
	t.once.Do(func() { close(t.full) })
}

// wait returns when the tape is full, or something went wrong.
func (t *tape) wait(ctx context.Context, failed <-chan error) error {
	const patience = 30 * time.Second // three times what a tape takes
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-t.full:
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return stream.ErrStalled
	}
}

// find returns where on the tape the chirp of the given rate is, looking from
// sample from over one period, and whether it is there at all.
func (t *tape) find(wave []float32, from, period int) (at int, ok bool) {
	best, energy, count := 0.0, 0.0, 0
	for n := max(from, 0); n < from+period && n+len(wave) <= len(t.samples); n++ {
		sum := 0.0
		for i, w := range wave {
			sum += float64(w) * float64(t.samples[n+i])
		}
		energy, count = energy+sum*sum, count+1
		if math.Abs(sum) > best {
			best, at = math.Abs(sum), n
		}
	}
	return at, count > 0 && best > chirpClear*math.Sqrt(energy/float64(count))
}

// trips returns the round trips in ms: for every chirp that was found, the time
// between from(i), where it was sent in samples of the tape, and its place.
func (t *tape) trips(rate int, from func(i int) float64) []float64 {
	var found []float64
	wave, period := chirp(rate), int(chirpPeriod*float64(rate))
	for i := range chirps {
		sent := from(i)
		if at, ok := t.find(wave, int(sent), period); ok {
			found = append(found, 1000*(float64(at)-sent)/float64(rate))
		}
	}
	slices.Sort(found)
	return found
}

// loopback measures the round trip through the devices, alone and with sotto.
func (a *app) loopback(ctx context.Context, f *benchFlags, m *enhance.Model, cfg enhance.Config) ([]fact, error) {
	in, out := device.Options{Device: f.input}, device.Options{Device: f.output}
	bare, err := bareTrips(ctx, device.Capture(in), device.Playback(out))
	if err != nil {
		return nil, err
	}
	whole, stats, err := liveTrips(ctx, device.Capture(in), device.Playback(out), m, cfg)
	if err != nil {
		return nil, err
	}
	if min(len(bare), len(whole)) < chirps/2 {
		return nil, fmt.Errorf("heard %d of %d chirps without sotto and %d with it; connect output and input, and turn both up",
			len(bare), chirps, len(whole))
	}
	show := func(x []float64) string {
		return fmt.Sprintf("%.1f ms (%.1f to %.1f, %d of %d chirps heard)", quantile(x, 0.5), x[0], x[len(x)-1], len(x), chirps)
	}
	path := fmt.Sprintf("%s to %s", stats.Playback.Name, stats.Capture.Name)
	reported := milliseconds(stats.Latency.Total())
	return []fact{
		{"path", path, "path", path},
		{"without_ms", quantile(bare, 0.5), "devices alone", show(bare)},
		{"with_ms", quantile(whole, 0.5), "with sotto", show(whole)},
		{"reported_ms", reported, "sotto says", fmt.Sprintf("%.1f ms", reported)},
		aside("without_heard", len(bare)),
		aside("with_heard", len(whole)),
	}, nil
}

// bareTrips plays straight into one device and records straight from the other.
// The two count samples by themselves; what relates them is when their
// callbacks run.
func bareTrips(ctx context.Context, capture, playback stream.Opener) ([]float64, error) {
	in, err := capture(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("microphone: %w", err)
	}
	defer func() { _ = in.Close() }()
	out, err := playback(ctx, in.Format().Rate)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	defer func() { _ = out.Close() }()
	start := time.Now()
	recording, player := newTape(in.Format().Rate), newChirper(out.Format().Rate)
	heard, sent := newSampleClock(in.Format().Rate), newSampleClock(out.Format().Rate)
	err = out.Start(func(buf []float32, _ stream.Timing) {
		sent.note(player.played, time.Since(start))
		channels := out.Format().Channels
		for i := 0; i+channels <= len(buf); i += channels {
			v := player.next()
			for c := range channels {
				buf[i+c] = v
			}
		}
	})
	if err != nil {
		return nil, err
	}
	err = in.Start(func(buf []float32, _ stream.Timing) {
		channels := in.Format().Channels
		for i := 0; i+channels <= len(buf); i += channels {
			recording.add(buf[i])
		}
		heard.note(len(recording.samples), time.Since(start))
	})
	if err != nil {
		return nil, err
	}
	gone := make(chan error, 2)
	for _, p := range []stream.Port{in, out} {
		go func() {
			<-p.Done()
			gone <- p.Err()
		}()
	}
	if err := recording.wait(ctx, gone); err != nil {
		return nil, err
	}
	_ = in.Close() // after it nobody else touches the tape and the clocks
	_ = out.Close()
	return recording.trips(in.Format().Rate, func(i int) float64 {
		return heard.sample(sent.time(float64(chirpStart(i, out.Format().Rate))))
	}), nil
}

// sampleClock relates a stream's samples to time: the median of what its
// callbacks say, so that none that came late counts.
type sampleClock struct {
	rate    float64
	offsets []float64 // s: the time of sample 0, by each callback.
}

func newSampleClock(rate int) *sampleClock {
	return &sampleClock{rate: float64(rate), offsets: make([]float64, 0, 1<<16)}
}

// note says that at some time sample n was due.
func (c *sampleClock) note(n int, at time.Duration) {
	if len(c.offsets) < cap(c.offsets) {
		c.offsets = append(c.offsets, at.Seconds()-float64(n)/c.rate)
	}
}

func (c *sampleClock) offset() float64 { return median(slices.Clone(c.offsets)) }

// time returns when sample n is due, in seconds.
func (c *sampleClock) time(n float64) float64 { return c.offset() + n/c.rate }

// sample returns which one is due at a time, in seconds.
func (c *sampleClock) sample(t float64) float64 { return (t - c.offset()) * c.rate }

// probe stands between the devices in the enhancer's place: it plays the
// chirps, and records what the enhancer makes of what comes in. Bypassed, the
// enhancer takes as long as ever, and lets a chirp live.
type probe struct {
	*enhance.Enhancer
	chirper *chirper
	tape    *tape
	wet     []float32
}

// Process implements stream.Processor.
func (p *probe) Process(dst, src []float32) {
	p.Enhancer.Process(p.wet, src)
	for i, v := range p.wet {
		p.tape.add(v)
		dst[i] = p.chirper.next()
	}
}

// Reset implements stream.Processor; the timetable goes on.
func (p *probe) Reset() { p.Enhancer.Reset() }

// liveTrips runs the engine as live does, with a probe around the enhancer.
// Sent and heard are counted on one clock, so their difference is what a voice
// takes from microphone to loudspeaker.
func liveTrips(ctx context.Context, capture, playback stream.Opener, m *enhance.Model, cfg enhance.Config) ([]float64, stream.Stats, error) {
	var p *probe
	cfg.Bypass = true
	started := make(chan stream.Event, 1)
	engine, err := stream.New(stream.Config{
		Capture: capture, Playback: playback,
		Processor: func(rate int) (stream.Processor, error) {
			e, err := enhance.New(m, nativeRate(rate), cfg)
			if err != nil {
				return nil, err
			}
			p = &probe{Enhancer: e, chirper: newChirper(e.SampleRate()), tape: newTape(e.SampleRate()), wet: make([]float32, e.Hop())}
			return p, nil
		},
		OnEvent: func(e stream.Event) {
			if e.Kind == stream.Started {
				started <- e
			}
		},
	})
	if err != nil {
		return nil, stream.Stats{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	select {
	case <-started:
	case err := <-ended:
		return nil, stream.Stats{}, err
	}
	if err := errors.Join(p.tape.wait(ctx, ended), ctx.Err()); err != nil {
		return nil, stream.Stats{}, err
	}
	stats := engine.Stats()
	cancel()
	if err := <-ended; err != nil {
		return nil, stats, err
	}
	rate := p.SampleRate()
	return p.tape.trips(rate, func(i int) float64 { return float64(chirpStart(i, rate)) }), stats, nil
}
