package stream

// waker lets a device's thread wake the DSP thread. wake never waits; wakes that nobody has waited for yet count as one.
type waker interface {
	wake()
	wait() // returns after a wake since the last wait.
	free() // once nobody waits or wakes any more.
}

// chanWaker waits in Go's scheduler.
type chanWaker chan struct{}

func newChanWaker() chanWaker { return make(chanWaker, 1) }

func (w chanWaker) wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

func (w chanWaker) wait() { <-w }

func (w chanWaker) free() {}
