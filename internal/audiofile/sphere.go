package audiofile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxSphereHeader bounds the header that is read. Real ones have 1024 bytes, some 2048.
const maxSphereHeader = bufferSize

// newSphere reads the header of a NIST SPHERE file: the magic line, its length, then "name -type value" lines up to
// "end_head" (NIST SPHERE 2.6 manual, "SPHERE file header format").
func newSphere(br *bufio.Reader) (decoder, error) {
	var first [16]byte // "NIST_1A\n   1024\n".
	if _, err := io.ReadFull(br, first[:]); err != nil {
		return nil, errors.New("the file ends inside its SPHERE header; it is truncated")
	}
	size, err := strconv.Atoi(strings.TrimSpace(string(first[8:])))
	if err != nil || size < len(first) || size > maxSphereHeader {
		return nil, fmt.Errorf("damaged SPHERE header: its length is %q, expected %d to %d", strings.TrimSpace(string(first[8:])),
			len(first), maxSphereHeader)
	}
	text := make([]byte, size-len(first))
	if _, err := io.ReadFull(br, text); err != nil {
		return nil, errors.New("the file ends inside its SPHERE header; it is truncated")
	}
	fields, err := sphereFields(string(text))
	if err != nil {
		return nil, err
	}
	return fields.open(br)
}

// sphereHeader holds the values of a SPHERE header by name.
type sphereHeader map[string]string

// sphereFields parses the lines behind the first two.
func sphereFields(text string) (sphereHeader, error) {
	h := sphereHeader{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 1 && f[0] == "end_head":
			return h, nil
		case len(f) >= 3 && strings.HasPrefix(f[1], "-") && !strings.HasPrefix(f[0], ";"):
			h[f[0]] = f[2]
		}
	}
	return nil, errors.New("damaged SPHERE header: no end_head line")
}

// number returns the integer value of a field, or missing when the header does not have it. Counts stay below 2^43, so that
// the product of a sample count, 65535 channels and 4 bytes fits 63 bits.
func (h sphereHeader) number(name string, missing int64) (int64, error) {
	s, ok := h[name]
	if !ok {
		return missing, nil
	}
	v, err := strconv.ParseInt(s, 10, 44)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("damaged SPHERE header: %s is %q, expected a count", name, s)
	}
	return v, nil
}

// open returns the decoder that the header calls for.
func (h sphereHeader) open(br *bufio.Reader) (decoder, error) {
	var v [5]int64
	for i, f := range [...]struct {
		name    string
		missing int64
	}{{"sample_rate", 0}, {"channel_count", 1}, {"sample_n_bytes", 0}, {"sample_count", -1}, {"sample_sig_bits", 0}} {
		var err error
		if v[i], err = h.number(f.name, f.missing); err != nil {
			return nil, err
		}
	}
	rate, channels, width, count, depth := v[0], v[1], v[2], v[3], v[4]
	code, big, err := h.coding(width)
	if err != nil {
		return nil, err
	}
	if channels < 1 || channels > 0xffff {
		return nil, fmt.Errorf("damaged SPHERE header: %d channels, expected 1 to 65535", channels)
	}
	if depth == 0 {
		depth = 8 * width
	}
	meta := Info{Format: "NIST SPHERE", SampleRate: int(min(rate, maxRate+1)), Channels: int(channels), BitDepth: int(min(depth, 64))}
	size := int64(-1)
	if count >= 0 {
		size = count * channels * width
	}
	return newPCM(br, meta, code, big, size), nil
}

// coding returns how a sample of width bytes is stored, and whether its most significant byte comes first.
func (h sphereHeader) coding(width int64) (code coding, big bool, err error) {
	name := h["sample_coding"]
	switch base, compression, compressed := strings.Cut(name, ","); {
	case compressed && strings.Contains(compression, "shorten"):
		return 0, false, fmt.Errorf("a shorten-compressed SPHERE file (%s); expected plain samples: "+
			"decompress it with sph2pipe -f wav, or sox", name)
	case compressed:
		return 0, false, fmt.Errorf("a compressed SPHERE file (%s); expected plain samples: decompress it with w_decode", name)
	case (base == "ulaw" || base == "mu-law") && width == 1:
		return muLaw, false, nil
	case base == "alaw" && width == 1:
		return aLaw, false, nil
	case base != "pcm" && base != "":
		return 0, false, fmt.Errorf("a SPHERE file of coding %q with %d bytes per sample; expected pcm, ulaw or alaw", name, width)
	case width == 1:
		return signed8, false, nil
	case width < 1 || width > 4:
		return 0, false, fmt.Errorf("damaged SPHERE header: %d bytes per sample, expected 1 to 4", width)
	}
	code = [...]coding{2: int16s, 3: int24s, 4: int32s}[width]
	switch order := h["sample_byte_format"]; order {
	case "0123"[:width]:
		return code, false, nil
	case "3210"[4-width:]:
		return code, true, nil
	default:
		return 0, false, fmt.Errorf("damaged SPHERE header: sample_byte_format %q for %d bytes per sample, expected %q or %q", order,
			width, "0123"[:width], "3210"[4-width:])
	}
}
