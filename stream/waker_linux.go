package stream

import (
	"errors"

	"golang.org/x/sys/unix"
)

// eventWaker waits in the kernel. A goroutine that waits in Go's scheduler needs an ordinary thread to hand it on to the one
// that it is locked to: on a busy machine that took up to 100 ms with every real-time thread idle. Here the kernel wakes the
// thread itself.
type eventWaker struct{ fd int }

// newWaker returns a waker that suits a real-time thread.
func newWaker() waker {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return newChanWaker() // out of descriptors: it works, only less punctually.
	}
	return &eventWaker{fd}
}

func (w *eventWaker) wake() {
	one := [8]byte{1} // the host's order of bytes does not matter: any value but 0 wakes, and the sum cannot overflow.
	_, _ = unix.Write(w.fd, one[:])
}

func (w *eventWaker) wait() {
	var count [8]byte
	for {
		if _, err := unix.Read(w.fd, count[:]); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func (w *eventWaker) free() { _ = unix.Close(w.fd) }
