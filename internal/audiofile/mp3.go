package audiofile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// decoderDelay is how many samples any MP3 decoder lags: 528 of the hybrid filter bank and one of the overlap (LAME
// technical FAQ, "decoder delay").
const decoderDelay = 529

// mp3File decodes MP3 through go-mp3. That always yields 16-bit stereo; a mono file's second channel is dropped here.
type mp3File struct {
	meta   Info
	frames *mp3Frames
	d      *mp3.Decoder
	skip   int64 // frames of encoder and decoder delay still to drop.
	left   int64 // frames still to deliver, -1 when unknown.
	slack  int64 // frames that may be missing without the file being truncated.
	buf    []byte
}

// newMP3 opens a stream whose first bytes are the given frame header.
func newMP3(br *bufio.Reader, h mp3Header) (decoder, error) {
	if h.version == mpeg25 {
		return nil, errors.New("an MPEG-2.5 MP3 file (8 to 12 kHz); expected MPEG-1 or MPEG-2: convert it to WAV")
	}
	f := &mp3File{left: -1, buf: make([]byte, 8192)}
	f.meta = Info{Format: "MP3", SampleRate: h.rate, Channels: h.channels, BitDepth: 16, Frames: -1}
	if frame, err := br.Peek(h.length); err == nil {
		if tag, ok := h.tag(frame); ok {
			f.trim(tag, h)
			if _, err := br.Discard(h.length); err != nil {
				return nil, err
			}
		}
	}
	f.frames = &mp3Frames{br: br, first: h}
	d, err := mp3.NewDecoder(f.frames)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("an MP3 file without a whole frame; it is truncated")
	case err != nil:
		return nil, f.cause(err)
	}
	f.d = d
	return f, nil
}

// trim applies the encoder's notes on length and delay.
func (f *mp3File) trim(t mp3Tag, h mp3Header) {
	if t.frames == 0 {
		return
	}
	total := int64(t.frames) * int64(h.samples)
	f.left, f.slack = total, int64(h.samples)
	if t.exact && int64(t.delay)+int64(t.padding) < total {
		f.left -= int64(t.delay) + int64(t.padding)
		f.skip, f.slack = int64(t.delay)+decoderDelay, decoderDelay
	}
	f.meta.Frames = f.left
}

func (f *mp3File) info() Info { return f.meta }

func (f *mp3File) decode(dst []float32) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	want := len(dst) / f.meta.Channels
	n, err := f.d.Read(f.buf[:min(len(f.buf), 4*want)])
	if errors.Is(err, io.EOF) {
		return 0, f.end()
	}
	if err != nil {
		return 0, f.cause(err)
	}
	p := f.buf[:n/4*4]
	drop := min(f.skip, int64(len(p)/4))
	f.skip -= drop
	p = p[4*drop:]
	if f.left >= 0 {
		p = p[:4*min(f.left, int64(len(p)/4))]
		f.left -= int64(len(p) / 4)
	}
	return f.convert(dst, p), nil
}

// end judges the end of the stream.
func (f *mp3File) end() error {
	switch {
	case f.frames.err != nil && !errors.Is(f.frames.err, io.EOF):
		return f.frames.err // go-mp3 takes any error for the end.
	case f.left > f.slack:
		return truncated(f.meta.Frames, f.left)
	case f.frames.short:
		return errors.New("truncated: the file ends inside an MP3 frame")
	}
	return io.EOF
}

// cause prefers the reason why frames ended over what go-mp3 made of it.
func (f *mp3File) cause(err error) error {
	if f.frames.err != nil && !errors.Is(f.frames.err, io.EOF) {
		return f.frames.err
	}
	return fmt.Errorf("damaged MP3 data: %w", err)
}

// convert decodes stereo 16-bit samples into as many channels as the file has.
func (f *mp3File) convert(dst []float32, p []byte) int {
	if f.meta.Channels == 2 {
		convertPCM(dst, p, int16s, binary.LittleEndian)
		return len(p) / 2
	}
	for i := range len(p) / 4 {
		dst[i] = float32(int16(binary.LittleEndian.Uint16(p[4*i:]))) / (1 << 15)
	}
	return len(p) / 4
}
