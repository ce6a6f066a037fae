//go:build !(goexperiment.simd && amd64)

package narrow

// packs says whether matrices are packed: not in this build.
const packs = false

type packed struct{}

func (*Matrix) pack([]float32)          {}
func (*Matrix) multiply(_, _ []float32) {}
