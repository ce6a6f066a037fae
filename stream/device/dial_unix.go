//go:build unix

package device

import (
	"errors"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// dialServer connects to a sound server. A local socket is opened in blocking mode, past Go's network poller: the thread that
// reads it then waits in the kernel and can have a real-time priority, where the poller's own thread, which would have to
// pass every message on, has none. Measured on a machine with three busy processes per core: see the live tests.
func dialServer(network, address string) (io.ReadWriteCloser, error) {
	if network != "unix" {
		return net.DialTimeout(network, address, pulseTimeout)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: address}); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &blockingSocket{fd: fd}, nil
}

// blockingSocket is a connected socket. Close ends a Read or Write that is under way; the descriptor itself is freed by the
// reader, which alone knows that nobody reads any more.
type blockingSocket struct {
	fd      int
	writing sync.Mutex // held through a Write, which may wait for the server.
	life    sync.Mutex // of freed: held only for a moment.
	freed   bool
}

func (s *blockingSocket) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(s.fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
		case n > 0:
			return n, nil
		default:
			s.free()
			return 0, io.EOF
		}
	}
}

func (s *blockingSocket) Write(b []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	done := 0
	for done < len(b) {
		if s.freed { // set only by a holder of both locks.
			return done, net.ErrClosed
		}
		n, err := unix.Write(s.fd, b[done:])
		if err != nil && !errors.Is(err, unix.EINTR) {
			return done, err
		}
		done += max(n, 0)
	}
	return done, nil
}

func (s *blockingSocket) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if !s.freed {
		_ = unix.Shutdown(s.fd, unix.SHUT_RDWR)
	}
	return nil
}

// free closes the descriptor once the reader has seen the end.
func (s *blockingSocket) free() {
	_ = s.Close() // ends a waiting writer.
	s.writing.Lock()
	defer s.writing.Unlock()
	s.life.Lock()
	defer s.life.Unlock()
	if !s.freed {
		s.freed = true
		_ = unix.Close(s.fd)
	}
}
