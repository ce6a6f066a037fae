package main

import (
	"io"
	"strings"
	"testing"
)

// TestLabelsFitTheirLine shortens what stands before a bar in a terminal of
// unknown width, and keeps its control characters from it.
func TestLabelsFitTheirLine(t *testing.T) {
	b := (&app{err: io.Discard}).newBar(1, "")
	for what, want := range map[string]string{
		"cleaning a  b.wav":           "cleaning a  b.wav",
		"cleaning a\n\x1b[31mb.wav\r": "cleaning a [31mb.wav",
		strings.Repeat("é", 30):       strings.Repeat("é", 30),
		strings.Repeat("1234567", 5):  "123456712345671…12345671234567",
		"a\u009b2Jb":                  "a 2Jb",
	} {
		if got := b.label(what); got != want {
			t.Errorf("%q is shown as %q, want %q", what, got, want)
		}
	}
}

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
