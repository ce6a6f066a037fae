package audiofile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// coding is how one sample is stored.
type coding int

const (
	unsigned8 coding = iota // WAV's 8-bit samples.
	signed8                 // SPHERE's 8-bit samples.
	int16s
	int24s
	int32s
	float32s
	float64s
	muLaw
	aLaw
)

// size returns the bytes per sample.
func (c coding) size() int {
	return [...]int{unsigned8: 1, signed8: 1, int16s: 2, int24s: 3, int32s: 4, float32s: 4, float64s: 8, muLaw: 1, aLaw: 1}[c]
}

// pcm decodes uncompressed samples; WAV and SPHERE share it. left is in bytes and negative when unknown.
type pcm struct {
	meta  Info
	r     io.Reader
	code  coding
	big   bool // most significant byte first.
	left  int64
	table []float32 // of a one-byte coding.
	buf   []byte
	have  int // bytes of an incomplete frame at the front of buf.
}

// newPCM returns a decoder of size bytes of samples from r, or of all there are when size is negative. meta.Channels must
// be in 1..65535: the buffer holds at least one frame of it.
func newPCM(r io.Reader, meta Info, code coding, big bool, size int64) *pcm {
	frame := meta.Channels * code.size()
	p := &pcm{meta: meta, r: r, code: code, big: big, left: -1, buf: make([]byte, max(bufferSize, frame))}
	p.meta.Frames = -1
	if size >= 0 {
		p.meta.Frames = size / int64(frame)
		p.left = p.meta.Frames * int64(frame)
	}
	if code.size() == 1 {
		p.table = byteTable(code)
	}
	return p
}

func (p *pcm) info() Info { return p.meta }

func (p *pcm) decode(dst []float32) (int, error) {
	width := p.code.size()
	frame := p.meta.Channels * width
	want := min(len(p.buf)/frame, len(dst)/p.meta.Channels) * frame
	if p.left >= 0 {
		want = int(min(int64(want), p.left))
	}
	if want == 0 {
		return 0, io.EOF
	}
	n, err := io.ReadAtLeast(p.r, p.buf[p.have:want], frame-p.have)
	p.have += n
	whole := p.have / frame * frame
	p.convert(dst, p.buf[:whole])
	p.have = copy(p.buf, p.buf[whole:p.have])
	if p.left >= 0 {
		p.left -= int64(whole)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = p.end()
	}
	return whole / width, err
}

// end judges an early end of the stream.
func (p *pcm) end() error {
	if p.left <= 0 {
		return io.EOF
	}
	frames := p.left / int64(p.meta.Channels*p.code.size())
	return truncated(p.meta.Frames, frames)
}

// truncated is the error of a file that ends before its header says.
func truncated(promised, missing int64) error {
	return fmt.Errorf("truncated: the header promises %d samples per channel, the last %d are missing", promised, missing)
}

// convert decodes src, whole samples, into dst. Integers are divided by the magnitude of their most negative value.
func (p *pcm) convert(dst []float32, src []byte) {
	switch {
	case p.table != nil:
		for i, b := range src {
			dst[i] = p.table[b]
		}
	case p.big:
		convertPCM(dst, src, p.code, binary.BigEndian)
	default:
		convertPCM(dst, src, p.code, binary.LittleEndian)
	}
}

// convertPCM is generic over the byte order, so that the compiler resolves the calls inside the loops.
func convertPCM[O interface {
	Uint16([]byte) uint16
	Uint32([]byte) uint32
	Uint64([]byte) uint64
}](dst []float32, src []byte, code coding, order O) {
	switch code {
	case int16s:
		for i := range len(src) / 2 {
			dst[i] = float32(int16(order.Uint16(src[2*i:]))) / (1 << 15)
		}
	case int24s:
		first, last := 2, 0 // the most and the least significant byte, little endian.
		if any(order) == any(binary.BigEndian) {
			first, last = 0, 2
		}
		for i := range len(src) / 3 {
			s := src[3*i : 3*i+3]
			v := int32(uint32(s[first])<<24|uint32(s[1])<<16|uint32(s[last])<<8) >> 8
			dst[i] = float32(v) / (1 << 23)
		}
	case int32s:
		for i := range len(src) / 4 {
			dst[i] = float32(int32(order.Uint32(src[4*i:]))) / (1 << 31)
		}
	case float32s:
		for i := range len(src) / 4 {
			dst[i] = math.Float32frombits(order.Uint32(src[4*i:]))
		}
	case float64s:
		for i := range len(src) / 8 {
			dst[i] = float32(math.Float64frombits(order.Uint64(src[8*i:])))
		}
	default:
		panic("audiofile: no such sample coding")
	}
}

// byteTable returns the value of each byte in a one-byte coding.
func byteTable(code coding) []float32 {
	t := make([]float32, 256)
	for b := range t {
		switch code {
		case unsigned8:
			t[b] = float32(b-128) / 128
		case signed8:
			t[b] = float32(int8(b)) / 128
		case muLaw:
			t[b] = float32(expandMuLaw(byte(b))) / (1 << 15)
		case aLaw:
			t[b] = float32(expandALaw(byte(b))) / (1 << 15)
		default:
			panic("audiofile: not a one-byte coding")
		}
	}
	return t
}

// expandMuLaw returns the 16-bit value of a mu-law byte: sign, 3-bit segment and 4-bit step, all inverted, with a bias of
// 33 that is 132 at 16 bits (ITU-T G.711, table 2).
func expandMuLaw(b byte) int {
	b = ^b
	v := (int(b&15)<<3+132)<<(b>>4&7) - 132
	if b&0x80 != 0 {
		return -v
	}
	return v
}

// expandALaw returns the 16-bit value of an A-law byte: even bits inverted, sign set for positive, 3-bit segment, 4-bit
// step, decision values at the middle of a step (ITU-T G.711, table 1).
func expandALaw(b byte) int {
	b ^= 0x55
	v := int(b&15)<<4 + 8
	if seg := b >> 4 & 7; seg > 0 {
		v = (v + 256) << (seg - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}
