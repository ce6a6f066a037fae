//go:build !(goexperiment.simd && amd64)

package nn

// Without vectors, the plain loops do it all.

func wideBlend(_, _, _, _ []float32) int { return 0 }
func (*cellGradient) wideBackward() int  { return 0 }
