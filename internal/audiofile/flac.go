package audiofile

import (
	"bufio"
	"fmt"
	"io"

	"github.com/mewkiz/flac"
)

// flacFile decodes FLAC through mewkiz/flac.
type flacFile struct {
	meta  Info
	s     *flac.Stream
	block []float32 // the decoded frame, interleaved.
	next  int       // the first sample of block that was not delivered.
	done  int64     // frames decoded.
}

func newFLAC(br *bufio.Reader) (decoder, error) {
	s, err := flac.New(br)
	if err != nil {
		return nil, fmt.Errorf("damaged FLAC header: %w", err)
	}
	f := &flacFile{s: s}
	f.meta = Info{
		Format: "FLAC", SampleRate: int(s.Info.SampleRate), Channels: int(s.Info.NChannels),
		BitDepth: int(s.Info.BitsPerSample), Frames: int64(s.Info.NSamples),
	}
	if f.meta.Frames == 0 {
		f.meta.Frames = -1
	}
	return f, nil
}

func (f *flacFile) info() Info { return f.meta }

func (f *flacFile) decode(dst []float32) (int, error) {
	if f.next == len(f.block) {
		if err := f.frame(); err != nil {
			return 0, err
		}
	}
	n := copy(dst, f.block[f.next:])
	f.next += n
	return n, nil
}

// frame decodes the next frame into block.
func (f *flacFile) frame() error {
	fr, err := f.s.ParseNext()
	if err == io.EOF {
		if f.done < f.meta.Frames {
			return fmt.Errorf("truncated: the header promises %d samples per channel, the last %d are missing", f.meta.Frames,
				f.meta.Frames-f.done)
		}
		return io.EOF
	}
	if err != nil {
		return fmt.Errorf("damaged FLAC data after sample %d: %w", f.done, err)
	}
	if len(fr.Subframes) != f.meta.Channels {
		return fmt.Errorf("damaged FLAC data after sample %d: %d channels, expected %d", f.done, len(fr.Subframes), f.meta.Channels)
	}
	f.block, f.next = f.block[:0], 0
	scale := 1 / float32(uint64(1)<<(f.meta.BitDepth-1))
	for i := range fr.Subframes[0].Samples {
		for _, sub := range fr.Subframes {
			f.block = append(f.block, float32(sub.Samples[i])*scale)
		}
	}
	f.done += int64(len(fr.Subframes[0].Samples))
	return nil
}
