package audiofile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sotto/internal/testsig"
)

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ path, want string }{
		{filepath.Join(dir, "absent.wav"), "no such file"},
		{dir, "is a folder"},
		{write("empty.wav", ""), "the file is empty; expected WAV, FLAC, MP3 or NIST SPHERE"},
		{write("text.wav", "hello, this is text"), "not an audio file; expected WAV"},
		{write("short.flac", "f"), "not an audio file"},
		{write("song.ogg", "OggS\x00\x02 and so on"), "an Ogg file; expected WAV, FLAC, MP3 or NIST SPHERE: convert it"},
		{write("song.m4a", "\x00\x00\x00\x20ftypM4A "), "an MP4 or M4A file"},
	} {
		_, err := Open(c.path)
		if err == nil || !strings.HasPrefix(err.Error(), c.path+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.path, err, c.want)
		}
	}
}

// TestReadErrors: an error of the source beats whatever the decoder makes of it, in every format.
func TestReadErrors(t *testing.T) {
	broken := errors.New("the disk is on fire")
	sources := map[string][]byte{
		"x.wav": riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", strings.Repeat("12", 5000)),
		"x.sph": sphere(timit(5000), strings.Repeat("12", 5000)),
	}
	for _, name := range []string{"stereo24.flac", "stereo44k.mp3"} {
		sources[name] = read(t, "testdata/"+name)
	}
	for name, data := range sources {
		for _, cut := range []int{2, 30, len(data) / 2, len(data)} {
			r, err := NewReader(io.MultiReader(bytes.NewReader(data[:cut]), iotest.ErrReader(broken)), name)
			if err == nil {
				_, err = readBlocks(r, 64)
			}
			if cut == len(data) && err == nil {
				continue // The reader may know that it has everything.
			}
			if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), name+": cannot read: ") {
				t.Errorf("%s, cut at %d: error %v, want %v", name, cut, err, broken)
			}
		}
	}
}

// idle never returns anything.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestIdleSource(t *testing.T) {
	data := riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", "123456")
	r, err := NewReader(io.MultiReader(bytes.NewReader(data[:len(data)-2]), idle{}), "idle.wav")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readBlocks(r, 64); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v, want %v", err, io.ErrNoProgress)
	}
}

// TestPipeDelivers: samples come out when they came in, not when a buffer is full.
func TestPipeDelivers(t *testing.T) {
	data := riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", strings.Repeat("\x00\x40", 100))
	pr, pw := io.Pipe()
	go func() {
		if _, err := pw.Write(data[:44+20]); err != nil {
			t.Error(err)
		}
	}()
	r, err := NewReader(pr, "live")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.Read(make([]float32, 4096)); n != 10 || err != nil {
		t.Errorf("%d samples, error %v; want the 10 that were sent", n, err)
	}
	if err := pw.Close(); err != nil {
		t.Error(err)
	}
}

// panicker is a decoder with a bug.
type panicker struct{ decoder }

func (panicker) decode([]float32) (int, error) { panic("index out of range") }

func TestPanicsBecomeErrors(t *testing.T) {
	s := &stream{name: "bad.mp3", src: &source{}, dec: panicker{}, meta: Info{Channels: 1}}
	_, err := s.Read(make([]float32, 8))
	if want := "bad.mp3: damaged file: the decoder failed (index out of range)"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestReadContract(t *testing.T) {
	r, err := Open("testdata/three16.flac")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]float32, 2)); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("2 samples of room for 3 channels: error %v, want %v", err, io.ErrShortBuffer)
	}
	if n, err := r.Read(make([]float32, 8)); n != 6 || err != nil {
		t.Errorf("8 samples of room for 3 channels: %d, %v; want 6", n, err)
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := r.Read(make([]float32, 8)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("read after close: error %v", err)
		}
	}
}

// TestLengthsAreNotTrusted opens headers that promise gigabytes and counts what is allocated.
func TestLengthsAreNotTrusted(t *testing.T) {
	big := riff("RIFF", "fmt ", format(tagFloat, 65535/8, 8000, 64, 0), "data", "12345678")
	copy(big[40:], "\x00\x00\x00\x70")
	flacHead := bytes.Clone(read(t, "testdata/mono16.flac"))[:200]
	copy(flacHead[4+4+13:], "\xff\xff\xff\xff\xff") // 2^36 samples; the nibble before belongs to the sample size.
	chunk := riff("RIFF", "junk", "", "fmt ", "")
	copy(chunk[16:], "\xff\xff\xff\xff")
	for name, data := range map[string][]byte{
		"wav": big, "flac": flacHead, "chunk": chunk, "sph": sphere(timit(2_000_000_000), ""),
		"id3": []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), "flacmeta": []byte("fLaC\x04\xff\xff\xff"),
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, allErr := ReadAll(path)
		_, _, monoErr := ReadMono(path)
		runtime.ReadMemStats(&after)
		if allErr == nil || monoErr == nil {
			t.Errorf("%s: errors %v and %v, want both", name, allErr, monoErr)
		}
		// Twice the buffers, the largest of which holds a frame of 65535 float64, and the hint of a million samples.
		if got := after.TotalAlloc - before.TotalAlloc; got > 12<<20 {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, got, len(data))
		}
	}
}

func TestReadMonoAverages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	w, err := Create(path, 16000, 2, Float32)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write([]float32{0.5, 0.25, -1, 0}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	x, rate, err := ReadMono(path)
	if err != nil || rate != 16000 {
		t.Fatal(rate, err)
	}
	testsig.Near(t, "mean", x, []float32{0.375, -0.5}, 0)
	y, err := ReadMonoAt(path, 48000)
	if err != nil || len(y) != 6 {
		t.Errorf("%d samples at three times the rate, error %v; want 6", len(y), err)
	}
	if _, err := ReadMonoAt(path+"x", 48000); err == nil {
		t.Error("no error for an absent file")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.wav", "a/x.FLAC", "a/SX1.WAV", "a/b/c.mp3", "z.sph", "readme.txt", "._b.wav", ".hidden/x.wav"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{dir, link} {
		got, err := Files(root)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, name := range []string{"a/SX1.WAV", "a/b/c.mp3", "a/x.FLAC", "b.wav", "z.sph"} {
			want = append(want, filepath.Join(root, name))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", root, got, want)
		}
	}
	if _, err := Files(filepath.Join(dir, "absent")); err == nil || !strings.Contains(err.Error(), "absent: no such file") {
		t.Errorf("absent folder: error %v", err)
	}
}
