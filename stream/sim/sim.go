// Package sim stands in for sound devices: a microphone that hears a function of time, and a loudspeaker that hands on what it
// plays. Each has its own clock, as real devices do, which may run fast or slow and call back late.
//
// The devices wait with [time.Sleep]. In a testing/synctest bubble they therefore run as fast as the processor can, and the
// engine around them is the real one, threads, timers and all:
//
//	mic := &sim.Device{Rate: 48000, Block: 480, PPM: 100}
//	speaker := &sim.Device{Rate: 48000, Block: 256, PPM: -100}
//	engine, err := stream.New(stream.Config{
//		Capture:  mic.Microphone(func(n int64) float32 { return 0 }),
//		Playback: speaker.Loudspeaker(func(block []float32) {}),
//		...
//	})
package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"sotto/stream"
)

// ErrUnplugged is the reason of a loss that [Device.Unplug] brings about.
var ErrUnplugged = errors.New("simulated device unplugged")

// Device is one direction of a simulated sound device. The fields are set before it is opened.
type Device struct {
	Name     string        // "" means "simulated".
	Rate     int           // Hz, nominal.
	Channels int           // 0 means 1.
	Block    int           // frames per callback.
	PPM      float64       // how fast the clock runs over its nominal rate, in parts per million.
	Latency  time.Duration // between the converter and the end of a block that has been captured, or the start of one to play.
	Jitter   time.Duration // each callback comes late by up to this, evenly distributed.
	Seed     uint64        // of the jitter.

	mutex   sync.Mutex
	open    *port
	missing bool // unplugged: opening fails.
	frozen  bool // plugged in but silent.
}

// Microphone returns an opener whose port captures signal, a function of the frame's number that goes on counting when the
// port is opened again. All channels carry the same.
func (d *Device) Microphone(signal func(n int64) float32) stream.Opener {
	var frame int64
	return d.opener(func(p *port) {
		buf := make([]float32, d.Block*d.channels())
		t := stream.Timing{Latency: d.Latency + p.blockTime()}
		p.loop(func() {
			for i := range buf {
				buf[i] = signal(frame + int64(i/d.channels()))
			}
			frame += int64(d.Block)
			p.callback(buf, t)
		})
	})
}

// Loudspeaker returns an opener whose port hands every block of interleaved frames that it plays to heard, which must not
// keep it.
func (d *Device) Loudspeaker(heard func(block []float32)) stream.Opener {
	return d.opener(func(p *port) {
		buf := make([]float32, d.Block*d.channels())
		p.loop(func() {
			p.callback(buf, stream.Timing{Latency: d.Latency})
			heard(buf)
		})
	})
}

// Unplug takes the device away, or gives it back. An open port is lost with [ErrUnplugged], and opening fails meanwhile.
func (d *Device) Unplug(gone bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.missing = gone
	if gone && d.open != nil {
		d.open.lose(ErrUnplugged)
	}
}

// Freeze makes the device stop calling back without a word, or go on.
func (d *Device) Freeze(on bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.frozen = on
}

func (d *Device) channels() int { return max(d.Channels, 1) }

func (d *Device) opener(run func(*port)) stream.Opener {
	return func(context.Context, int) (stream.Port, error) {
		d.mutex.Lock()
		defer d.mutex.Unlock()
		if d.missing {
			return nil, ErrUnplugged
		}
		name := d.Name
		if name == "" {
			name = "simulated"
		}
		d.open = &port{
			device: d, run: run, quit: make(chan struct{}), ended: make(chan struct{}), done: make(chan struct{}),
			format: stream.Format{Name: name, Rate: d.Rate, Channels: d.channels(), Block: d.Block},
		}
		return d.open, nil
	}
}

// port is an opened Device.
type port struct {
	device   *Device
	format   stream.Format
	run      func(*port)
	callback stream.Callback
	once     sync.Once
	quit     chan struct{} // Close was called.
	ended    chan struct{} // the last callback has returned.
	lost     sync.Once
	done     chan struct{} // the device is gone.
	err      error
}

func (p *port) Format() stream.Format { return p.format }

func (p *port) Start(cb stream.Callback) error {
	p.callback = cb
	go func() {
		defer close(p.ended)
		p.run(p)
	}()
	return nil
}

func (p *port) Done() <-chan struct{} { return p.done }

func (p *port) Err() error {
	<-p.done
	return p.err
}

func (p *port) Close() error {
	p.once.Do(func() { close(p.quit) })
	if p.callback != nil {
		<-p.ended
	}
	return nil
}

func (p *port) lose(err error) {
	p.lost.Do(func() {
		p.err = err
		close(p.done)
	})
}

func (p *port) blockTime() time.Duration {
	d := p.device
	return time.Duration(float64(d.Block) / (float64(d.Rate) * (1 + d.PPM*1e-6)) * float64(time.Second))
}

// loop calls once per block on the device's clock until the port is closed or lost.
func (p *port) loop(once func()) {
	d := p.device
	rng := rand.New(rand.NewPCG(d.Seed, 0x73696d)) // "sim".
	start := time.Now()                            //nolint:forbidigo // a device's clock.
	rate := float64(d.Rate) * (1 + d.PPM*1e-6)
	for n := 1; ; n++ {
		due := time.Duration(float64(n) * float64(d.Block) / rate * float64(time.Second))
		if d.Jitter > 0 {
			due += time.Duration(rng.Int64N(int64(d.Jitter)))
		}
		time.Sleep(due - time.Since(start))
		select {
		case <-p.quit:
			return
		case <-p.done:
			return
		default:
		}
		d.mutex.Lock()
		frozen := d.frozen
		d.mutex.Unlock()
		if !frozen {
			once()
		}
	}
}
