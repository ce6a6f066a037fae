package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/internal/testsig"
)

func TestWriteReadBack(t *testing.T) {
	x := testsig.SpeechLike(16000, 16000, 1)
	for enc, tol := range map[Encoding]float64{PCM16: 0.5 / (1 << 15), PCM24: 0.5 / (1 << 23), Float32: 0} {
		path := filepath.Join(t.TempDir(), "x.wav")
		if err := WriteMono(path, x, 16000, enc); err != nil {
			t.Fatal(err)
		}
		got, rate, err := ReadMono(path)
		if err != nil || rate != 16000 {
			t.Fatalf("%v: rate %d, error %v", enc, rate, err)
		}
		testsig.Near(t, enc.String(), got, x, tol*(1+1e-6))
	}
}

func TestQuantise(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		in   float32
		want int32
	}{
		{0, 0},
		{1, 32767},
		{-1, -32768},
		{2, 32767},
		{-2, -32768},
		{nan, 0},
		{inf, 32767},
		{-inf, -32768},
		{0.5 / 32768, 0},
		{0.6 / 32768, 1},
		{-0.6 / 32768, -1},
		{1.5 / 32768, 2},
		{32767.0 / 32768, 32767},
	} {
		if got := quantise(c.in, 1<<15); got != c.want {
			t.Errorf("quantise(%v) = %d, want %d", c.in, got, c.want)
		}
	}
	if s := fmt.Sprint(PCM24); s != "24" {
		t.Errorf("PCM24 is called %q, want 24", s)
	}
}

// create writes x to a file of the given channels and returns its bytes.
func create(t *testing.T, x []float32, channels int, enc Encoding) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.wav")
	w, err := Create(path, 16000, channels, enc)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(x); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return read(t, path)
}

// TestHeaders compares written files byte by byte with the format's definition.
func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		name     string
		channels int
		enc      Encoding
		x        []float32
		want     []byte
	}{
		{"PCM", 1, PCM16, []float32{0.5, -1}, riff("RIFF", "fmt ", format(tagPCM, 1, 16000, 16, 0), "data", "\x00\x40\x00\x80")},
		{"odd", 1, PCM24, []float32{0.5}, riff("RIFF", "fmt ", format(tagPCM, 1, 16000, 24, 0), "data", "\x00\x00\x40")},
		{"float", 2, Float32, []float32{0.5, float32(math.NaN())}, riff("RIFF", "fmt ", format(tagFloat, 2, 16000, 32, 0)+"\x00\x00",
			"fact", "\x01\x00\x00\x00", "data", "\x00\x00\x00\x3f\x00\x00\x00\x00")},
		{"three", 3, PCM16, []float32{0, 0, 0}, riff("RIFF", "fmt ", strings.Replace(format(tagPCM, 3, 16000, 16, 16),
			"\x10\x00\x03\x00\x00\x00", "\x10\x00\x00\x00\x00\x00", 1), "data", "\x00\x00\x00\x00\x00\x00")},
	} {
		if got := create(t, c.x, c.channels, c.enc); !bytes.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}

// only checks that dir holds one file of that name and content.
func only(t *testing.T, dir, name, content string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != name {
		t.Errorf("the folder holds %v, error %v; want only %s", files, err, name)
		return
	}
	if b := read(t, filepath.Join(dir, name)); content != "" && string(b) != content {
		t.Errorf("%s holds %q, want %q", name, b, content)
	}
}

// TestNothingBeforeClose: until Close, and after Abort, the target is as it was.
func TestNothingBeforeClose(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.wav")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, finish := range []func(*Writer) error{(*Writer).Abort, (*Writer).Close} {
		w, err := Create(path, 16000, 1, PCM16)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(make([]float32, 100_000)); err != nil {
			t.Fatal(err)
		}
		if b := read(t, path); string(b) != "old" {
			t.Error("the target changed before Close")
		}
		if err := finish(w); err != nil {
			t.Fatal(err)
		}
		only(t, dir, "x.wav", "")
		if err := w.Abort(); err != nil {
			t.Errorf("Abort after the end: %v", err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("Close after the end: %v", err)
		}
		if err := w.Write([]float32{0}); err == nil {
			t.Error("no error for a write after the end")
		}
	}
	st, err := os.Stat(path)
	if err != nil || st.Size() != 44+200_000 || st.Mode().Perm() != 0o640 {
		t.Errorf("the new file: %v, error %v; want %d bytes with the mode of the old one", st, err, 44+200_000)
	}
}

// TestNewFileReplacesNothing: a file that appears before Close stays.
func TestNewFileReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.wav")
	w, err := CreateNew(path, 16000, 1, PCM16)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("first"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want %v", err, fs.ErrExist)
	}
	only(t, dir, "x.wav", "first")
}

// TestWriteThroughLink: a symbolic link stays one.
func TestWriteThroughLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target.wav"), filepath.Join(t.TempDir(), "link.wav")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteMono(link, []float32{0}, 8000, PCM16); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, error %v", st, err)
	}
	only(t, dir, "target.wav", "")
	if len(read(t, target)) != 46 {
		t.Error("the target was not written")
	}
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		path           string
		rate, channels int
		want           string
	}{
		{dir, 8000, 1, "is a folder"},
		{filepath.Join(dir, "no", "x.wav"), 8000, 1, "cannot write: no such file or directory"},
		{filepath.Join(dir, "x.wav"), 0, 1, "expected 1 to 65535 channels and a positive rate"},
		{filepath.Join(dir, "x.wav"), 8000, 70000, "70000 channels"},
	} {
		_, err := Create(c.path, c.rate, c.channels, PCM16)
		if err == nil || !strings.HasPrefix(err.Error(), c.path+": ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// TestFailedRename: when the target cannot be replaced, the temporary file goes too.
func TestFailedRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.wav")
	w, err := Create(path, 8000, 1, PCM16)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.HasPrefix(err.Error(), path+": cannot write: ") {
		t.Errorf("error %v, want one for %s", err, path)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("the folder holds %v, error %v", files, err)
	}
}

// TestFourGiB pretends that nearly 4 GiB were written.
func TestFourGiB(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(filepath.Join(dir, "x.wav"), 8000, 1, PCM16)
	if err != nil {
		t.Fatal(err)
	}
	w.data = maxData - 3
	if err := w.Write([]float32{0}); err != nil {
		t.Errorf("the last sample that fits: %v", err)
	}
	if err := w.Write([]float32{0}); err == nil || !strings.Contains(err.Error(), "more than 4 GiB") {
		t.Errorf("error %v, want the 4 GiB limit", err)
	}
	if err := w.Close(); err == nil {
		t.Error("Close succeeds after a failed Write")
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

// TestStandardOutput writes to a pipe, to an empty file and behind something.
func TestStandardOutput(t *testing.T) {
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	finish := func(f *os.File) {
		out := newStandardOutput(f)
		w := newWriter("standard output", out, 8000, 1, PCM16)
		if err := w.Write([]float32{0.5}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("the writer closed standard output: %v", err)
		}
	}
	finish(pw)
	piped, err := io.ReadAll(pr)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := NewReader(bytes.NewReader(piped), "pipe"); err != nil || r.Info().Frames != -1 {
		t.Errorf("a pipe's header: %v", err)
	} else if x, err := readBlocks(r, 8); err != nil || len(x) != 1 {
		t.Errorf("a pipe's samples: %v, %v", x, err)
	}
	path := filepath.Join(t.TempDir(), "x.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	finish(f)
	if got, want := read(t, path), riff("RIFF", "fmt ", format(tagPCM, 1, 8000, 16, 0), "data", "\x00\x40"); !bytes.Equal(got, want) {
		t.Errorf("a redirection: got %q, want %q", got, want)
	}
	if f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err != nil {
		t.Fatal(err)
	}
	finish(f)
	if got := read(t, path); len(got) != 46+len(piped) || !bytes.Equal(got[46:], piped) {
		t.Errorf("an appending redirection: got %q", got)
	}
}

// TestStreamsDoNotWait: what is written to a pipe can be read before the next Write.
func TestStreamsDoNotWait(t *testing.T) {
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	w := newWriter("pipe", &pipe{pw, true}, 8000, 1, PCM16)
	for n := range 3 {
		if err := w.Write(make([]float32, 100)); err != nil {
			t.Fatal(err)
		}
		if err := pr.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Skip("no deadlines for pipes here: ", err)
		}
		want := 200
		if n == 0 {
			want += 44 // The header.
		}
		if _, err := io.ReadFull(pr, make([]byte, want)); err != nil {
			t.Errorf("write %d: %v, want %d bytes to arrive", n, err, want)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestDevice: /dev/null is written to, not replaced.
func TestDevice(t *testing.T) {
	before, err := os.Stat(os.DevNull)
	if err != nil || before.Mode().IsRegular() {
		t.Skip("no null device that is a file")
	}
	if err := WriteMono(os.DevNull, make([]float32, 1000), 8000, Float32); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(os.DevNull); err != nil || after.Mode() != before.Mode() {
		t.Errorf("%s became %v, error %v", os.DevNull, after, err)
	}
}

func BenchmarkWrite(b *testing.B) {
	x := testsig.WhiteNoise(160_000, 0.1, 1)
	path := filepath.Join(b.TempDir(), "x.wav")
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteMono(path, x, 16000, PCM16); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(x))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Msamples/s")
}
