package stream

import (
	"sync/atomic"
	"time"
)

// State is what an engine is doing.
type State int32

// The states of an engine.
const (
	Stopped State = iota // not running.
	Opening              // opening its devices, for the first time or again.
	Running              // passing audio.
	Waiting              // a device is lost; it tries again soon.
)

// String returns the state in one lower-case word.
func (s State) String() string {
	return [...]string{"stopped", "opening", "running", "waiting"}[s]
}

// Level is a meter reading in parts of full scale: Peak falls back to 1/e in 300 ms, RMS is averaged over 100 ms.
type Level struct{ Peak, RMS float64 }

// Latency is where the time from microphone to loudspeaker goes. Parts that a device does not tell are 0.
type Latency struct {
	Capture    time.Duration // from the converter to the callback, its buffer included.
	Buffer     time.Duration // waiting in the rings: what evens out blocks, hops, and jitter.
	Hop        time.Duration // gathering a hop.
	Processor  time.Duration // the processor's own shift.
	Resampling time.Duration // half the filters of the rate conversions.
	Playback   time.Duration // from the callback to the converter.
}

// Total returns the sum of the parts.
func (l Latency) Total() time.Duration {
	return l.Capture + l.Buffer + l.Hop + l.Processor + l.Resampling + l.Playback
}

// Stats is a snapshot of an engine. The counters run over the engine's whole life, devices lost and found included.
type Stats struct {
	State    State
	Capture  Format // zero before the first device.
	Playback Format
	Rate     int    // Hz, the processor's.
	Realtime string // the scheduling of the DSP thread, or why it is an ordinary one.

	Hops           uint64 // processed.
	LateHops       uint64 // took longer to process than they last.
	DroppedHops    uint64 // left out, with a crossfade, because too much was waiting.
	Underruns      uint64 // gaps in the output, covered.
	MissingSamples uint64 // samples invented at the start of those gaps; silence while waiting for more is not counted.
	Overruns       uint64 // capture buffers that did not fit.
	LostSamples    uint64 // samples lost in overruns.
	DeviceXruns    uint64 // interruptions that the devices themselves reported.
	Losses         uint64 // times that a device was lost.

	Load     float64   // processing time over real time, averaged over about a second.
	HopTime  Durations // processing time of a hop.
	Interval Durations // time between capture callbacks.
	Drift    float64   // by how much the capture clock is faster than the playback clock: 1e-6 is 1 ppm.
	Speedup  float64   // the correction in use now; Drift plus what brings Fill to Target.
	Fill     time.Duration
	Target   time.Duration
	Latency  Latency
	Input    Level // before the processor.
	Output   Level // after everything.
	Taps     int   // open taps.
}

// Xruns returns the sum of everything that may have been heard as a gap.
func (s Stats) Xruns() uint64 { return s.Underruns + s.Overruns + s.DroppedHops + s.DeviceXruns }

// counters are the live numbers behind Stats: each set by one thread, read by any.
type counters struct {
	state                           atomic.Int32
	hops, late, dropped             atomic.Uint64
	underruns, missing              atomic.Uint64
	overruns, lost                  atomic.Uint64
	captureXruns, playbackXruns     atomic.Uint64
	losses                          atomic.Uint64
	load                            gauge
	hopTime, interval               histogram
	drift, speedup                  gauge
	fill, target                    atomic.Int64 // ns.
	captureAge, captureSpan, ahead  gauge        // s: Timing.Latency of both ends, and the capture block.
	playbackSpan                    gauge        // s.
	inPeak, inPower, outPeak, outPw gauge
}

// Time constants of the smoothed figures, in seconds.
const (
	peakDecay    = 0.3
	powerAverage = 0.1
	loadAverage  = 1.0
	// timingAverage smooths the devices' own latency figures per callback: one odd value in a hundred shows as 2 %.
	timingAverage = 0.02
)
