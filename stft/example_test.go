package stft_test

import (
	"fmt"

	"sotto/stft"
)

// A click goes through the transform unchanged and comes out Shift samples
// later.
func Example() {
	c := stft.Config{SampleRate: 16000} // 32 ms frames, 8 ms hop, 16 ms latency
	a, err := stft.NewAnalyzer(c)
	if err != nil {
		panic(err)
	}
	s, err := stft.NewSynthesizer(c)
	if err != nil {
		panic(err)
	}
	fmt.Println("bins:", c.Bins(), "hop:", c.HopSize(), "latency:", c.Latency())

	x := make([]float32, 4*c.HopSize())
	x[100] = 1
	spectrum := make([]complex64, c.Bins())
	for i := 0; i < len(x); i += c.HopSize() {
		hop := x[i : i+c.HopSize()]
		s.Synthesize(hop, a.Analyze(spectrum, hop)) // in place
	}
	for i, v := range x {
		if v > 0.5 {
			fmt.Println("the click at sample 100 is at", i, "- the shift is", c.Shift())
		}
	}
	// Output:
	// bins: 257 hop: 128 latency: 16ms
	// the click at sample 100 is at 228 - the shift is 128
}
