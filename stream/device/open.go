package device

import (
	"context"

	"sotto/stream"
)

// opener returns an opener that finds its device each time it is called.
func opener(o Options, dir Direction) stream.Opener {
	return func(_ context.Context, rate int) (stream.Port, error) {
		devices, err := List()
		if err != nil {
			return nil, err
		}
		d, err := Select(devices, o.Device, dir)
		if err != nil {
			return nil, err
		}
		if d.id < 0 {
			return openPulse(d.Name, dir, rate, o)
		}
		return openPortAudio(d, dir, rate, o)
	}
}
