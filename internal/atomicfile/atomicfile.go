// Package atomicfile writes files that appear whole or not at all: beside the
// target first, renamed when complete.
//
//	err := atomicfile.Write("model.safetensors", func(w io.Writer) error { ... })
//
// A link is written through, an existing file keeps its mode, and what is no
// regular file, such as a named pipe or /dev/null, is written to directly:
// renaming onto it would replace it.
package atomicfile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// File is an output under way. End it with Commit or Abort.
type File struct {
	*os.File
	target string // empty: File is the target itself
	fresh  bool   // a target that exists stays
}

// Create opens an output that Commit will put in the place of path. A folder is
// an error.
func Create(path string) (*File, error) {
	path = follow(path)
	mode := fs.FileMode(0o666)
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return nil, fmt.Errorf("%s: is a folder; name a file in it", path)
	case err == nil && !st.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &File{File: f}, err
	case err == nil:
		mode = st.Mode().Perm()
	}
	f, err := createBeside(path, mode)
	return &File{File: f, target: path}, err
}

// CreateNew is like Create, but a file that has got the target's name by the
// time of Commit stays, and the error is [fs.ErrExist].
func CreateNew(path string) (*File, error) {
	f, err := Create(path)
	if err == nil {
		f.fresh = true
	}
	return f, err
}

// follow returns what a path leads to, which need not exist.
func follow(path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		return target
	}
	for n := 0; n < maxLinks && errors.Is(err, fs.ErrNotExist); n++ {
		link, notLink := os.Readlink(path)
		if notLink != nil {
			break
		}
		if !filepath.IsAbs(link) {
			// The folder may be a link itself: its name says nothing of what .. is.
			link = filepath.Join(follow(filepath.Dir(path)), link)
		}
		path = link
	}
	return path
}

// maxLinks is how many links EvalSymlinks follows, after which its error is
// another one.
const maxLinks = 255

// createBeside creates a new file in the folder of path. os.CreateTemp would
// make it private to its owner; this one gets the mode, less the umask, that
// the target is to have. Its name begins like the target's, but stays short
// enough for what is added to it.
func createBeside(path string, mode fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(path)
	for len(base) > maxStem {
		_, last := utf8.DecodeLastRuneInString(base) // half a character is no name to some systems
		base = base[:len(base)-last]
	}
	for i := range 100 {
		name := fmt.Sprintf("%s.%s.%d-%d.tmp", dir, base, os.Getpid(), i)
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if !os.IsExist(err) {
			return f, err
		}
	}
	return nil, fmt.Errorf("too many temporary files in %s; delete those that end in .tmp", filepath.Dir(path))
}

// maxStem leaves room for the rest of a temporary name in the 255 bytes that
// file systems allow.
const maxStem = 200

// Direct says whether writes reach the target at once, so that they cannot be
// taken back.
func (f *File) Direct() bool { return f.target == "" }

// Commit closes the file and gives it its name. After an error nothing is left
// behind. It is not synced to the disk first: files survive a crash of the
// program whole, and a batch of thousands is not slowed to the disk's pace.
func (f *File) Commit() error {
	err := f.Close()
	if f.Direct() {
		return err
	}
	if err == nil {
		err = f.place()
	}
	if err != nil {
		err = cmp.Or(err, os.Remove(f.Name()))
	}
	return err
}

// place gives the complete file its name.
func (f *File) place() error {
	if !f.fresh {
		return os.Rename(f.Name(), f.target)
	}
	// A link, unlike a rename, replaces nothing.
	err := os.Link(f.Name(), f.target)
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if err != nil {
		return renameNew(f.Name(), f.target)
	}
	return os.Remove(f.Name())
}

// renameNew looks before it renames, which leaves a moment between the two: the
// best that a file system without links allows.
func renameNew(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	return os.Rename(from, to)
}

// Abort closes the file and removes it; what stood under the target's name
// stays.
func (f *File) Abort() error {
	err := f.Close()
	if f.Direct() {
		return err
	}
	return cmp.Or(err, os.Remove(f.Name()))
}

// Reason takes the operation and the path from an error of package os: the path
// may be that of a temporary file, and who reports the error names the target.
func Reason(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}

// Write writes a whole file through write, buffered.
func Write(path string, write func(io.Writer) error) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	return f.fill(write)
}

// WriteNew is to Write as CreateNew is to Create.
func WriteNew(path string, write func(io.Writer) error) error {
	f, err := CreateNew(path)
	if err != nil {
		return err
	}
	return f.fill(write)
}

// fill writes the whole file and ends it.
func (f *File) fill(write func(io.Writer) error) error {
	w := bufio.NewWriter(f)
	if err := cmp.Or(write(w), w.Flush()); err != nil {
		_ = f.Abort() // the first error says enough
		return err
	}
	return f.Commit()
}
