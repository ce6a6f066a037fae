package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func alone(t *testing.T, dir string, want int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != want {
		t.Errorf("%d files in the folder, want %d: %v", len(entries), want, entries)
	}
}

func TestWriteReplacesAndKeepsTheMode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, text("new")); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o640 || contents(t, path) != "new" {
		t.Errorf("mode %v, contents %q, error %v", st.Mode(), contents(t, path), err)
	}
	alone(t, dir, 1)
}

func TestFailureLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := Write(path, text("old")); err != nil {
		t.Fatal(err)
	}
	sick := errors.New("no more")
	if err := Write(path, func(w io.Writer) error { _ = text("half")(w); return sick }); !errors.Is(err, sick) {
		t.Errorf("error %v, want %v", err, sick)
	}
	if got := contents(t, path); got != "old" {
		t.Errorf("contents %q, want the old ones", got)
	}
	alone(t, dir, 1)
}

func TestLinksAreWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := Write(target, text("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if err := Write(link, text("new")); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 || contents(t, target) != "new" {
		t.Errorf("the link is %v (%v), its target holds %q", st.Mode(), err, contents(t, target))
	}
}

func TestDevicesStayDevices(t *testing.T) {
	before, err := os.Stat(os.DevNull)
	if err != nil || before.Mode().IsRegular() {
		t.Skip("no null device here")
	}
	if err := Write(os.DevNull, text("gone")); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(os.DevNull); err != nil || after.Mode() != before.Mode() {
		t.Errorf("the null device became %v (%v)", after.Mode(), err)
	}
}

func TestFolderIsRefused(t *testing.T) {
	if err := Write(t.TempDir(), text("x")); err == nil {
		t.Error("a folder was accepted as a file")
	}
}
