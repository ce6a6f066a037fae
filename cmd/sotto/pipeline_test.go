package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"sotto/enhance"
	"sotto/internal/testsig"
)

// TestAlignment cleans a tone with a mask of one at native and at other rates:
// what comes out must be what went in, at the same samples. A delay of one
// sample at 96 kHz would leave 31 dB.
func TestAlignment(t *testing.T) {
	const freq = 440
	m := knownModel("keep", 10)
	for _, rate := range []int{8000, 11025, 16000, 22050, 44100, 48000, 96000} {
		x := testsig.Sine(rate+7, freq, float64(rate), 0.5)
		proc, err := newProcessor(m, enhance.Config{}, rate)
		if err != nil {
			t.Fatal(err)
		}
		y := cleanSamples(proc, rate, x)
		if len(y) != len(x) {
			t.Errorf("%d Hz: %d samples became %d", rate, len(x), len(y))
			continue
		}
		var signal, difference float64
		for i := rate / 4; i < rate*3/4; i++ {
			d := float64(y[i]) - float64(x[i])
			signal, difference = signal+float64(x[i])*float64(x[i]), difference+d*d
		}
		if db := 10 * math.Log10(signal/difference); !(db > 60) {
			t.Errorf("%d Hz: difference %.1f dB below the tone, want 60", rate, db)
		}
	}
}

// TestBlocksDoNotMatter feeds the same sound in blocks of many sizes.
func TestBlocksDoNotMatter(t *testing.T) {
	const rate = 44100
	x := testsig.SpeechLike(rate/2, rate, 1)
	fresh := func() *channel {
		proc, err := newProcessor(knownModel("keep", 0.3), enhance.Config{}, rate)
		if err != nil {
			t.Fatal(err)
		}
		return newChannel(proc, rate)
	}
	whole := fresh()
	want := whole.flush(whole.push(nil, x))
	for _, block := range []int{1, 100, 4096, 10000} {
		c := fresh()
		var got []float32
		for part := range slices.Chunk(x, block) {
			got = c.push(got, part)
		}
		if got = c.flush(got); !slices.Equal(got, want) {
			t.Errorf("blocks of %d change the result", block)
		}
	}
}

// TestNativeRate checks where sound of each rate is processed.
func TestNativeRate(t *testing.T) {
	for rate, want := range map[int]int{8000: 8000, 7999: 8000, 8001: 16000, 22050: 24000, 44100: 48000, 48000: 48000, 192000: 48000} {
		if got := nativeRate(rate); got != want {
			t.Errorf("%d Hz is processed at %d Hz, want %d", rate, got, want)
		}
	}
}

func TestAwaitGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	block := make(chan int)
	defer close(block)
	if _, err := await(ctx, func() (int, error) { return <-block, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestParallel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	bad := errors.New("bad")
	errs := parallel(ctx, 10, 3, func(i int) error {
		if i == 4 {
			return bad
		}
		return nil
	})
	for i, err := range errs {
		if errors.Is(err, bad) != (i == 4) || (i != 4 && err != nil) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	cancel()
	for i, err := range parallel(ctx, 3, 2, func(int) error { t.Error("called after the end"); return nil }) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d after the end: %v", i, err)
		}
	}
}
