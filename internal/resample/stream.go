package resample

// Stream converts the rate of a signal that arrives in blocks of any size. Its output is that of [Convert] bit for bit, a
// whole number of samples later. Not safe for concurrent use.
type Stream struct {
	f       *filter   // nil when the rates are equal.
	delay   int       // output samples.
	pending []float32 // inputs that outputs to come still need; pending[0] is the first tap of the next output.
	rem     int       // phase of the next output, 0..up-1.
	due     int       // inputs still to come before the next output leaves; it leaves when this is negative.
	dueRem  int       // remainder of due, in 1/up.
}

// NewStream returns a converter of from Hz into to Hz. It panics unless both are positive.
func NewStream(from, to int) *Stream {
	if from == to && from > 0 {
		return &Stream{}
	}
	return newStream(newFilter(from, to))
}

func newStream(f *filter) *Stream {
	s := &Stream{f: f, delay: outputs(f.half, f.up, f.down)}
	s.Reset()
	return s
}

// Twin returns another converter of the same rates, as new. The two share the filter, which odd rates make large: 5 MB for
// 1048573 to 48000 Hz.
func (s *Stream) Twin() *Stream {
	if s.f == nil {
		return &Stream{}
	}
	return newStream(s.f)
}

// Delay returns how many output samples the stream lags behind its input: a whole number near 80 samples of the lower
// rate (5 ms at 16 kHz), 0 when the rates are equal.
func (s *Stream) Delay() float64 { return float64(s.delay) }

// Reset forgets all input: what follows is as from a new Stream.
func (s *Stream) Reset() {
	f := s.f
	if f == nil {
		return
	}
	// Output 0 stands for the instant -delay*down/up <= -half, so its last tap is never after input 0. Its centre is the
	// input before that instant, back samples before the first.
	back := outputs(s.delay, f.down, f.up)
	s.rem = back*f.up - s.delay*f.down
	s.due, s.dueRem = 0, 0
	zeros := back + f.half - 1
	if cap(s.pending) < zeros {
		s.pending = make([]float32, zeros, 4*zeros)
	}
	s.pending = s.pending[:zeros]
	clear(s.pending)
}

// Process consumes src and returns the samples that are due, in dst[:0], grown when it is too small. After N samples in,
// exactly ceil(N*to/from) have come out. It allocates only when it meets a larger block than ever before. dst must not
// overlap src.
func (s *Stream) Process(dst, src []float32) []float32 {
	dst = dst[:0]
	f := s.f
	if f == nil {
		return append(dst, src...)
	}
	s.pending = append(s.pending, src...)
	s.due -= len(src)
	at, taps := 0, 2*f.half
	for s.due < 0 {
		dst = append(dst, f.dot(s.pending[at:at+taps], s.rem))
		s.rem += f.down
		at += s.rem / f.up
		s.rem %= f.up
		s.dueRem += f.down
		s.due += s.dueRem / f.up
		s.dueRem %= f.up
	}
	s.pending = s.pending[:copy(s.pending, s.pending[at:])]
	return dst
}
