package pesq

import (
	"testing"

	"sotto/internal/testsig"
)

// BenchmarkScore reports the milliseconds that one second of audio costs.
func BenchmarkScore(b *testing.B) {
	const rate, seconds = 16000, 8
	clean := testsig.SpeechLike(seconds*rate, rate, 1)
	noisy := mix(clean, 0.02, 2)
	for _, mode := range []Mode{Narrow, Wide} {
		b.Run(mode.String(), func(b *testing.B) {
			m, err := New(mode, rate)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Score(clean, noisy); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N)/seconds, "ms/s")
		})
	}
}

// BenchmarkOnce includes the making of the plans, as the package functions do.
func BenchmarkOnce(b *testing.B) {
	const rate, seconds = 16000, 8
	clean := testsig.SpeechLike(seconds*rate, rate, 1)
	noisy := mix(clean, 0.02, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := WideBand(clean, noisy, rate); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N)/seconds, "ms/s")
}

// mix adds white noise of the given RMS to x.
func mix(x []float32, rms float64, seed uint64) []float32 {
	y := testsig.WhiteNoise(len(x), rms, seed)
	for i, v := range x {
		y[i] += v
	}
	return y
}
