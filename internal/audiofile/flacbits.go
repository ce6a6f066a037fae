package audiofile

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// bitReader reads big-endian bit fields, as FLAC frames are made of, and sums their CRC-16 as it goes. Behind the end of
// the stream it yields zero bits and sets err; callers check err once per block of reads instead of at each.
type bitReader struct {
	r        io.Reader
	buf      []byte
	pos, end int    // buf[pos:end] was read but is not in cache.
	cache    uint64 // the next bits, left-aligned.
	n        uint   // how many of them count. Bits below may already hold what stands at buf[pos].
	summed   int    // buf[summed:] is not in crc yet.
	crc      uint16
	ended    error // why the source gave no more.
	err      error // bits were asked for that the source did not have.
}

func newBitReader(r io.Reader) *bitReader {
	return &bitReader{r: r, buf: make([]byte, bufferSize)}
}

// refill brings the cache to 57 bits or more, or to all that are left.
func (b *bitReader) refill() {
	if b.end-b.pos < 8 && b.ended == nil {
		b.load()
	}
	if b.end-b.pos >= 8 {
		b.cache |= binary.BigEndian.Uint64(b.buf[b.pos:]) >> b.n
		add := (64 - b.n) >> 3
		b.pos += int(add)
		b.n += add * 8
		return
	}
	for b.n <= 56 && b.pos < b.end {
		b.cache |= uint64(b.buf[b.pos]) << (56 - b.n)
		b.pos++
		b.n += 8
	}
}

// consumed returns the index in buf behind the last whole byte that was read.
func (b *bitReader) consumed() int { return b.pos - int(b.n/8) }

// load moves what is not consumed to the front of buf and reads more behind it, as much as one Read gives.
func (b *bitReader) load() {
	used := b.consumed()
	b.sum(used)
	kept := copy(b.buf, b.buf[used:b.end])
	b.pos -= used
	b.summed -= used
	n, err := io.ReadAtLeast(b.r, b.buf[kept:], 8)
	b.end = kept + n
	b.ended = err
}

// sum extends the CRC to the bytes before buf[to].
func (b *bitReader) sum(to int) {
	c, p, t := b.crc, b.buf[b.summed:to], &crc16Tables
	for ; len(p) >= 8; p = p[8:] {
		c = t[7][p[0]^byte(c>>8)] ^ t[6][p[1]^byte(c)] ^ t[5][p[2]] ^ t[4][p[3]] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]]
	}
	for _, v := range p {
		c = c<<8 ^ t[0][byte(c>>8)^v]
	}
	b.crc, b.summed = c, to
}

// starve notes that bits were missing and provides zeros.
func (b *bitReader) starve() {
	b.err = io.ErrUnexpectedEOF
	b.cache, b.n = 0, 64
}

// read returns the next k bits, 0 <= k <= 57.
func (b *bitReader) read(k uint) uint64 {
	if b.n < k {
		if b.refill(); b.n < k {
			b.starve()
		}
	}
	v := b.cache >> (64 - k)
	b.cache <<= k
	b.n -= k
	return v
}

// signed returns the next k bits as a two's complement number, 0 <= k <= 57.
func (b *bitReader) signed(k uint) int64 {
	return int64(b.read(k)<<(64-k)) >> (64 - k)
}

// unary returns the number of zero bits before the next one bit, and consumes them and it.
func (b *bitReader) unary() uint64 {
	var count uint64
	for {
		if z := uint(bits.LeadingZeros64(b.cache)); z < b.n {
			b.cache <<= z + 1
			b.n -= z + 1
			return count + uint64(z)
		}
		count += uint64(b.n)
		b.cache, b.n = 0, 0
		if b.refill(); b.n == 0 {
			b.starve()
			return 0
		}
	}
}

// rice fills dst with Rice-coded residuals of parameter k: the zigzag code's quotient by 2^k in unary, then k bits.
func (b *bitReader) rice(dst []int64, k uint) {
	cache, n := b.cache, b.n // In registers: this loop is a third of the decoder's time.
	for i := range dst {
		if n < 40 {
			b.cache, b.n = cache, n
			b.refill()
			cache, n = b.cache, b.n
		}
		var v uint64
		if use := uint(bits.LeadingZeros64(cache)) + 1 + k; use <= n {
			v = uint64(use-1-k)<<k | cache<<((use-k)&63)>>(64-k)
			cache <<= use
			n -= use
		} else {
			b.cache, b.n = cache, n
			v = b.unary()<<k | b.read(k)
			if b.err != nil {
				return
			}
			cache, n = b.cache, b.n
		}
		dst[i] = int64(v>>1) ^ -int64(v&1)
	}
	b.cache, b.n = cache, n
}

// align drops the bits up to the next byte.
func (b *bitReader) align() {
	b.read(b.n % 8)
}

// beginSum starts a CRC at the next byte; the reader must be aligned.
func (b *bitReader) beginSum() {
	b.crc, b.summed = 0, b.consumed()
}

// endSum returns the CRC up to the last byte read; the reader must be aligned.
func (b *bitReader) endSum() uint16 {
	if b.err == nil {
		b.sum(b.consumed())
	}
	return b.crc
}

// atEnd reports whether nothing is left to read.
func (b *bitReader) atEnd() bool {
	if b.n == 0 {
		b.refill()
	}
	return b.n == 0
}

// crc16Tables holds the CRC with polynomial 0x8005, most significant bit first (RFC 9639, section 9.3), of each byte when
// followed by 0 to 7 zero bytes, so that eight bytes are summed at once.
var crc16Tables = func() (t [8][256]uint16) {
	for i := range t[0] {
		c := uint16(i) << 8
		for range 8 {
			c = c<<1 ^ c>>15*0x8005
		}
		t[0][i] = c
	}
	for k := 1; k < len(t); k++ {
		for i, c := range t[k-1] {
			t[k][i] = c<<8 ^ t[0][c>>8]
		}
	}
	return t
}()
