//go:build !race

package stft

import "testing"

// TestNoAllocations pins both directions to zero allocations per hop.
func TestNoAllocations(t *testing.T) {
	for _, c := range configs() {
		a, s := pair(t, c)
		hop, spectrum := noise(c.HopSize(), 1), make([]complex64, c.Bins())
		if n := testing.AllocsPerRun(20, func() { s.Synthesize(hop, a.Analyze(spectrum, hop)) }); n != 0 {
			t.Errorf("%s: %v allocations per hop, want 0", name(c), n)
		}
	}
}
