package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
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

// TestNewFilesReplaceNothing lets a file of the target's name appear while
// another is written, which is noticed at the end.
func TestNewFilesReplaceNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	err := WriteNew(path, func(w io.Writer) error {
		_ = text("late")(w)
		return os.WriteFile(path, []byte("first"), 0o600)
	})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("error %v, want %v", err, fs.ErrExist)
	}
	if got := contents(t, path); got != "first" {
		t.Errorf("contents %q, want those of the file that was first", got)
	}
	alone(t, dir, 1)
	if err := WriteNew(filepath.Join(dir, "y"), text("new")); err != nil || contents(t, filepath.Join(dir, "y")) != "new" {
		t.Errorf("a new file holds %q, error %v", contents(t, filepath.Join(dir, "y")), err)
	}
	alone(t, dir, 2)
}

func TestRenamingWithoutLinksReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	for _, path := range []string{from, to} {
		if err := Write(path, text(path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := renameNew(from, to); !errors.Is(err, fs.ErrExist) || contents(t, to) != to {
		t.Errorf("error %v, want %v; the target holds %q", err, fs.ErrExist, contents(t, to))
	}
	if err := renameNew(from, to+"2"); err != nil || contents(t, to+"2") != from {
		t.Errorf("error %v for a name that is free", err)
	}
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

// TestLinksToNothingAreWrittenThrough follows a chain of links, one in a folder
// that is a link itself, to a file that is not there yet.
func TestLinksToNothingAreWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deep", "er"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"short":        filepath.Join("deep", "er"),
		"first":        filepath.Join("short", "link"),
		"deep/er/link": filepath.Join("..", "target"),
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	if err := WriteNew(filepath.Join(dir, "first"), text("new")); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(filepath.Join(dir, "first")); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v (%v)", st.Mode(), err)
	}
	if got := contents(t, filepath.Join(dir, "deep", "target")); got != "new" {
		t.Errorf("the target holds %q", got)
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

// TestLongNames writes files whose names are as long as file systems allow: the
// temporary ones are shorter, and cut between characters.
func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{strings.Repeat("x", 255), strings.Repeat("ö", 127), "x" + strings.Repeat("ö", 127)} {
		err := Write(filepath.Join(dir, name), func(w io.Writer) error {
			entries, err := os.ReadDir(dir)
			for _, e := range entries {
				if !utf8.ValidString(e.Name()) {
					t.Errorf("%q is cut within a character", e.Name())
				}
			}
			return errors.Join(err, text("new")(w))
		})
		if err != nil {
			t.Errorf("a name of %d bytes: %v", len(name), err)
		}
	}
	alone(t, dir, 3)
}

func TestFolderIsRefused(t *testing.T) {
	if err := Write(t.TempDir(), text("x")); err == nil {
		t.Error("a folder was accepted as a file")
	}
}
