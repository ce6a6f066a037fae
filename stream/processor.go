package stream

// Processor turns one hop of a mono signal into one hop. It is what an engine runs between its two rings, and what a file
// is run through.
//
// Process reads exactly Hop samples from src and writes exactly Hop samples to dst; the two may be the same slice, and may
// not overlap otherwise. It never allocates, blocks, logs or fails: whatever src holds, infinities and NaN included, the
// output is finite, and a broken hop leaves no lasting mark on later ones. A hop of the wrong length is a programmer's
// error and may panic.
//
// SampleRate in hertz, Hop and Latency in samples never change. Sample n of the output belongs to sample n-Latency of the
// input, counted from the first hop after construction or Reset; what precedes the first sample is silence. A live stream
// is late by Latency and by the hop that has to fill.
//
// Reset forgets the past: the Processor then behaves as a new one. A Processor serves one goroutine at a time.
//
// Package streamtest checks an implementation against this contract.
type Processor interface {
	Process(dst, src []float32)
	SampleRate() int
	Hop() int
	Latency() int
	Reset()
}
