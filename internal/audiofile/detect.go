package audiofile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// known lists the formats in a user's words.
const known = "WAV, FLAC, MP3 or NIST SPHERE"

// foreign names formats that people are likely to try, by the bytes at an offset.
var foreign = []struct {
	offset      int
	magic, name string
}{
	{0, "OggS", "an Ogg file"},
	{0, "FORM", "an AIFF file"},
	{0, "RIFX", "a big-endian WAV file"},
	{0, "riff", "a Wave64 file"},
	{0, "caff", "a Core Audio file"},
	{0, ".snd", "a Sun AU file"},
	{0, "ajkg", "a bare shorten file"},
	{0, "\x1a\x45\xdf\xa3", "a Matroska or WebM file"},
	{0, "wvpk", "a WavPack file"},
	{0, "#!AMR", "an AMR file"},
	{0, "\x30\x26\xb2\x75", "a Windows Media file"},
	{4, "ftyp", "an MP4 or M4A file"},
}

// detect looks at the first bytes and opens the decoder that they call for.
func detect(br *bufio.Reader) (decoder, error) {
	tagged, err := skipID3(br)
	if err != nil {
		return nil, err
	}
	head, err := br.Peek(12)
	if len(head) == 0 {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, errors.New("the file is empty; expected " + known)
	}
	switch {
	case hasPrefix(head, "RIFF"), hasPrefix(head, "RF64"), hasPrefix(head, "BW64"):
		return newWAV(br)
	case hasPrefix(head, "fLaC"):
		return newFLAC(br)
	case hasPrefix(head, "NIST_1A\n"):
		return newSphere(br)
	}
	if h, ok := parseMP3(head); ok {
		return newMP3(br, h)
	}
	for _, f := range foreign {
		if len(head) >= f.offset && hasPrefix(head[f.offset:], f.magic) {
			return nil, fmt.Errorf("%s; expected %s: convert it, for example with ffmpeg", f.name, known)
		}
	}
	if tagged {
		return nil, errors.New("no audio found behind the ID3 tag; expected " + known)
	}
	return nil, fmt.Errorf("not an audio file; expected %s", known)
}

func hasPrefix(b []byte, s string) bool { return bytes.HasPrefix(b, []byte(s)) }

// skipID3 discards the ID3v2 tags at the front of MP3 (and some FLAC) files without holding them in memory, and reports
// whether there was one. The size is four bytes of seven bits (ID3v2.4.0 structure, section 3.1).
func skipID3(br *bufio.Reader) (bool, error) {
	found := false
	for {
		head, _ := br.Peek(10)
		if len(head) < 10 || !hasPrefix(head, "ID3") {
			return found, nil
		}
		size := int64(head[6]&0x7f)<<21 | int64(head[7]&0x7f)<<14 | int64(head[8]&0x7f)<<7 | int64(head[9]&0x7f)
		if head[5]&0x10 != 0 {
			size += 10 // A footer repeats the header.
		}
		if err := skip(br, 10+size); err != nil {
			return found, errors.New("the file ends inside its ID3 tag; it is truncated")
		}
		found = true
		if err := skipZeros(br); err != nil {
			return found, err
		}
	}
}

// skipZeros discards the zero bytes that some taggers leave behind their tag, as far as the buffer shows them.
func skipZeros(br *bufio.Reader) error {
	b, _ := br.Peek(bufferSize)
	_, err := br.Discard(len(b) - len(bytes.TrimLeft(b, "\x00")))
	return err
}

// skip discards n bytes of r. It returns io.ErrUnexpectedEOF when there are fewer.
func skip(r io.Reader, n int64) error {
	got, err := io.CopyN(io.Discard, r, n)
	if got < n && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
