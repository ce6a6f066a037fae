package enhance_test

import (
	"fmt"
	"math"

	"sotto/enhance"
)

// Two dictionaries of one atom each, "speech" below 1 kHz and "noise" above,
// make an Enhancer that keeps a low tone and removes a high one. A trained
// model comes from Load, and New makes its Enhancer.
func ExampleNewWithEstimator() {
	grid := enhance.DefaultGrid()
	low := &enhance.Basis{Bins: grid.Bins(), Rank: 1, W: make([]float32, grid.Bins())}
	high := &enhance.Basis{Bins: grid.Bins(), Rank: 1, W: make([]float32, grid.Bins())}
	for k := range grid.Bins() {
		if k < 32 { // 31.25 Hz between bins
			low.W[k] = 1
		} else {
			high.W[k] = 1
		}
	}
	m := &enhance.Model{Grid: grid, Speech: low, Noise: high}
	nmf, err := enhance.NewNMF(m.Speech, m.Noise, 0)
	if err != nil {
		panic(err)
	}
	e, err := enhance.NewWithEstimator(m, nmf, 48000, enhance.Config{MaxAttenuation: 40})
	if err != nil {
		panic(err)
	}
	fmt.Println("hop:", e.Hop(), "latency:", e.Latency(), "samples")

	for _, hertz := range []float64{250, 4000} {
		e.Reset()
		hop := make([]float32, e.Hop())
		var peak float32
		for i := range 100 {
			for j := range hop {
				hop[j] = float32(math.Sin(2 * math.Pi * hertz * float64(i*len(hop)+j) / 48000))
			}
			e.Process(hop, hop)
			peak = hop[0]
			for _, v := range hop {
				peak = max(peak, v)
			}
		}
		fmt.Printf("%4.0f Hz comes out at %.2f\n", hertz, peak)
	}
	// Output:
	// hop: 384 latency: 384 samples
	//  250 Hz comes out at 1.00
	// 4000 Hz comes out at 0.01
}
