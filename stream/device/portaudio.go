//go:build cgo && !noaudio

package device

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/gordonklaus/portaudio"

	"sotto/stream"
)

// preferredRate is tried first: nearly all hardware runs at it, and the models do too.
const preferredRate = 48000

// paBlocks is how many blocks a stream buffers at least.
const paBlocks = 4

// paMutex orders the calls that change PortAudio's state as a whole; the library asks for that.
var paMutex sync.Mutex

// withPortAudio initialises the library, silenced, and calls f. If keep returns true the library stays initialised, for
// paRelease to undo: PortAudio counts. What f returns in devices is fresh only when nothing held the library open.
func withPortAudio(keep func() bool, f func() error) error {
	paMutex.Lock()
	defer paMutex.Unlock()
	defer silence()()
	quietALSA()
	if err := portaudio.Initialize(); err != nil {
		return fmt.Errorf("PortAudio does not start: %w", err)
	}
	err := f()
	if !keep() {
		_ = portaudio.Terminate()
	}
	return err
}

func never() bool { return false }

func listPortAudio() ([]Device, error) {
	var list []Device
	err := withPortAudio(never, func() error {
		infos, err := portaudio.Devices()
		if err != nil {
			return fmt.Errorf("PortAudio lists no devices: %w", err)
		}
		in, _ := portaudio.DefaultInputDevice()
		out, _ := portaudio.DefaultOutputDevice()
		for _, d := range infos {
			list = append(list, Device{
				API: d.HostApi.Name, Name: d.Name, Inputs: d.MaxInputChannels, Outputs: d.MaxOutputChannels,
				Rate: int(math.Round(d.DefaultSampleRate)), InputLatency: d.DefaultLowInputLatency,
				OutputLatency: d.DefaultLowOutputLatency, DefaultInput: d == in, DefaultOutput: d == out, id: d.Index,
			})
		}
		return nil
	})
	return list, err
}

// paPort is one direction of a PortAudio device.
type paPort struct {
	stream   *portaudio.Stream
	format   stream.Format
	callback stream.Callback
	dir      Direction
	raised   bool // the callback's thread has asked for its priority.
	close    sync.Once
	done     chan struct{} // never closed: PortAudio's callbacks just stop, which the engine notices.
}

// openPortAudio opens a stream in one direction. Full duplex is never asked for: over ALSA's PulseAudio plugin it stalls after
// two callbacks.
func openPortAudio(d Device, dir Direction, rate int, o Options) (stream.Port, error) {
	p := &paPort{dir: dir, done: make(chan struct{})}
	err := withPortAudio(func() bool { return p.stream != nil }, func() error {
		infos, err := portaudio.Devices()
		if err != nil || d.id >= len(infos) || infos[d.id].Name != d.Name {
			return fmt.Errorf("%w: %q has just gone", ErrNotFound, d.Name)
		}
		return p.open(infos[d.id], rates(rate, d.Rate), o)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// rates returns the rates to try, in order, without repetition.
func rates(wish, native int) []int {
	var list []int
	for _, r := range []int{wish, preferredRate, native} {
		known := r <= 0
		for _, l := range list {
			known = known || l == r
		}
		if !known {
			list = append(list, r)
		}
	}
	return list
}

// open opens the stream at the first rate that the device takes.
func (p *paPort) open(info *portaudio.DeviceInfo, rates []int, o Options) error {
	var params portaudio.StreamParameters
	var side *portaudio.StreamDeviceParameters
	if p.dir == In {
		params = portaudio.LowLatencyParameters(info, nil)
		side = &params.Input
		side.Channels = min(info.MaxInputChannels, 2)
	} else {
		params = portaudio.LowLatencyParameters(nil, info)
		side = &params.Output
		side.Channels = min(info.MaxOutputChannels, 2)
	}
	// A device may claim that two blocks are enough; ALSA's plugins for a sound server then run dry whenever the server is a
	// block late.
	side.Latency = max(side.Latency, paBlocks*o.block())
	var refusals []error
	for _, rate := range rates {
		params.SampleRate = float64(rate)
		params.FramesPerBuffer = int(o.block().Seconds()*float64(rate) + 0.5)
		s, err := portaudio.OpenStream(params, p.call)
		if err == nil {
			p.stream = s
			p.format = stream.Format{Name: info.Name, Rate: rate, Channels: side.Channels, Block: params.FramesPerBuffer}
			return nil
		}
		refusals = append(refusals, fmt.Errorf("%d Hz: %w", rate, err))
	}
	return fmt.Errorf("%s does not open as %s: %w", info.Name, p.dir, errors.Join(refusals...))
}

// call is the stream's callback, on a thread of PortAudio's.
func (p *paPort) call(buf []float32, at portaudio.StreamCallbackTimeInfo, flags portaudio.StreamCallbackFlags) {
	const xruns = portaudio.InputOverflow | portaudio.InputUnderflow | portaudio.OutputUnderflow | portaudio.OutputOverflow
	t := stream.Timing{Xrun: flags&xruns != 0}
	if p.dir == In && at.InputBufferAdcTime > 0 {
		t.Latency = plausible(at.CurrentTime - at.InputBufferAdcTime)
	}
	if p.dir == Out && at.OutputBufferDacTime > 0 {
		t.Latency = plausible(at.OutputBufferDacTime - at.CurrentTime)
	}
	if !p.raised {
		stream.RequestRealtime() // PortAudio asks for it on some systems only; the thread is its own.
		p.raised = true
	}
	p.callback(buf, t)
}

// plausible returns d, or 0 for unknown where a host API fills in nonsense.
func plausible(d time.Duration) time.Duration {
	if d < -time.Second || d > 2*time.Second {
		return 0
	}
	return d
}

func (p *paPort) Format() stream.Format { return p.format }

func (p *paPort) Start(cb stream.Callback) error {
	p.callback = cb
	paMutex.Lock()
	defer paMutex.Unlock()
	defer silence()()
	if err := p.stream.Start(); err != nil {
		return fmt.Errorf("%s does not start: %w", p.format.Name, err)
	}
	return nil
}

func (p *paPort) Done() <-chan struct{} { return p.done }

func (p *paPort) Err() error { return nil }

// Close aborts the stream, so that a device that is gone does not hold it up, and closes it.
func (p *paPort) Close() error {
	var err error
	p.close.Do(func() {
		paMutex.Lock()
		defer paMutex.Unlock()
		defer silence()()
		_ = p.stream.Abort()
		err = errors.Join(p.stream.Close(), portaudio.Terminate())
	})
	return err
}
