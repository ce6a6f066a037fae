package main

import (
	"io"
	"testing"
)

// TestStagesCountEachPart reports two parts of different length: the bar of the
// second must begin at nothing and end at its own total.
func TestStagesCountEachPart(t *testing.T) {
	s := stages{app: &app{err: io.Discard}, what: "reading"}
	for _, total := range []int{3, 5, 5} {
		for done := 1; done <= total; done++ {
			s.report(done, total)
			s.bar.silent = false // as if somebody looked; from the next report on
			if want := int64(done - 1); s.bar.total != int64(total) || s.bar.done != want {
				t.Fatalf("file %d of %d: the bar shows %d of %d", done, total, s.bar.done+1, s.bar.total)
			}
		}
	}
	s.finish()
}
