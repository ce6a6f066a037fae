package audiofile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// mp3Frames hands whole MP3 frames to go-mp3 and nothing else: tags and junk between and behind them are skipped, a frame
// that the file cuts short is noted instead of passed on. It has no Seek, for go-mp3 would use it to scan the whole file.
type mp3Frames struct {
	br    *bufio.Reader
	first mp3Header
	left  int   // bytes of the present frame that were not handed on.
	err   error // why there are no more; io.EOF at the end.
	short bool  // the file ends inside a frame.
}

// Read implements io.Reader.
func (f *mp3Frames) Read(p []byte) (int, error) {
	if f.left == 0 && f.err == nil {
		f.err = f.next()
	}
	if f.left == 0 {
		return 0, f.err
	}
	n, err := f.br.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

// next finds the next frame of the stream's version and rate.
func (f *mp3Frames) next() error {
	for range bufferSize {
		head, err := f.br.Peek(4)
		if err != nil {
			return err
		}
		h, ok := parseMP3(head)
		if !ok || h.version != f.first.version || h.rate != f.first.rate {
			if _, err := f.br.Discard(1); err != nil {
				return err
			}
			continue
		}
		if h.misread() {
			return fmt.Errorf("an MP3 file at 22.05 kHz with %d-byte frames, which the decoder misreads; convert it to WAV", h.length)
		}
		if _, err := f.br.Peek(h.length); err != nil {
			f.short = errors.Is(err, io.EOF)
			return err
		}
		f.left = h.length
		return nil
	}
	return errors.New("damaged MP3 data: no frame where one should begin")
}

// misread reports whether go-mp3 v0.3.4 takes the frame for one byte shorter than it is: for MPEG-2 it halves the length
// after adding the padding byte instead of before. Of the MPEG-2 rates only 22.05 kHz has padding.
func (h mp3Header) misread() bool {
	return h.version == mpeg2 && h.padding == 1 && (144000*h.kbits/h.rate)%2 == 0
}
