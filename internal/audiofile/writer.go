package audiofile

import (
	"cmp"
	"fmt"
	"io"

	"sotto/internal/atomicfile"
)

// Encoding is how a Writer stores samples.
type Encoding int

// The encodings. PCM rounds to nearest and saturates, Float32 keeps values beyond full scale; NaN becomes 0 in all of them.
const (
	PCM16   Encoding = iota // 16-bit integers.
	PCM24                   // 24-bit integers.
	Float32                 // 32-bit IEEE floats.
)

// String returns the encoding's name as users write it.
func (e Encoding) String() string {
	switch e {
	case PCM16:
		return "16"
	case PCM24:
		return "24"
	case Float32:
		return "float32"
	}
	return fmt.Sprintf("Encoding(%d)", int(e))
}

// size returns the bytes per sample.
func (e Encoding) size() int {
	switch e {
	case PCM16:
		return 2
	case PCM24:
		return 3
	case Float32:
		return 4
	}
	panic("audiofile: no such encoding")
}

// maxData is the most sample bytes a WAV file can hold: its 32-bit RIFF size counts the header too.
const maxData = 0xffffffff - maxHeader

// Writer writes a WAV file. Nothing stands under the target's name before Close succeeds; what stood there before is
// replaced whole. A Writer that is not closed must be aborted, or its temporary file stays. Not safe for concurrent use.
type Writer struct {
	name     string
	out      output
	rate     int
	channels int
	enc      Encoding
	data     int64 // sample bytes written.
	limit    int64 // of data; negative for a stream, whose header states no length.
	buf      []byte
	err      error
	closed   bool
}

// Create starts a WAV file of the given rate in Hz at path. "-" is standard output: a stream whose header leaves its length
// open, unless it is redirected to a file. Devices and named pipes are streamed to in the same way.
func Create(path string, rate, channels int, enc Encoding) (*Writer, error) {
	return start(path, rate, channels, enc, atomicfile.Create)
}

// CreateNew is like Create, but a file that has got the target's name by the time of Close stays, and the error is fs.ErrExist.
func CreateNew(path string, rate, channels int, enc Encoding) (*Writer, error) {
	return start(path, rate, channels, enc, atomicfile.CreateNew)
}

func start(path string, rate, channels int, enc Encoding, create func(string) (*atomicfile.File, error)) (*Writer, error) {
	if rate < 1 || channels < 1 || channels > 0xffff {
		return nil, fmt.Errorf("%s: cannot write %d channels at %d Hz; expected 1 to 65535 channels and a positive rate", path,
			channels, rate)
	}
	out, name, err := openOutput(path, create)
	if err != nil {
		return nil, err
	}
	return newWriter(name, out, rate, channels, enc), nil
}

// newWriter returns a Writer whose header waits in its buffer.
func newWriter(name string, out output, rate, channels int, enc Encoding) *Writer {
	w := &Writer{name: name, out: out, rate: rate, channels: channels, enc: enc, limit: maxData}
	size := int64(0)
	if out.streams() {
		w.limit, size = -1, unknownSize
	}
	w.buf = appendHeader(make([]byte, 0, bufferSize), rate, channels, enc, size)
	return w
}

// Write appends interleaved samples; len(x) must be a multiple of the channel count. After an error nothing more is
// written: call Abort.
func (w *Writer) Write(x []float32) error {
	switch {
	case w.closed:
		return fmt.Errorf("%s: write after close", w.name)
	case w.err != nil:
		return w.err
	case len(x)%w.channels != 0:
		panic("audiofile: not a whole number of frames")
	}
	bytes := int64(len(x)) * int64(w.enc.size())
	if w.limit >= 0 && w.data+bytes > w.limit {
		w.err = fmt.Errorf("%s: more than 4 GiB of samples, the most a WAV file holds; write shorter parts or fewer bits", w.name)
		return w.err
	}
	w.data += bytes
	step := (bufferSize - maxHeader) / w.enc.size()
	for len(x) > 0 && w.err == nil {
		n := min(step, len(x))
		if len(w.buf)+n*w.enc.size() > cap(w.buf) {
			w.flush()
		}
		w.buf = w.enc.append(w.buf, x[:n])
		x = x[n:]
	}
	if w.out.streams() {
		w.flush() // Whoever listens at the other end waits for it.
	}
	return w.err
}

// flush hands the buffer to the output.
func (w *Writer) flush() {
	if w.err == nil {
		if _, err := w.out.Write(w.buf); err != nil {
			w.err = writeError(w.name, err)
		}
	}
	w.buf = w.buf[:0]
}

// Close completes the file and gives it its name. After an error, its own or an earlier one, nothing is left behind.
// Closing again, or after Abort, does nothing.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	if w.data%2 == 1 && w.limit >= 0 {
		w.buf = append(w.buf, 0) // Chunks have even length.
	}
	w.flush()
	if w.err != nil {
		return cmp.Or(w.err, w.Abort())
	}
	w.closed = true
	header := appendHeader(nil, w.rate, w.channels, w.enc, w.data)
	if err := w.out.commit(header); err != nil {
		w.err = writeError(w.name, err)
	}
	return w.err
}

// Abort gives up: the temporary file goes, and what stood under the target's name stays. After Close it does nothing, so it
// can be deferred.
func (w *Writer) Abort() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if err := w.out.abort(); err != nil {
		return writeError(w.name, err)
	}
	return nil
}

// WriteMono writes x as a WAV file of one channel at rate Hz.
func WriteMono(path string, x []float32, rate int, enc Encoding) error {
	w, err := Create(path, rate, 1, enc)
	if err != nil {
		return err
	}
	if err := w.Write(x); err != nil {
		return cmp.Or(err, w.Abort())
	}
	return w.Close()
}

// writeError names the file whose writing failed.
func writeError(name string, err error) error {
	return fmt.Errorf("%s: cannot write: %w", name, atomicfile.Reason(err))
}

// output is where a Writer's bytes go.
type output interface {
	io.Writer
	streams() bool              // the length must be left open in the header.
	commit(header []byte) error // replaces the header and makes the file stand.
	abort() error
}
