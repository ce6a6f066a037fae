//go:build !cgo || noaudio

package device

import (
	"errors"

	"sotto/stream"
)

// errNoPortAudio says what this build lacks and how to get it.
var errNoPortAudio = errors.New("built without PortAudio: install its headers (Debian: portaudio19-dev) " +
	"and build with cgo and without the tag noaudio")

func listPortAudio() ([]Device, error) { return nil, errNoPortAudio }

func openPortAudio(Device, Direction, int, Options) (stream.Port, error) { return nil, errNoPortAudio }
