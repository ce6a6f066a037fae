package main

import (
	"context"
	"errors"
	"io"

	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/resample"
	"sotto/stream"
)

// blockFrames is how many frames are read at a time: a quarter of a second at
// 16 kHz, so that pipes stay lively and calls stay few.
const blockFrames = 4096

// nativeRate returns the rate at which sound of the given rate is processed:
// itself where the enhancer runs at it, else the next higher one, or the
// highest, which cuts what lies above 24 kHz.
func nativeRate(rate int) int {
	rates := enhance.NativeRates()
	for _, r := range rates {
		if rate <= r {
			return r
		}
	}
	return rates[len(rates)-1]
}

// channel takes one channel of any rate through a Processor. What comes out is
// aligned with what went in: sample n belongs to sample n. It keeps a bounded
// amount of sound, whatever goes through.
type channel struct {
	proc stream.Processor
	up   *resample.Stream // to the processor's rate; the identity at native rates
	down *resample.Stream // back again

	// skips are the samples still to drop after each stage, which lags by that
	// many.
	skipUp, skipProc, skipDown int

	pending []float32 // at the processor's rate, less than a hop between calls
	a, b    []float32 // scratch
	in, out int       // samples taken and given
}

func newChannel(proc stream.Processor, rate int) *channel {
	return resampled(proc, resample.NewStream(rate, proc.SampleRate()), resample.NewStream(proc.SampleRate(), rate))
}

// twin returns a channel of the same rate for another processor of its kind.
func (c *channel) twin(proc stream.Processor) *channel {
	return resampled(proc, c.up.Twin(), c.down.Twin())
}

func resampled(proc stream.Processor, up, down *resample.Stream) *channel {
	return &channel{
		proc: proc, up: up, down: down,
		skipUp: int(up.Delay()), skipProc: proc.Latency(), skipDown: int(down.Delay()),
	}
}

// drop removes up to *n leading samples of x, and counts them off.
func drop(x []float32, n *int) []float32 {
	k := min(*n, len(x))
	*n -= k
	return x[k:]
}

// push takes in src and appends what is ready to dst.
func (c *channel) push(dst, src []float32) []float32 {
	c.in += len(src)
	return c.advance(dst, src)
}

// flush appends the rest, so that as many samples have come out as went in.
func (c *channel) flush(dst []float32) []float32 {
	silence := make([]float32, blockFrames)
	for c.out < c.in {
		before := len(dst)
		dst = c.advance(dst, silence)
		if over := c.out - c.in; over > 0 {
			dst = dst[:max(before, len(dst)-over)]
			c.out = c.in
		}
	}
	return dst
}

func (c *channel) advance(dst, src []float32) []float32 {
	c.a = c.up.Process(c.a, src)
	c.pending = append(c.pending, drop(c.a, &c.skipUp)...)
	hop := c.proc.Hop()
	whole := len(c.pending) / hop * hop
	for i := 0; i < whole; i += hop {
		c.proc.Process(c.pending[i:i+hop], c.pending[i:i+hop])
	}
	c.b = c.down.Process(c.b, drop(c.pending[:whole], &c.skipProc))
	c.pending = c.pending[:copy(c.pending, c.pending[whole:])]
	ready := drop(c.b, &c.skipDown)
	c.out += len(ready)
	return append(dst, ready...)
}

// cleanSamples returns one channel cleaned, aligned and of the same length.
func cleanSamples(proc stream.Processor, rate int, x []float32) []float32 {
	c := newChannel(proc, rate)
	y := make([]float32, 0, len(x)+blockFrames)
	for block := x; len(block) > 0; {
		n := min(blockFrames, len(block))
		y = c.push(y, block[:n])
		block = block[n:]
	}
	return c.flush(y)
}

// newProcessor returns the enhancer for sound of the given rate.
func newProcessor(m *enhance.Model, cfg enhance.Config, rate int) (stream.Processor, error) {
	return enhance.New(m, nativeRate(rate), cfg)
}

// sink takes interleaved samples.
type sink interface{ Write([]float32) error }

// cleaner cleans a stream of interleaved channels, each with an enhancer of its
// own.
type cleaner struct {
	channels []*channel
	split    []float32   // one channel of the block that was read
	done     [][]float32 // cleaned samples per channel
	mixed    []float32   // the same, interleaved
}

func newCleaner(m *enhance.Model, cfg enhance.Config, info audiofile.Info) (*cleaner, error) {
	c := &cleaner{done: make([][]float32, info.Channels)}
	processors, err := enhance.NewChannels(m, info.Channels, nativeRate(info.SampleRate), cfg)
	if err != nil {
		return nil, err
	}
	first := newChannel(processors[0], info.SampleRate)
	c.channels = append(c.channels, first)
	for _, p := range processors[1:] {
		c.channels = append(c.channels, first.twin(p))
	}
	return c, nil
}

// await returns what f returns, or the error of ctx as soon as it is cancelled:
// a read from a pipe may never end. f then goes on by itself; what it works on
// must not be touched again.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		if err := ctx.Err(); err != nil {
			return r.value, err
		}
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// awaitError is [await] for what returns nothing else.
func awaitError(ctx context.Context, f func() error) error {
	_, err := await(ctx, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// sinkFunc is a function as a sink.
type sinkFunc func([]float32) error

func (f sinkFunc) Write(x []float32) error { return f(x) }

// patient returns a sink for what goes to path: one that gives up a write which
// lasts when ctx is cancelled, where that may happen.
func patient(ctx context.Context, w sink, path string) sink {
	if !stalls(path) {
		return w
	}
	return sinkFunc(func(x []float32) error { return awaitError(ctx, func() error { return w.Write(x) }) })
}

// copy cleans r into w and calls progress with the number of frames read.
func (c *cleaner) copy(ctx context.Context, w sink, r audiofile.Reader, progress func(frames int)) error {
	block := make([]float32, blockFrames*len(c.channels))
	for {
		n, err := await(ctx, func() (int, error) { return r.Read(block) })
		if n > 0 {
			if err := c.write(w, func(i int, dst []float32) []float32 {
				return c.channels[i].push(dst, c.take(block[:n], i))
			}); err != nil {
				return err
			}
			progress(n / len(c.channels))
		}
		if errors.Is(err, io.EOF) {
			return c.write(w, func(i int, dst []float32) []float32 { return c.channels[i].flush(dst) })
		}
		if err != nil {
			return err
		}
	}
}

// take returns channel i of an interleaved block.
func (c *cleaner) take(block []float32, i int) []float32 {
	c.split = c.split[:0]
	for ; i < len(block); i += len(c.channels) {
		c.split = append(c.split, block[i])
	}
	return c.split
}

// write interleaves what produce makes of every channel into w. All channels
// produce as much, being fed alike.
func (c *cleaner) write(w sink, produce func(i int, dst []float32) []float32) error {
	for i := range c.channels {
		c.done[i] = produce(i, c.done[i][:0])
	}
	c.mixed = c.mixed[:0]
	for n := range c.done[0] {
		for i := range c.done {
			c.mixed = append(c.mixed, c.done[i][n])
		}
	}
	if len(c.mixed) == 0 {
		return nil
	}
	return w.Write(c.mixed)
}
