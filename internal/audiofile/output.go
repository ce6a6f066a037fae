package audiofile

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// openOutput chooses how to write to path and returns the name to use in errors.
func openOutput(path string) (output, string, error) {
	if path == "-" {
		return newStandardOutput(os.Stdout), "standard output", nil
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // Write through a link instead of replacing it.
	}
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return nil, path, fmt.Errorf("%s: is a folder; name a file in it", path)
	case err == nil && !st.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, path, writeError(path, err)
		}
		return &pipe{f, true}, path, nil
	}
	mode := fs.FileMode(0o666)
	if err == nil {
		mode = st.Mode().Perm()
	}
	f, err := createBeside(path, mode)
	if err != nil {
		return nil, path, writeError(path, err)
	}
	return &replacement{f, path}, path, nil
}

// createBeside creates a new file in the folder of path. os.CreateTemp would make it private to its owner; this one gets
// the mode, less the umask, that the target is to have.
func createBeside(path string, mode fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(path)
	for i := range 100 {
		name := fmt.Sprintf("%s.%s.%d-%d.tmp", dir, base, os.Getpid(), i)
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		if !os.IsExist(err) {
			return f, err
		}
	}
	return nil, fmt.Errorf("too many temporary files in %s", filepath.Dir(path))
}

// replacement is a temporary file that takes the target's place. It is not synced to the disk first: files survive a crash
// of the program whole, and a batch of thousands is not slowed to the disk's pace.
type replacement struct {
	*os.File
	target string
}

func (r *replacement) streams() bool { return false }

func (r *replacement) commit(header []byte) error {
	_, err := r.WriteAt(header, 0)
	if e := r.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(r.Name(), r.target)
	}
	if err != nil {
		err = cmp.Or(err, os.Remove(r.Name()))
	}
	return err
}

func (r *replacement) abort() error {
	return cmp.Or(r.Close(), os.Remove(r.Name()))
}

// pipe is an output that cannot be taken back: standard output, a named pipe or a device.
type pipe struct {
	*os.File
	owned bool // to be closed.
}

func (p *pipe) streams() bool { return true }

func (p *pipe) commit([]byte) error { return p.abort() }

func (p *pipe) abort() error {
	if p.owned {
		return p.Close()
	}
	return nil
}

// redirected is standard output redirected to a new file (sotto ... > x.wav): the header can be completed.
type redirected struct{ *os.File }

func (r redirected) streams() bool { return false }

func (r redirected) commit(header []byte) error {
	_, err := r.WriteAt(header, 0)
	return err
}

func (r redirected) abort() error { return nil }

// newStandardOutput tells a redirection to an empty regular file from everything else, which is only appended to.
func newStandardOutput(f *os.File) output {
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() && st.Size() == 0 {
		if _, err := f.WriteAt(nil, 0); err == nil { // An error tells of >>, where writes have no place.
			return redirected{f}
		}
	}
	return &pipe{f, false}
}
