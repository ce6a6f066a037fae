package main

import (
	"os/exec"
	"testing"

	"sotto/assets"
)

// BenchmarkStart is the time from the start of the program to the first hop that
// it has cleaned with the built-in model.
func BenchmarkStart(b *testing.B) {
	if assets.DefaultModel() == nil {
		b.Skip("this build has no model")
	}
	for b.Loop() {
		if out, err := exec.Command("sotto", "bench", "--"+firstHopFlag).CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}
