package audiofile

import (
	"cmp"
	"os"

	"sotto/internal/atomicfile"
)

// openOutput chooses how to write to path, where create makes a file, and returns the name to use in errors.
func openOutput(path string, create func(string) (*atomicfile.File, error)) (output, string, error) {
	if path == "-" {
		return newStandardOutput(os.Stdout), "standard output", nil
	}
	f, err := create(path)
	switch {
	case err != nil:
		return nil, path, writeError(path, err)
	case f.Direct():
		return &pipe{f.File, true}, path, nil
	}
	return replacement{f}, path, nil
}

// replacement is a temporary file that takes the target's place.
type replacement struct{ *atomicfile.File }

func (r replacement) streams() bool { return false }

func (r replacement) commit(header []byte) error {
	if _, err := r.WriteAt(header, 0); err != nil {
		return cmp.Or(err, r.Abort())
	}
	return r.Commit()
}

func (r replacement) abort() error { return r.Abort() }

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
