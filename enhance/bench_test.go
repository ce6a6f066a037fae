package enhance

import (
	"fmt"
	"testing"
)

func benchmarkProcess(b *testing.B, rate int, s shape) {
	b.Helper()
	e := newEnhancer(b, randomModel(s, 1), rate, Config{})
	x := noisyVoice(rate, rate, 1)
	y := make([]float32, e.Hop())
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		e.Process(y, x[at:at+e.Hop()])
		at = (at + e.Hop()) % (len(x) - e.Hop())
	}
	perHop := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(e.Hop())/float64(rate)/perHop, "xRT")
}

func BenchmarkProcess(b *testing.B) {
	for _, rate := range NativeRates() {
		b.Run(fmt.Sprint(rate), func(b *testing.B) { benchmarkProcess(b, rate, shipped) })
	}
	refined := shipped
	refined.refine = true
	b.Run("16000/refine", func(b *testing.B) { benchmarkProcess(b, 16000, refined) })
}
