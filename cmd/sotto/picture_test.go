package main

import (
	"image/png"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// checkPicture is "picture FILE MINIMUM": a PNG at least that many pixels wide
// with more than one colour in it.
func checkPicture(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	img, err := png.Decode(f)
	ts.Check(err)
	if w := img.Bounds().Dx(); w < number(ts, args[1]) {
		ts.Fatalf("%s is %d pixels wide, want %s", args[0], w, args[1])
	}
	seen := map[any]bool{}
	for x := range img.Bounds().Dx() {
		for y := range img.Bounds().Dy() {
			seen[img.At(x, y)] = true
		}
	}
	if len(seen) < 100 {
		ts.Fatalf("%s has %d colours, want a spectrogram", args[0], len(seen))
	}
}
