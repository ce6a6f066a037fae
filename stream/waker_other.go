//go:build !linux

package stream

// newWaker returns a waker that suits a real-time thread as well as this system allows.
func newWaker() waker { return newChanWaker() }
