package stream

import (
	"context"
	"sync/atomic"
	"time"
)

// tapPoll is how often Copy looks for new audio: a tenth of the capacity that it asks for.
const tapPoll = 50 * time.Millisecond

// Tap lets one goroutine listen in: to the microphone, and to what became of it, sample for sample side by side. The noisy
// signal is delayed by the processor's latency, so that the two line up. Close it when done.
type Tap struct {
	ring    *Ring // noisy and clean samples in turn.
	rate    int
	pair    []float32 // the DSP goroutine's interleaving buffer.
	scratch []float32 // the reader's.
	dropped atomic.Uint64
	detach  func()
}

// Rate returns the sampling rate of both signals in Hz.
func (t *Tap) Rate() int { return t.rate }

// Dropped returns how many sample pairs were lost because the reader was too slow, or the device came back at another rate.
func (t *Tap) Dropped() uint64 { return t.dropped.Load() }

// Close takes the tap off the engine; what it holds can still be read.
func (t *Tap) Close() { t.detach() }

// Read fills noisy and clean, of equal length, as far as there is audio, and returns how many samples of each it wrote. It
// never waits.
func (t *Tap) Read(noisy, clean []float32) int {
	if len(noisy) != len(clean) {
		panic("stream: tap buffers differ in length")
	}
	done := 0
	for done < len(noisy) {
		n := min(len(noisy)-done, len(t.scratch)/2)
		n = t.ring.Read(t.scratch[:2*n]) / 2
		if n == 0 {
			break
		}
		for i := range n {
			noisy[done+i], clean[done+i] = t.scratch[2*i], t.scratch[2*i+1]
		}
		done += n
	}
	return done
}

// Copy hands everything that passes to write until ctx ends or write fails, then closes the tap. Both slices are of equal
// length and reused. It returns write's error, or nil.
func (t *Tap) Copy(ctx context.Context, write func(noisy, clean []float32) error) error {
	defer t.Close()
	ticker := time.NewTicker(tapPoll)
	defer ticker.Stop()
	noisy, clean := make([]float32, 4096), make([]float32, 4096)
	drain := func() error {
		for n := t.Read(noisy, clean); n > 0; n = t.Read(noisy, clean) {
			if err := write(noisy[:n], clean[:n]); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			t.Close()
			return drain()
		case <-ticker.C:
			if err := drain(); err != nil {
				return err
			}
		}
	}
}

// push adds one hop at the given rate, all of it or nothing. Called by the DSP goroutine.
func (t *Tap) push(noisy, clean []float32, rate int) {
	if rate != t.rate || t.ring.Cap()-t.ring.Len() < 2*len(noisy) || 2*len(noisy) > len(t.pair) {
		t.dropped.Add(uint64(len(noisy)))
		return
	}
	for i := range noisy {
		t.pair[2*i], t.pair[2*i+1] = noisy[i], clean[i]
	}
	t.ring.Write(t.pair[:2*len(noisy)])
}
