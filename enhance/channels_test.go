package enhance

import (
	"runtime"
	"slices"
	"testing"
)

// TestChannels cleans three channels by turns, hop by hop, and expects of each what an Enhancer of its own makes of it.
func TestChannels(t *testing.T) {
	m := randomModel(small, 6)
	for name, cfg := range map[string]Config{"default": {}, "low latency": {LowLatency: true}} {
		channels, err := NewChannels(m, 3, 16000, cfg)
		if err != nil {
			t.Fatal(err)
		}
		hop := channels[0].Hop()
		var in, got, want [3][]float32
		for c := range channels {
			in[c] = noisyVoice(200*hop, 16000, uint64(c+1))
			alone := newEnhancer(t, m, 16000, cfg)
			got[c], want[c] = make([]float32, len(in[c])), make([]float32, len(in[c]))
			for i := 0; i < len(in[c]); i += hop {
				alone.Process(want[c][i:i+hop], in[c][i:i+hop])
			}
		}
		for i := 0; i < len(in[0]); i += hop {
			for c, e := range channels {
				e.Process(got[c][i:i+hop], in[c][i:i+hop])
			}
		}
		for c := range channels {
			if !slices.Equal(got[c], want[c]) {
				t.Errorf("%s: channel %d hears the others", name, c)
			}
		}
	}
}

// TestChannelsShareWeights makes sure that a file whose header declares many channels does not take the memory of as many networks.
func TestChannelsShareWeights(t *testing.T) {
	m := randomModel(shipped, 1)
	allocated := func(n int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := NewChannels(m, n, 48000, Config{LowLatency: true}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const most = 300 << 10 // mostly the transforms; the weights of the network alone have 1700 KB
	if each := (allocated(17) - allocated(1)) / 16; each > most {
		t.Errorf("a further channel allocates %d bytes, want at most %d", each, most)
	}
}
