package stft

import (
	"fmt"
	"testing"
)

func BenchmarkHop(b *testing.B) {
	for _, rate := range []int{8000, 16000, 24000, 32000, 48000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			c := Config{SampleRate: rate}
			a, s := pair(b, c)
			hop, spectrum := noise(c.HopSize(), 1), make([]complex64, c.Bins())
			b.ReportAllocs()
			for b.Loop() {
				s.Synthesize(hop, a.Analyze(spectrum, hop))
			}
			b.ReportMetric(c.withDefaults().Hop.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "xRT")
		})
	}
}
