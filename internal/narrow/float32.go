//go:build !(goexperiment.simd && amd64)

package narrow

// packs says whether matrices are packed: not in this build.
const packs = false

func (*Matrix) pack([]float32)     {}
func (*Matrix) multiply([]float32) {}
