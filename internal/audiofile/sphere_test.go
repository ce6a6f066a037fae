package audiofile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sotto/internal/testsig"
)

// sphere returns a SPHERE file with a header of 1024 bytes.
func sphere(fields, data string) []byte {
	head := "NIST_1A\n   1024\n" + fields + "end_head\n"
	return []byte(head + strings.Repeat(" ", 1024-len(head)) + data)
}

// timit is the header of a TIMIT file of n samples, as the corpus ships it.
func timit(n int) string {
	return fmt.Sprintf("database_id -s5 TIMIT\ndatabase_version -s3 1.0\nutterance_id -s8 cjf0_sa1\nchannel_count -i 1\n"+
		"sample_count -i %d\nsample_rate -i 16000\nsample_min -i -2191\nsample_max -i 2790\nsample_n_bytes -i 2\n"+
		"sample_byte_format -s2 01\nsample_sig_bits -i 16\n", n)
}

func TestSphere(t *testing.T) {
	for _, c := range []struct {
		name, fields, data string
		info               Info
		want               []float32
	}{
		{
			"TIMIT", timit(2), "\x00\x40\x00\x80",
			Info{Format: "NIST SPHERE", SampleRate: 16000, Channels: 1, BitDepth: 16, Frames: 2},
			[]float32{0.5, -1},
		},
		{
			"big endian stereo", "sample_rate -i 8000\nchannel_count -i 2\nsample_n_bytes -i 2\nsample_byte_format -s2 10\n" +
				"sample_count -i 1\nsample_coding -s3 pcm\n", "\x40\x00\x80\x00",
			Info{Format: "NIST SPHERE", SampleRate: 8000, Channels: 2, BitDepth: 16, Frames: 1},
			[]float32{0.5, -1},
		},
		{
			"mu-law, no count", "sample_rate -i 8000\nsample_n_bytes -i 1\nsample_coding -s4 ulaw\nsample_byte_format -s1 1\n", "\x80\x00",
			Info{Format: "NIST SPHERE", SampleRate: 8000, Channels: 1, BitDepth: 8, Frames: -1},
			[]float32{32124. / 32768, -32124. / 32768},
		},
		{
			"24 bits", "sample_rate -i 48000\nsample_n_bytes -i 3\nsample_byte_format -s3 210\nsample_count -i 1\n", "\xc0\x00\x00",
			Info{Format: "NIST SPHERE", SampleRate: 48000, Channels: 1, BitDepth: 24, Frames: 1},
			[]float32{-0.5},
		},
		{
			"32 bits", "sample_rate -i 48000\nsample_n_bytes -i 4\nsample_byte_format -s4 3210\nsample_count -i 1\n", "\xc0\x00\x00\x00",
			Info{Format: "NIST SPHERE", SampleRate: 48000, Channels: 1, BitDepth: 32, Frames: 1},
			[]float32{-0.5},
		},
		{
			"8 bits", "sample_rate -i 8000\nsample_n_bytes -i 1\nsample_byte_format -s1 1\nsample_count -i 2\n", "\x40\x80",
			Info{Format: "NIST SPHERE", SampleRate: 8000, Channels: 1, BitDepth: 8, Frames: 2},
			[]float32{0.5, -1},
		},
	} {
		r, err := NewReader(bytes.NewReader(sphere(c.fields, c.data)), c.name)
		if err != nil {
			t.Fatal(err)
		}
		if r.Info() != c.info {
			t.Errorf("%s: info %+v, want %+v", c.name, r.Info(), c.info)
		}
		got, err := readBlocks(r, 4)
		if err != nil {
			t.Fatal(err)
		}
		testsig.Near(t, c.name, got, c.want, 0)
	}
}

func TestSphereDamage(t *testing.T) {
	line := func(s string) []byte { return sphere(strings.Replace(timit(2), "sample_n_bytes -i 2\n", s, 1), "1234") }
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{
			"shorten", line("sample_n_bytes -i 2\nsample_coding -s26 pcm,embedded-shorten-v2.00\n"),
			"a shorten-compressed SPHERE file (pcm,embedded-shorten-v2.00); expected plain samples: decompress it with sph2pipe",
		},
		{"wavpack", line("sample_n_bytes -i 2\nsample_coding -s26 pcm,embedded-wavpack\n"), "w_decode"},
		{"coding", line("sample_n_bytes -i 2\nsample_coding -s26 opus\n"), `coding "opus"`},
		{"width", line("sample_n_bytes -i 9\n"), "9 bytes per sample, expected 1 to 4"},
		{"nowidth", line(""), "0 bytes per sample"},
		{"negative", line("sample_n_bytes -i -2\n"), `sample_n_bytes is "-2", expected a count`},
		{"many", line("sample_n_bytes -i 2\nchannel_count -i 70000\n"), "70000 channels"},
		{"rate", line("sample_n_bytes -i 2\nsample_rate -i 99999999999\n"), "sample rate 1048577 Hz"},
		{"format", sphere(strings.Replace(timit(2), "-s2 01", "-s2 00", 1), "1234"), `sample_byte_format "00"`},
		{"noend", []byte("NIST_1A\n   1024\n" + strings.Repeat(" ", 1008)), "no end_head"},
		{"length", []byte("NIST_1A\n9999999\nxx"), `its length is "9999999"`},
		{"cut", sphere(timit(2), "")[:100], "ends inside its SPHERE header"},
		{"short", sphere(timit(2), "123"), "the last 1 are missing"},
	} {
		r, err := NewReader(bytes.NewReader(c.data), c.name+".sph")
		if err == nil {
			_, err = readBlocks(r, 4)
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.name+".sph: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
