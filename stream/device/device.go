// Package device opens microphones and loudspeakers for the engine of package stream.
//
// Two ways lead to a device. PortAudio reaches the system's own sound interfaces on every platform; it needs cgo and is left
// out with CGO_ENABLED=0 or the build tag noaudio. A PulseAudio server, or PipeWire in its place, is reached through its own
// protocol, which needs no C at all; it also carries the virtual microphone. [List] shows both side by side:
//
//	devices, err := device.List()
//	engine, err := stream.New(stream.Config{
//		Capture:  device.Capture(device.Options{}),                  // the default microphone
//		Playback: device.Playback(device.Options{Device: "head"}),   // the one device with "head" in its name
//		...
//	})
//
// An opener looks for its device anew each time the engine calls it, so that a headset that was plugged out and in again is
// found under its new number.
package device

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sotto/stream"
)

// ErrUnavailable means that this program cannot reach any sound device: built without PortAudio, and no sound server runs.
var ErrUnavailable = errors.New("no sound devices can be reached")

// ErrNotFound means that no device answers to what was asked for.
var ErrNotFound = errors.New("no such device")

// Direction is what a device is wanted for.
type Direction int

// The directions.
const (
	In  Direction = iota // capture
	Out                  // playback
)

// String returns "input" or "output".
func (d Direction) String() string { return [...]string{"input", "output"}[d] }

// Device describes a device that can be opened.
type Device struct {
	Index         int           // its number in List; may change when devices come and go.
	API           string        // the interface that leads to it, as "ALSA" or "PulseAudio".
	Name          string        // what it is chosen by.
	Description   string        // a name for people where it differs; may be empty.
	Inputs        int           // channels it captures.
	Outputs       int           // channels it plays.
	Rate          int           // Hz, the device's own.
	InputLatency  time.Duration // its lowest, as far as known.
	OutputLatency time.Duration
	DefaultInput  bool // what its API takes when nothing is chosen.
	DefaultOutput bool

	id int // PortAudio's number; negative for a device of the sound server.
}

// channels returns how many channels the device has in one direction.
func (d Device) channels(dir Direction) int {
	if dir == In {
		return d.Inputs
	}
	return d.Outputs
}

// isDefault tells whether the device is its API's default in one direction.
func (d Device) isDefault(dir Direction) bool {
	return dir == In && d.DefaultInput || dir == Out && d.DefaultOutput
}

// Options choose and tune a device. The zero value is the default device at low latency.
type Options struct {
	// Device is an index of List, a name, or a part of one name only; case does not matter. "pulse:" or another API's name
	// and a colon before it look through that API alone, which with nothing after it means its default. "" is the default.
	Device string
	// Block is how much audio a callback should carry; 0 means 5 ms.
	Block time.Duration
}

// defaultBlock is short against a hop of 8 ms and long against the 0.1 ms that a callback may take to be scheduled.
const defaultBlock = 5 * time.Millisecond

func (o Options) block() time.Duration {
	if o.Block <= 0 {
		return defaultBlock
	}
	return o.Block
}

// List returns every device that can be opened: PortAudio's, in its order, then the sound server's. It fails with
// [ErrUnavailable] when neither is there.
func List() ([]Device, error) {
	devices, paErr := listPortAudio()
	served, pulseErr := listPulse()
	devices = append(devices, served...)
	if paErr != nil && pulseErr != nil {
		return nil, fmt.Errorf("%w: %w; sound server: %w", ErrUnavailable, paErr, pulseErr)
	}
	for i := range devices {
		devices[i].Index = i
	}
	return devices, nil
}

// Select returns the device that want stands for; see [Options]. The error names what is there instead, or between which
// devices it could not decide.
func Select(devices []Device, want string, dir Direction) (Device, error) {
	usable := filter(devices, func(d Device) bool { return d.channels(dir) > 0 })
	if len(usable) == 0 {
		return Device{}, fmt.Errorf("%w: no %s device at all: plug one in, or start a sound server", ErrNotFound, dir)
	}
	api, rest, ok := strings.Cut(want, ":")
	if ok && api != "" {
		if of := filter(usable, func(d Device) bool { return apiMatches(d.API, api) }); len(of) > 0 {
			return choose(of, rest, dir)
		}
	}
	return choose(usable, want, dir)
}

func apiMatches(api, want string) bool {
	return strings.HasPrefix(strings.ToLower(api), strings.ToLower(want))
}

// choose applies the rules of Options.Device to devices that all have the direction, in the order of precedence.
func choose(devices []Device, want string, dir Direction) (Device, error) {
	if want == "" {
		return preferred(devices, dir), nil
	}
	if n, err := strconv.Atoi(want); err == nil {
		if d := filter(devices, func(d Device) bool { return d.Index == n }); len(d) > 0 {
			return d[0], nil
		}
	}
	low := strings.ToLower(want)
	for _, matches := range []func(Device) bool{
		func(d Device) bool { return strings.ToLower(d.Name) == low },
		func(d Device) bool { return strings.ToLower(d.Description) == low },
		func(d Device) bool { return strings.Contains(strings.ToLower(d.Name+"\n"+d.Description), low) },
	} {
		switch d := filter(devices, matches); {
		case len(d) == 1 || len(d) > 1 && allNamed(d, d[0].Name):
			return d[0], nil
		case len(d) > 1:
			return Device{}, fmt.Errorf("%q fits %s: give more of the name, or its number", want, names(d))
		}
	}
	return Device{}, fmt.Errorf("%w: %q is no %s; there are %s", ErrNotFound, want, dir, names(devices))
}

// preferred returns the default device: the sound server's where one runs. PortAudio would lead to the same one through ALSA's
// plugin, whose buffering adds jitter, and which does not tell when the server is gone.
func preferred(devices []Device, dir Direction) Device {
	for _, fits := range []func(Device) bool{
		func(d Device) bool { return d.id < 0 && d.isDefault(dir) },
		func(d Device) bool { return d.isDefault(dir) },
	} {
		if d := filter(devices, fits); len(d) > 0 {
			return d[0]
		}
	}
	return devices[0]
}

func filter(devices []Device, keep func(Device) bool) []Device {
	var out []Device
	for _, d := range devices {
		if keep(d) {
			out = append(out, d)
		}
	}
	return out
}

// allNamed tells whether the devices are one under several APIs; the first is then as good as any.
func allNamed(devices []Device, name string) bool {
	return len(filter(devices, func(d Device) bool { return d.Name == name })) == len(devices)
}

// names lists devices for an error message.
func names(devices []Device) string {
	list := make([]string, len(devices))
	for i, d := range devices {
		list[i] = fmt.Sprintf("%d %q", d.Index, d.Name)
	}
	return strings.Join(list, ", ")
}

// Capture returns an opener of a microphone.
func Capture(o Options) stream.Opener { return opener(o, In) }

// Playback returns an opener of a loudspeaker.
func Playback(o Options) stream.Opener { return opener(o, Out) }
