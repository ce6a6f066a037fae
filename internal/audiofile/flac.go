package audiofile

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/mewkiz/flac"
)

// flacFile reads FLAC: the metadata through mewkiz/flac, the frames with flacFrame.
type flacFile struct {
	meta  Info
	frame flacFrame
	block [][]int64 // what of the last frame was not delivered, per channel.
	done  int64     // samples per channel decoded.
}

// newFLAC reads the metadata. br must have a buffer of bufio's default size or more: flac.New then reads through it instead
// of through one of its own, and leaves it at the first frame.
func newFLAC(br *bufio.Reader) (decoder, error) {
	// mewkiz/flac parses the first block whatever it is, and sizes a seek table by the block's word: it must be STREAMINFO.
	if head, _ := br.Peek(8); len(head) == 8 && (head[4]&0x7f != 0 || head[5] != 0 || head[6] != 0 || head[7] != 34) {
		return nil, errors.New("damaged FLAC header: no stream information at its front")
	}
	s, err := flac.New(br)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the file ends inside its FLAC header; it is truncated")
	case err != nil:
		return nil, fmt.Errorf("damaged FLAC header: %w", err)
	}
	f := &flacFile{meta: Info{
		Format: "FLAC", SampleRate: int(s.Info.SampleRate), Channels: int(s.Info.NChannels),
		BitDepth: int(s.Info.BitsPerSample), Frames: int64(s.Info.NSamples),
	}}
	if f.meta.Frames == 0 {
		f.meta.Frames = -1
	}
	f.frame = flacFrame{b: newBitReader(br), channels: f.meta.Channels, depth: uint(f.meta.BitDepth)}
	return f, nil
}

func (f *flacFile) info() Info { return f.meta }

func (f *flacFile) decode(dst []float32) (int, error) {
	if len(f.block) == 0 || len(f.block[0]) == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	frames := min(len(dst)/f.meta.Channels, len(f.block[0]))
	scale := 1 / float32(uint64(1)<<(f.meta.BitDepth-1))
	for c, x := range f.block {
		out := dst[c:]
		for i, v := range x[:frames] {
			out[i*f.meta.Channels] = float32(v) * scale
		}
		f.block[c] = x[frames:]
	}
	return frames * f.meta.Channels, nil
}

// next decodes a frame into block. What follows the promised number of samples, tags for example, is left alone.
func (f *flacFile) next() error {
	if f.done == f.meta.Frames {
		return io.EOF
	}
	b := f.frame.b
	if b.atEnd() {
		if f.meta.Frames < 0 {
			return io.EOF
		}
		return f.truncated()
	}
	if err := f.frame.decode(); err != nil {
		if b.err != nil {
			return f.truncated()
		}
		return fmt.Errorf("damaged FLAC data behind sample %d: %w", f.done, err)
	}
	f.block = append(f.block[:0], f.frame.samples...)
	size := int64(len(f.block[0]))
	if left := f.meta.Frames - f.done; f.meta.Frames >= 0 && size > left {
		size = left
		for c := range f.block {
			f.block[c] = f.block[c][:size]
		}
	}
	f.done += size
	return nil
}

func (f *flacFile) truncated() error {
	if f.meta.Frames < 0 {
		return fmt.Errorf("truncated: the file ends inside a FLAC frame behind sample %d", f.done)
	}
	return truncated(f.meta.Frames, f.meta.Frames-f.done)
}
