package audiofile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"sotto/internal/atomicfile"
)

// Info describes an audio stream as its header states it.
type Info struct {
	Format     string // "WAV", "FLAC", "MP3" or "NIST SPHERE".
	SampleRate int    // Hz.
	Channels   int
	BitDepth   int   // bits per sample as stored; 16 for MP3.
	Float      bool  // samples are stored as floating point numbers.
	Frames     int64 // samples per channel, -1 when the header does not say.
}

// Reader reads a stream of audio. It is not safe for concurrent use.
type Reader interface {
	// Info returns what the header says.
	Info() Info
	// Read fills dst with interleaved samples and returns how many it stored: a multiple of the channel count, at least
	// one frame unless err is set. It may return fewer than asked for, as a pipe delivers them. After the last sample
	// it returns 0 and io.EOF, or an error with the file's name when the file is damaged or shorter than its header
	// says. dst must hold one frame or more, else the error is io.ErrShortBuffer.
	Read(dst []float32) (n int, err error)
	// Close releases the file. It does not close a reader that was handed to NewReader, nor standard input.
	Close() error
}

// decoder is one format's reader. Its errors carry no file name, and a damaged stream may make it panic.
type decoder interface {
	info() Info
	// decode has the contract of Reader.Read; len(dst) is a positive multiple of the channel count.
	decode(dst []float32) (int, error)
}

// bufferSize is the read-ahead of every reader in bytes, and the most that format detection can look at.
const bufferSize = 64 << 10

// Open opens the file at path, or standard input when path is "-", and reads its header.
func Open(path string) (Reader, error) {
	switch path {
	case "-":
		return NewReader(os.Stdin, "standard input")
	case "":
		return nil, errors.New(`the name of a sound file is empty; name a file, or "-" for standard input`)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, plain(path, err)
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return nil, cmp.Or(fmt.Errorf("%s: is a folder; name a file in it", path), f.Close())
	}
	r, err := newStream(f, path)
	if err != nil {
		return nil, cmp.Or(err, f.Close())
	}
	r.closer = f
	return r, nil
}

// NewReader reads the header of r and returns a Reader of its samples. Errors begin with name. r need not seek.
func NewReader(r io.Reader, name string) (Reader, error) {
	s, err := newStream(r, name)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// plain rewords a path error as "path: reason".
func plain(path string, err error) error {
	return fmt.Errorf("%s: %w", path, atomicfile.Reason(err))
}

// source hides every method of a reader but Read, so that decoders stream instead of seeking, and remembers the error that
// ended it: some decoders take any read error for the end of the file. A reader that keeps returning nothing fails.
type source struct {
	r    io.Reader
	idle int // empty reads in a row.
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if s.idle++; n > 0 || len(p) == 0 {
		s.idle = 0
	}
	if err == nil && s.idle == 100 {
		err = io.ErrNoProgress
	}
	s.err = err
	return n, err
}

// stream is the Reader of all formats: it names the file in errors, contains panics and keeps the first error.
type stream struct {
	name   string
	src    *source
	dec    decoder
	meta   Info
	closer io.Closer
	err    error
}

func newStream(r io.Reader, name string) (*stream, error) {
	s := &stream{name: name, src: &source{r: r}}
	err := s.guard(func() (err error) {
		s.dec, err = detect(bufio.NewReaderSize(s.src, bufferSize))
		return err
	})
	if err != nil {
		return nil, s.wrap(err)
	}
	s.meta = s.dec.info()
	if err := s.meta.check(); err != nil {
		return nil, s.wrap(err)
	}
	return s, nil
}

// Sample rates outside these bounds are not believed, Hz. The fastest audio converters run at 768 kHz; and a rate of a few
// Hz, converted to a real one, would turn a small file into gigabytes.
const (
	minRate = 1000
	maxRate = 1 << 20
)

// check rejects headers that no recording has.
func (i Info) check() error {
	if i.SampleRate < minRate || i.SampleRate > maxRate {
		return fmt.Errorf("damaged %s header: sample rate %d Hz, expected %d to %d", i.Format, i.SampleRate, minRate, maxRate)
	}
	if i.Channels < 1 {
		return fmt.Errorf("damaged %s header: no channels, expected 1 or more", i.Format)
	}
	return nil
}

// Info implements Reader.
func (s *stream) Info() Info { return s.meta }

// Read implements Reader.
func (s *stream) Read(dst []float32) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	dst = dst[:len(dst)-len(dst)%s.meta.Channels]
	if len(dst) == 0 {
		return 0, io.ErrShortBuffer
	}
	err = s.guard(func() (err error) {
		for n == 0 && err == nil {
			n, err = s.dec.decode(dst)
		}
		return err
	})
	if err != nil {
		if s.err = err; !errors.Is(err, io.EOF) {
			s.err = s.wrap(err)
		}
		if n > 0 {
			return n, nil // The error waits for the next call.
		}
	}
	return n, s.err
}

// Close implements Reader.
func (s *stream) Close() error {
	if s.err == nil {
		s.err = fmt.Errorf("%s: read after close", s.name)
	}
	if s.closer == nil {
		return nil
	}
	c := s.closer
	s.closer = nil
	return c.Close()
}

// guard runs f and turns a panic in it, which only damaged input can cause, into an error.
func (s *stream) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged file: the decoder failed (%v)", p)
		}
	}()
	return f()
}

// wrap adds the file's name, and prefers the reason that reading failed over what a decoder made of it.
func (s *stream) wrap(err error) error {
	if cause := s.src.err; cause != nil && !errors.Is(cause, io.EOF) {
		return fmt.Errorf("%s: cannot read: %w", s.name, atomicfile.Reason(cause))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the file ends early; it is truncated", s.name)
	}
	return fmt.Errorf("%s: %w", s.name, err)
}
