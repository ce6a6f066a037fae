package audiofile

import (
	"errors"
	"io"

	"sotto/internal/resample"
)

// Audio is a whole recording in memory.
type Audio struct {
	SampleRate int         // Hz.
	Channels   [][]float32 // equally long; at least one channel, which may be empty.
}

const (
	// blockFrames is how many frames are read at a time, and maxHint the most that a header's length makes ReadAll and
	// ReadMono reserve at once; what is longer grows as it is read.
	blockFrames = 4096
	maxHint     = 1 << 20
)

// ReadAll reads the file at path ("-" for standard input) whole.
func ReadAll(path string) (*Audio, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	info := r.Info()
	a := &Audio{SampleRate: info.SampleRate, Channels: make([][]float32, info.Channels)}
	hint := int(min(max(info.Frames, 0), int64(maxHint/info.Channels)))
	for c := range a.Channels {
		a.Channels[c] = make([]float32, 0, hint)
	}
	err = each(r, func(block []float32) {
		for c := range a.Channels {
			for i := c; i < len(block); i += info.Channels {
				a.Channels[c] = append(a.Channels[c], block[i])
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// ReadMono reads the file at path ("-" for standard input) whole and returns the average of its channels and the sample
// rate in Hz.
func ReadMono(path string) (x []float32, rate int, err error) {
	r, err := Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	info := r.Info()
	x = make([]float32, 0, min(max(info.Frames, 0), maxHint))
	err = each(r, func(block []float32) { x = appendMean(x, block, info.Channels) })
	if err != nil {
		return nil, 0, err
	}
	return x, info.SampleRate, nil
}

// ReadMonoAt is ReadMono followed by a conversion to rate Hz.
func ReadMonoAt(path string, rate int) ([]float32, error) {
	x, from, err := ReadMono(path)
	if err != nil {
		return nil, err
	}
	return resample.Convert(x, from, rate), nil
}

// each calls f with every block of r, whole frames; f must not keep the block.
func each(r Reader, f func(block []float32)) error {
	channels := r.Info().Channels
	buf := make([]float32, max(1, blockFrames/channels)*channels)
	for {
		n, err := r.Read(buf)
		f(buf[:n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// appendMean appends the average over channels of each frame.
func appendMean(x, block []float32, channels int) []float32 {
	if channels == 1 {
		return append(x, block...)
	}
	for ; len(block) > 0; block = block[channels:] {
		var s float32
		for _, v := range block[:channels] {
			s += v
		}
		x = append(x, s/float32(channels))
	}
	return x
}
