package device_test

import (
	"context"
	"testing"
	"time"

	"sotto/internal/pulsetest"
	"sotto/internal/testsig"
	"sotto/stream"
	"sotto/stream/device"
)

// wire is a processor that changes nothing.
type wire struct{ rate int }

func (w wire) SampleRate() int            { return w.rate }
func (w wire) Hop() int                   { return w.rate / 125 }
func (w wire) Latency() int               { return 0 }
func (w wire) Reset()                     {}
func (w wire) Process(dst, src []float32) { copy(dst, src) }

func TestLive(t *testing.T) {
	server := pulsetest.Start(t)
	for _, api := range []string{"pulse:", "alsa:"} {
		t.Run(api, func(t *testing.T) {
			e, err := stream.New(stream.Config{
				Capture:   device.Capture(device.Options{Device: api}),
				Playback:  device.Playback(device.Options{Device: api}),
				Processor: func(rate int) (stream.Processor, error) { return wire{rate}, nil },
				OnEvent:   func(ev stream.Event) { t.Logf("event %+v", ev) },
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- e.Run(ctx) }()
			server.Record(t, pulsetest.Speaker+".monitor", 48000)
			server.Play(t, pulsetest.Microphone, 48000, testsig.Sine(48000*12, 440, 48000, 0.5))
			for range 8 {
				time.Sleep(time.Second)
				s := e.Stats()
				t.Logf("iv %v xr %d under %d drop %d fill %v target %v drift %.0f lat %+v", s.Interval, s.DeviceXruns, s.Underruns, s.DroppedHops, s.Fill, s.Target, s.Drift*1e6, s.Latency)
			}
			cancel()
			t.Log(<-ended)
		})
	}
}
