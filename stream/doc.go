// Package stream carries live sound from a microphone through a [Processor] to a loudspeaker, for hours.
//
// An [Engine] is given two openers, from package device for real devices or package sim for simulated ones, and a function
// that makes the processor:
//
//	engine, err := stream.New(stream.Config{
//		Capture:   device.Capture(device.Options{}),
//		Playback:  device.Playback(device.Options{}),
//		Processor: func(rate int) (stream.Processor, error) { return enhance.New(model, rate, config) },
//	})
//	err = engine.Run(ctx) // until ctx ends; a device that is lost on the way is waited for
//
// While it runs, [Engine.Stats] tells how it is doing, [Engine.OpenTap] lets a recorder or a spectrum listen in, and the Set
// methods change what is heard without a click.
//
// # The path
//
//	capture callback -> Ring -> DSP thread -> Ring -> playback callback
//
// The callbacks copy, count and read the clock; they never allocate, lock or wait. The DSP thread takes whole hops, converts
// the rate where a device has none that the processor runs at, and writes what was processed through a [Varispeed]. Nothing
// on the path allocates once it runs.
//
// # Two clocks
//
// Two devices never agree on what a second is. What waits between the two callbacks is kept at a target by changing the
// Varispeed's ratio by some parts per million; [Stats] shows the difference between the clocks as Drift. The target is as low
// as the devices' blocks allow, plus a margin that grows when playback comes close to running dry and shrinks when it does
// not. When playback does run dry the last pitch period goes on and fades, and when too much waits whole hops are left out
// behind a crossfade; both are counted.
//
// # Real time
//
// The DSP thread and the threads of the devices ask for a real-time priority; Stats.Realtime tells what came of it, and
// everything works without, only less well on a busy machine. Two things remain that an engine cannot do for its program: keep
// the heap quiet, since a garbage collection stops these threads too, and leave Go enough processors. On a machine with few
// cores a thread that the system has put aside may hold one of them; runtime.GOMAXPROCS(8) made callbacks ten times as
// punctual on two cores under load.
package stream
