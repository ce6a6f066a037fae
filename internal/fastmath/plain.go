//go:build !(goexperiment.simd && amd64)

package fastmath

// The wide kernels do the first so many elements, eight at a time, and return
// how many: none in this build.

func wideExp(_, _ []float32) int                 { return 0 }
func wideLog(_, _ []float32) int                 { return 0 }
func wideSigmoid(_, _ []float32) int             { return 0 }
func wideTanh(_, _ []float32) int                { return 0 }
func wideSoftplus(_, _ []float32) int            { return 0 }
func wideAdd(_, _ []float32) int                 { return 0 }
func wideMulAdd(_, _, _ []float32) int           { return 0 }
func wideBlend(_, _, _ []float32, _ float32) int { return 0 }
