//go:build !(goexperiment.simd && amd64)

package fft

func (*pass) wideFour(_, _ parts) bool  { return false }
func (*pass) wideThree(_, _ parts) bool { return false }
func (*pass) wideTwo(_, _ parts) bool   { return false }

func (*Real) wideSplit([]float64) bool { return false }
func (*Real) wideMerge([]float64) bool { return false }
func (*Real) widePart() bool           { return false }
func (*Real) wideJoin() bool           { return false }
