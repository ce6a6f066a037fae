package stream

import (
	"context"
	"time"
)

// Format describes an opened port.
type Format struct {
	Name     string // what the user calls the device.
	Rate     int    // Hz, nominal.
	Channels int    // interleaved in every buffer.
	Block    int    // frames that a callback usually carries; 0 when the device does not say.
}

// Timing is what a device knows about one buffer.
type Timing struct {
	// Latency is the time between the buffer's first frame and the callback: how long ago it met the converter of a capture
	// device, how soon it will meet that of a playback device. 0 when unknown.
	Latency time.Duration
	// Xrun says that the device lost or invented samples just before this buffer.
	Xrun bool
}

// Callback takes the interleaved frames of buf from a capture port, or fills all of them for a playback port. It runs on a
// thread of the device; it neither blocks nor allocates, and keeps no reference to buf.
type Callback func(buf []float32, t Timing)

// Port is one direction of one opened device: PortAudio's, a sound server's, or a simulated one.
type Port interface {
	// Format says what the device agreed to.
	Format() Format
	// Start begins to call back, from one thread at a time, until Close. It is called once.
	Start(Callback) error
	// Done is closed when the device is gone; Err then says why.
	Done() <-chan struct{}
	Err() error
	// Close stops the callbacks, returns after the last one, and frees the device. Closing twice is allowed.
	Close() error
}

// Opener opens one direction of a device. rate is the wish in Hz, 0 for none; the port's Format tells what was granted.
// The engine calls it again after a loss.
type Opener func(ctx context.Context, rate int) (Port, error)
