package audiofile

import (
	"encoding/binary"
	"math"
)

const (
	// unknownSize asks appendHeader for the placeholder of a stream.
	unknownSize = -1
	// maxHeader is the longest header that appendHeader writes, plus the padding byte after the samples.
	maxHeader = 12 + 8 + 40 + 8 + 4 + 8 + 1
)

// appendHeader appends a WAV header for data bytes of samples. Floats have the fact chunk that the format demands of them,
// more than two channels the extensible form (without speaker positions), plain PCM the 44 bytes that everything reads.
func appendHeader(b []byte, rate, channels int, enc Encoding, data int64) []byte {
	le := binary.LittleEndian
	tag, depth := uint16(tagPCM), enc.size()*8
	if enc == Float32 {
		tag = tagFloat
	}
	align := channels * enc.size()
	format := make([]byte, 0, 40)
	format = le.AppendUint16(format, tag)
	format = le.AppendUint16(format, uint16(channels))
	format = le.AppendUint32(format, uint32(rate))
	format = le.AppendUint32(format, uint32(rate*align))
	format = le.AppendUint16(format, uint16(align))
	format = le.AppendUint16(format, uint16(depth))
	switch {
	case channels > 2:
		le.PutUint16(format, tagExtensible)
		format = le.AppendUint16(format, 22) // bytes to follow.
		format = le.AppendUint16(format, uint16(depth))
		format = le.AppendUint32(format, 0) // no speaker positions.
		format = le.AppendUint16(format, tag)
		format = append(format, guidTail...)
	case enc == Float32:
		format = le.AppendUint16(format, 0)
	}
	var fact []byte
	if enc == Float32 {
		fact = le.AppendUint32(append(fact, "fact\x04\x00\x00\x00"...), uint32(max(data, 0)/int64(align)))
	}
	riff, size := uint32(0xffffffff), uint32(0xffffffff)
	if data != unknownSize {
		size = uint32(data)
		riff = uint32(4 + 8 + int64(len(format)+len(fact)) + 8 + data + data&1)
	}
	b = le.AppendUint32(append(b, "RIFF"...), riff)
	b = le.AppendUint32(append(b, "WAVEfmt "...), uint32(len(format)))
	b = append(append(b, format...), fact...)
	return le.AppendUint32(append(b, "data"...), size)
}

// append encodes x at the end of b.
func (e Encoding) append(b []byte, x []float32) []byte {
	switch e {
	case PCM16:
		for _, v := range x {
			b = binary.LittleEndian.AppendUint16(b, uint16(quantise(v, 1<<15)))
		}
	case PCM24:
		for _, v := range x {
			q := quantise(v, 1<<23)
			b = append(b, byte(q), byte(q>>8), byte(q>>16))
		}
	case Float32:
		for _, v := range x {
			if v != v {
				v = 0
			}
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// quantise scales v to integers of -full to full-1: nearest, ties to even, saturating; NaN gives 0.
func quantise(v float32, full float64) int32 {
	q := math.RoundToEven(float64(v) * full)
	switch {
	case q >= full:
		return int32(full) - 1
	case q <= -full:
		return int32(-full)
	case q != q:
		return 0
	}
	return int32(q)
}
