//go:build goexperiment.simd

package narrow

import "testing"

// TestEightAtATime repeats the tests as on a processor without AVX-512.
func TestEightAtATime(t *testing.T) {
	if !wide {
		t.Skip("this processor has no AVX-512: the other tests ran so")
	}
	wide = false
	defer func() { wide = true }()
	t.Run("product", TestProduct)
	t.Run("limits", TestProductAtItsLimits)
	t.Run("exact", TestSmallIntegersAreExact)
	t.Run("not a number", TestNotANumber)
}
