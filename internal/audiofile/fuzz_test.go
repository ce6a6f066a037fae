package audiofile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mewkiz/flac"
)

// fuzzReader feeds data to the reader and checks what must hold for any input: no panic gets out, the frame count is
// whole, at most limit samples per byte come out, errors are one line that begins with the name, and memory stays within a
// constant plus a multiple of the input.
func fuzzReader(t *testing.T, data []byte, formatName string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := NewReader(bytes.NewReader(data), "fuzz")
	if err == nil {
		if f := r.Info().Format; f != formatName {
			return // The fuzzer turned it into another format, which has a target of its own.
		}
		_, err = drain(t, r)
	}
	runtime.ReadMemStats(&after)
	if err != nil && (!strings.HasPrefix(err.Error(), "fuzz: ") || strings.ContainsAny(err.Error(), "\r\n")) {
		t.Errorf("error %q, want one line that begins with the name", err)
	}
	if err != nil && strings.Contains(err.Error(), "the decoder failed") && formatName != "MP3" {
		t.Errorf("a panic in our own decoder: %v", err)
	}
	// go-mp3 allocates tens of kilobytes per frame of 24 bytes or more.
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+4096*len(data)); got > most {
		t.Errorf("%d bytes allocated for %d of input, want at most %d", got, len(data), most)
	}
}

// drain reads r to its end, or to 16 million samples, and returns the count.
func drain(t *testing.T, r Reader) (int, error) {
	t.Helper()
	channels := r.Info().Channels
	buf := make([]float32, max(1, 4096/channels)*channels)
	total := 0
	for total < 1<<24 {
		n, err := r.Read(buf)
		if n%channels != 0 || n == 0 && err == nil {
			t.Errorf("%d samples of %d channels without an error", n, channels)
		}
		total += n
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// seed adds the files of testdata with the given extension, whole and cut.
func seed(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("no %s in testdata: %v", pattern, err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/3])
	}
}

func FuzzWAV(f *testing.F) {
	for _, c := range []string{
		format(tagPCM, 1, 8000, 16, 0), format(tagPCM, 2, 48000, 24, 20), format(tagFloat, 3, 16000, 64, 64),
		format(tagMuLaw, 1, 8000, 8, 0), format(tagPCM, 65535, 8000, 8, 0),
	} {
		f.Add(riff("RIFF", "fmt ", c, "data", "123456789012"))
		f.Add(riff("RF64", "ds64", strings.Repeat("\x01", 28), "LIST", "abc", "fmt ", c, "data", "123456789012"))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzReader(t, data, "WAV") })
}

func FuzzSphere(f *testing.F) {
	f.Add(sphere(timit(3), "123456"))
	f.Add(sphere("sample_rate -i 8000\nchannel_count -i 2\nsample_n_bytes -i 3\nsample_byte_format -s3 210\n", "123456"))
	f.Add([]byte("NIST_1A\n     64\nsample_rate -i 8\nsample_n_bytes -i 1\nend_head\nxx"))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzReader(t, data, "NIST SPHERE") })
}

func FuzzMP3(f *testing.F) {
	seed(f, "*.mp3")
	f.Fuzz(func(t *testing.T, data []byte) { fuzzReader(t, data, "MP3") })
}

// FuzzFLAC also compares with mewkiz/flac: a first frame that it decodes must give the same samples here.
func FuzzFLAC(f *testing.F) {
	seed(f, "*.flac")
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzReader(t, data, "FLAC")
		want, depth, ok := mewkizFrame(data)
		if !ok {
			return
		}
		r, err := NewReader(bytes.NewReader(data), "fuzz")
		if err != nil {
			t.Fatalf("mewkiz decodes a frame, this says %v", err)
		}
		got := make([]float32, len(want))
		n := 0
		for n < len(want) {
			k, err := r.Read(got[n:])
			if n += k; errors.Is(err, io.EOF) && n == int(r.Info().Frames)*r.Info().Channels {
				break // mewkiz does not heed the promised length.
			}
			if err != nil {
				t.Fatalf("mewkiz decodes %d samples, this %d: %v", len(want), n, err)
			}
		}
		for i, v := range got[:n] {
			if w := float32(want[i]) / float32(uint64(1)<<(depth-1)); v != w {
				t.Fatalf("sample %d is %v, mewkiz says %v", i, v, w)
			}
		}
	})
}

// mewkizFrame decodes the first frame of data with mewkiz/flac.
func mewkizFrame(data []byte) (x []int32, depth int, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	s, err := flac.New(bytes.NewReader(data))
	if err != nil {
		return nil, 0, false
	}
	fr, err := s.ParseNext()
	if err != nil || len(fr.Subframes) != int(s.Info.NChannels) || fr.BitsPerSample != s.Info.BitsPerSample {
		return nil, 0, false
	}
	for i := range fr.Subframes[0].Samples {
		for _, sub := range fr.Subframes {
			x = append(x, sub.Samples[i])
		}
	}
	return x, int(s.Info.BitsPerSample), true
}
