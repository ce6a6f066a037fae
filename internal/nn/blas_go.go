//go:build !openblas

package nn

// BLAS names the library behind [Gemm].
const BLAS = "gonum"
