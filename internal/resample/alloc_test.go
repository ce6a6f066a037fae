//go:build !race

package resample

import (
	"testing"

	"sotto/internal/testsig"
)

// TestStreamAllocs runs without the race detector, which allocates on its own.
func TestStreamAllocs(t *testing.T) {
	for _, p := range pairs {
		s := NewStream(p[0], p[1])
		x := testsig.WhiteNoise(p[0]/100, 0.1, 1)
		dst := make([]float32, 0, p[1]/100+2)
		s.Process(dst, x)
		if n := testing.AllocsPerRun(100, func() { s.Process(dst, x) }); n != 0 {
			t.Errorf("%v: %v allocations per call, want 0", p, n)
		}
	}
}
