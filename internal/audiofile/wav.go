package audiofile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Format tags of the WAVE "fmt " chunk (mmreg.h).
const (
	tagPCM        = 0x0001
	tagFloat      = 0x0003
	tagALaw       = 0x0006
	tagMuLaw      = 0x0007
	tagExtensible = 0xfffe
)

// openEnded is the smallest data length, in bytes, that is not believed when the stream ends before it. Programs that write
// to a pipe cannot go back to fill in the length: sox leaves 0x7ffff000, arecord 0x80000000, most others 0xffffffff.
const openEnded = 0x7ffff000

// guidTail ends every subformat GUID of WAVE_FORMAT_EXTENSIBLE that stands for a plain format tag (ksmedia.h).
var guidTail = []byte("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")

// wavHeader is what stands before the samples.
type wavHeader struct {
	meta     Info
	code     coding
	found    bool   // a "fmt " chunk was seen.
	riffSize uint32 // as stated.
	read     int64  // bytes read after the RIFF size field.
	size64   int64  // data length of a ds64 chunk, negative without one or when it was never filled in.
}

// newWAV reads the chunks up to "data". go-audio/wav is not used here: it needs a seeker, takes floats for integers, leaves
// 8-bit samples unsigned and drops header errors. The tests hold this reader against it where it is right.
func newWAV(br *bufio.Reader) (decoder, error) {
	h := &wavHeader{size64: -1}
	var head [12]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return nil, errors.New("the file ends inside its WAV header; it is truncated")
	}
	if string(head[8:]) != "WAVE" {
		return nil, fmt.Errorf("a RIFF file of type %q; expected a WAVE file", head[8:])
	}
	h.riffSize = binary.LittleEndian.Uint32(head[4:])
	h.read = 4
	for {
		var c [8]byte
		if _, err := io.ReadFull(br, c[:]); err != nil {
			return nil, errors.New("the WAV file ends before its samples (no data chunk); it is truncated")
		}
		h.read += 8
		size := binary.LittleEndian.Uint32(c[4:])
		if string(c[:4]) == "data" {
			return h.open(br, size)
		}
		if err := h.chunk(br, string(c[:4]), size); err != nil {
			return nil, err
		}
	}
}

// chunk reads or skips one chunk before the data.
func (h *wavHeader) chunk(br *bufio.Reader, id string, size uint32) error {
	var body [40]byte // The longest that matters: "fmt " in its extensible form.
	b := body[:min(size, uint32(len(body)))]
	if id != "fmt " && id != "ds64" {
		b = nil
	}
	if _, err := io.ReadFull(br, b); err != nil {
		return fmt.Errorf("the WAV file ends inside its %q chunk; it is truncated", id)
	}
	rest := int64(size) + int64(size&1) - int64(len(b)) // Chunks are padded to even length.
	if err := skip(br, rest); err != nil {
		return fmt.Errorf("the WAV file ends inside its %q chunk; it is truncated", id)
	}
	h.read += int64(len(b)) + rest
	switch {
	case id == "fmt ":
		return h.format(b)
	case id == "ds64" && len(b) >= 16:
		h.size64 = int64(binary.LittleEndian.Uint64(b[8:])) // EBU Tech 3306: RIFF size, then data size.
	}
	return nil
}

// format reads the "fmt " chunk.
func (h *wavHeader) format(b []byte) error {
	if len(b) < 16 {
		return fmt.Errorf("damaged WAV header: a format chunk of %d bytes, expected 16 or more", len(b))
	}
	le := binary.LittleEndian
	tag, align, depth := int(le.Uint16(b)), int(le.Uint16(b[12:])), int(le.Uint16(b[14:]))
	h.meta = Info{Format: "WAV", Channels: int(le.Uint16(b[2:])), SampleRate: int(le.Uint32(b[4:])), BitDepth: depth}
	if tag == tagExtensible {
		if len(b) < 40 || !bytes.Equal(b[26:40], guidTail) {
			return errors.New("a WAV file of an unknown extensible format; expected PCM or float samples: convert it")
		}
		tag = int(le.Uint16(b[24:]))
		if valid := int(le.Uint16(b[18:])); valid > 0 && valid < depth {
			h.meta.BitDepth = valid // Samples are left-justified: the container decides how to read them.
		}
	}
	if h.meta.Channels == 0 {
		return errors.New("damaged WAV header: no channels, expected 1 or more")
	}
	width := (depth + 7) / 8
	if align != h.meta.Channels*width {
		return fmt.Errorf("damaged WAV header: %d bytes per frame for %d channels of %d bits, expected %d",
			align, h.meta.Channels, depth, h.meta.Channels*width)
	}
	return h.coding(tag, width)
}

// coding chooses the sample coding from the format tag and the bytes per sample.
func (h *wavHeader) coding(tag, width int) error {
	integers := [...]coding{1: unsigned8, 2: int16s, 3: int24s, 4: int32s}
	switch {
	case tag == tagPCM && width >= 1 && width <= 4:
		h.code = integers[width]
	case tag == tagFloat && width == 4:
		h.code, h.meta.Float = float32s, true
	case tag == tagFloat && width == 8:
		h.code, h.meta.Float = float64s, true
	case tag == tagMuLaw && width == 1:
		h.code = muLaw
	case tag == tagALaw && width == 1:
		h.code = aLaw
	case tag == tagPCM || tag == tagFloat || tag == tagMuLaw || tag == tagALaw:
		return fmt.Errorf("a WAV file with %d bytes per sample (format %d); expected 8 to 32-bit integers or 32 or 64-bit floats",
			width, tag)
	default:
		return fmt.Errorf("a WAV file in compressed format 0x%04x; expected PCM or float samples: convert it", tag)
	}
	h.found = true
	return nil
}

// open returns the decoder of a data chunk of the stated size.
func (h *wavHeader) open(br *bufio.Reader, size uint32) (decoder, error) {
	if !h.found {
		return nil, errors.New("damaged WAV file: no format chunk before the samples")
	}
	switch {
	case size == 0xffffffff && h.size64 >= 0:
		return newPCM(br, h.meta, h.code, false, h.size64), nil
	case size == 0 && int64(h.riffSize) <= h.read, size >= openEnded:
		// A length of 0 is meant when the RIFF size covers further chunks; otherwise it was never filled in.
		return newOpenEnded(br, h, size), nil
	}
	return newPCM(br, h.meta, h.code, false, int64(size)), nil
}

// newOpenEnded returns a decoder of a data chunk whose length may be a placeholder: it stops there, if the stream gets that
// far, but does not complain when it ends before.
func newOpenEnded(br *bufio.Reader, h *wavHeader, size uint32) decoder {
	var r io.Reader = br
	if size != 0 && size != 0xffffffff {
		r = io.LimitReader(br, int64(size))
	}
	return newPCM(r, h.meta, h.code, false, -1)
}
