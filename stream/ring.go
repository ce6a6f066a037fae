package stream

import (
	"math/bits"
	"sync/atomic"
)

// cacheLine is the distance in bytes that keeps two counters from sharing a cache line: 64 bytes on most machines, 128 where
// the prefetcher fetches pairs of lines or the line itself is 128 bytes (Intel's adjacent-line prefetcher, Apple silicon).
const cacheLine = 128

// Ring is a lock-free queue of samples between exactly one writing and one reading goroutine (or device thread). Neither
// side ever waits for the other: Write takes what fits, Read gives what is there.
//
// The counters run on without wrapping at the capacity, so a full ring holds Cap samples and needs no spare slot (Rigtorp's
// queue, after Lamport). Each side keeps a copy of the other's counter and refreshes it only when the ring seems full, or
// empty, so that in steady state the two cores do not fight over a cache line.
type Ring struct {
	_        [cacheLine]byte
	written  atomic.Uint64 // samples ever written; stored by the writer.
	_        [cacheLine - 8]byte
	readOld  uint64 // the writer's last look at read.
	_        [cacheLine - 8]byte
	read     atomic.Uint64 // samples ever read; stored by the reader.
	_        [cacheLine - 8]byte
	wroteOld uint64 // the reader's last look at written.
	_        [cacheLine - 8]byte
	buf      []float32
	mask     uint64
}

// NewRing returns an empty ring for at least capacity samples; the capacity is rounded up to a power of two. It panics when
// capacity is not positive.
func NewRing(capacity int) *Ring {
	if capacity <= 0 {
		panic("stream: ring capacity must be positive")
	}
	size := uint64(1) << bits.Len64(uint64(capacity)-1)
	return &Ring{buf: make([]float32, size), mask: size - 1}
}

// Cap returns how many samples the ring can hold.
func (r *Ring) Cap() int { return len(r.buf) }

// Len returns how many samples wait to be read. Seen from the writer's side it can only be too large, from the reader's only
// too small.
func (r *Ring) Len() int {
	read := r.read.Load()
	return int(r.written.Load() - read)
}

// Written returns how many samples were ever written.
func (r *Ring) Written() uint64 { return r.written.Load() }

// Taken returns how many samples were ever read or discarded.
func (r *Ring) Taken() uint64 { return r.read.Load() }

// Write appends as much of src as fits and returns how many samples that was. Only the writer may call it.
func (r *Ring) Write(src []float32) int {
	w, size := r.written.Load(), uint64(len(r.buf))
	free := size - (w - r.readOld)
	if free < uint64(len(src)) {
		r.readOld = r.read.Load()
		free = size - (w - r.readOld)
	}
	n := min(uint64(len(src)), free)
	at := w & r.mask
	first := copy(r.buf[at:], src[:n])
	copy(r.buf, src[first:n])
	r.written.Store(w + n)
	return int(n)
}

// Read fills as much of dst as there are samples waiting and returns how many samples that was. Only the reader may call it.
func (r *Ring) Read(dst []float32) int {
	at, n := r.available(len(dst))
	start := at & r.mask
	first := copy(dst[:n], r.buf[start:])
	copy(dst[first:n], r.buf)
	r.read.Store(at + n)
	return int(n)
}

// Discard drops up to n waiting samples and returns how many it dropped. Only the reader may call it.
func (r *Ring) Discard(n int) int {
	at, k := r.available(max(n, 0))
	r.read.Store(at + k)
	return int(k)
}

// available returns the read counter, and how many of want samples can be read at it.
func (r *Ring) available(want int) (at, n uint64) {
	at = r.read.Load()
	have := r.wroteOld - at
	if have < uint64(want) {
		r.wroteOld = r.written.Load()
		have = r.wroteOld - at
	}
	return at, min(uint64(want), have)
}
