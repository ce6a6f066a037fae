package pulsetest

import "golang.org/x/sys/unix"

// serverPriority is above what an audio program asks for.
const serverPriority = 20

// raise gives the main thread of a program a real-time priority, which is what rtkit does for the sound server of a
// desktop: a test is about the program under test, not about how busy the machine is. Refusal is not reported, only felt.
func raise(pid int) {
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: serverPriority}
	_ = unix.SchedSetAttr(pid, attr, 0)
}
