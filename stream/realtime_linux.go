package stream

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// fifoPriority is the one that PipeWire and JACK clients ask for at most times: over every ordinary thread, below the
	// kernel's own at 50 and the sound server's.
	fifoPriority = 10
	// niceness is the next best thing.
	niceness = -11
	// resetOnFork keeps threads that the Go runtime or cgo start from this one ordinary (sched.h).
	resetOnFork = 0x1
)

// RequestRealtime asks for a real-time priority of the calling thread and says what came of it, in a few words for people. The
// caller has locked its goroutine to the thread, and lets the thread end with it.
func RequestRealtime() string {
	attr := &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: fifoPriority, Flags: resetOnFork,
	}
	err := unix.SchedSetAttr(0, attr, 0)
	if err == nil {
		return fmt.Sprintf("real-time (SCHED_FIFO %d)", fifoPriority)
	}
	if unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness) == nil {
		return fmt.Sprintf("raised (nice %d); real-time refused: %v", niceness, err)
	}
	return fmt.Sprintf("ordinary; real-time refused: %v", err)
}
