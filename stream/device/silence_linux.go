//go:build cgo && !noaudio

package device

import (
	"os"

	"golang.org/x/sys/unix"
)

// silence points the process's standard error at /dev/null until the returned function is called. ALSA and JACK report there,
// from C, every interface that they tried in vain; none of it is news to the user, and it would tear the live view apart.
func silence() (restore func()) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return func() {}
	}
	defer func() { _ = null.Close() }()
	saved, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return func() {}
	}
	if err := unix.Dup3(int(null.Fd()), 2, 0); err != nil {
		_ = unix.Close(saved)
		return func() {}
	}
	return func() {
		_ = unix.Dup3(saved, 2, 0)
		_ = unix.Close(saved)
	}
}
