package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"sotto/internal/pulsetest"
)

// startServer starts a sound server, at real-time priority where that may be
// had: its main thread carries every stream's data.
func startServer(t *testing.T) *pulsetest.Server {
	t.Helper()
	server := pulsetest.Start(t)
	raiseServer(t)
	return server
}

// raiseServer asks for the priority that desktops give their servers.
func raiseServer(t *testing.T) {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "pulse", "pid"))
	if err != nil {
		t.Logf("the server keeps its priority: %v", err)
		return
	}
	if out, err := exec.Command("chrt", "--all-tasks", "--rr", "--pid", "5", strings.TrimSpace(string(pid))).CombinedOutput(); err != nil {
		t.Logf("the server keeps its priority: %v: %s", err, out)
	}
}

// notUnderRace skips a test of timing where the detector slows everything.
func notUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("timing means nothing under the race detector")
	}
}

// busyBelow is the idle share of the processors below which a machine counts as
// busy: xruns are then its fault.
const busyBelow = 0.4

// stolenAbove is the share of the processors' time above which a machine counts
// as busy because its host gave the processors to others: six of the kernel's
// ticks in a minute of two processors, each of which, with 10 ms, is longer than
// sotto's reserve of 6 ms.
const stolenAbove = 0.0005

// watchIdle returns a function that tells what share of the processors' time
// was idle since: 1 on systems that do not tell in /proc, 0 if a host has stolen
// more than stolenAbove.
func watchIdle() func() float64 {
	idle0, stolen0, total0 := processorTimes()
	return func() float64 {
		idle, stolen, total := processorTimes()
		switch passed := total - total0; {
		case passed <= 0:
			return 1
		case stolen-stolen0 > stolenAbove*passed:
			return 0
		default:
			return (idle - idle0) / passed
		}
	}
}

// processorTimes returns the idle, the stolen and the whole time of the
// processors, in the kernel's ticks; zeros on systems that do not tell in /proc.
func processorTimes() (idle, stolen, total float64) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, field := range strings.Fields(line)[1:9] {
		var v float64
		if _, err := fmt.Sscan(field, &v); err != nil {
			return 0, 0, 0
		}
		total += v
		switch i {
		case 3, 4: // idle, and waiting for disks
			idle += v
		case 7:
			stolen = v
		}
	}
	return idle, stolen, total
}

// tries is how often a measurement of live sound may be made.
const tries = 3

// withinTries measures until there is nothing to complain of; after the last try
// a complaint fails the test. The host of a virtual machine stops it now and then
// for longer than sotto's reserve of 6 ms; a fault is there every time.
func withinTries(t *testing.T, measure func(t *testing.T) (idle float64, complaint string)) {
	t.Helper()
	for try := range tries {
		var idle float64
		var complaint string
		// A test of its own, so that its sound server ends with it.
		t.Run(fmt.Sprint("try", try+1), func(t *testing.T) { idle, complaint = measure(t) })
		switch {
		case t.Failed() || complaint == "":
			return
		case try == tries-1 || raceEnabled: // which is not judged: once is enough to find races
			failUnlessBusy(t, idle, "%s", complaint)
		default:
			t.Logf("once more: %s", complaint)
		}
	}
}

// failUnlessBusy fails the test, or on a busy machine skips its verdict.
func failUnlessBusy(t *testing.T, idle float64, format string, args ...any) {
	t.Helper()
	if raceEnabled {
		t.Skipf("not judged, the race detector makes sotto too slow for live sound: "+format, args...)
	}
	if idle < busyBelow {
		t.Skipf("not judged, the machine was only %.0f %% idle, or its host took time from it: "+format, append([]any{100 * idle}, args...)...)
	}
	t.Errorf(format, args...)
}

// deskRecording records both channels of the desk.
type deskRecording struct {
	command *exec.Cmd
	raw     bytes.Buffer
}

func recordDesk(t *testing.T) *deskRecording {
	t.Helper()
	d := &deskRecording{command: exec.Command("parec", "--raw", "--device=desk.monitor", "--format=float32le", "--channels=2",
		"--channel-map=front-left,front-right", "--rate=48000", "--latency-msec=100")}
	d.command.Stdout = &d.raw
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.command.Process.Kill() })
	return d
}

// stop ends the recording and returns what was on the left and on the right.
func (d *deskRecording) stop(t *testing.T) (left, right []float32) {
	t.Helper()
	if err := d.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = d.command.Wait() // parec calls its end by a signal a failure
	b := d.raw.Bytes()
	for ; len(b) >= 8; b = b[8:] {
		left = append(left, math.Float32frombits(binary.LittleEndian.Uint32(b)))
		right = append(right, math.Float32frombits(binary.LittleEndian.Uint32(b[4:])))
	}
	return left, right
}

// knot is the distance of the points in time at which follow looks, in samples
// at 48 kHz: half a second.
const knot = 24000

// follow returns by how many seconds y is later than x around every knot of x:
// about start, within most on either side. The lag may change in time.
func follow(x, y []float32, start, most float64) []float64 {
	var lag []float64
	last := start
	for at := 0; at+2*knot <= len(x); at += knot {
		from := max(at+int((start-most)*48000), 0)
		to := min(at+2*knot+int((start+most)*48000), len(y))
		if to-from > 2*knot {
			// In silence and noise it stays as it was.
			if shift, r := correlate(x[at:at+2*knot], y[from:to]); r > 0.3 {
				last = (float64(from-at) + shift) / 48000
			}
		}
		lag = append(lag, last)
	}
	// One that is led astray follows its neighbours.
	smooth := slices.Clone(lag)
	for i := 1; i+1 < len(lag); i++ {
		smooth[i] = median([]float64{lag[i-1], lag[i], lag[i+1]})
	}
	return smooth
}

// correlate returns where in y, in fractional samples, x is found, and the
// correlation coefficient there.
func correlate(x, y []float32) (shift, coefficient float64) {
	n := 1
	for n < len(x)+len(y) {
		n *= 2
	}
	fft := fourier.NewFFT(n)
	spectrum := func(x []float32) []complex128 {
		seq := make([]float64, n)
		for i, v := range x {
			seq[i] = float64(v)
		}
		return fft.Coefficients(nil, seq)
	}
	a, b := spectrum(x), spectrum(y)
	for k := range a {
		a[k] = cmplx.Conj(a[k]) * b[k]
	}
	c := fft.Sequence(nil, a)
	best := 0
	for i := range len(y) - len(x) + 1 {
		if c[i] > c[best] {
			best = i
		}
	}
	var xx, yy float64
	for i, v := range x {
		w := y[best+i]
		xx, yy = xx+float64(v)*float64(v), yy+float64(w)*float64(w)
	}
	coefficient = c[best] / float64(n) / (math.Sqrt(xx*yy) + 1e-12)
	shift = float64(best)
	if best > 0 && best < len(y)-len(x) { // the vertex of the parabola
		l, m, r := c[best-1], c[best], c[best+1]
		if d := l - 2*m + r; d < 0 {
			shift += 0.5 * (l - r) / d
		}
	}
	return shift, coefficient
}

// resemblance returns the largest correlation coefficient of two seconds of y
// with x, at any shift. The seconds are the loudest that y ends with.
func resemblance(x, y []float32) float64 {
	best := 0.0
	for at := 0; at+2*48000 <= len(y); at += 24000 {
		if piece := y[at : at+2*48000]; len(x) > len(piece) && slices.Max(piece) > 0.01 {
			_, r := correlate(piece, x)
			best = max(best, r)
		}
	}
	return best
}

// bend returns y drawn straight: its sample n is y at n plus the lag around n.
func bend(y []float32, lag []float64) []float32 {
	const half = 8 // of a Hann-windowed sinc
	x := make([]float32, len(lag)*knot)
	for n := range x {
		// A knot's lag is that of the middle of its two pieces.
		k := max((float64(n)-knot)/knot, 0)
		i := min(int(k), len(lag)-1)
		j := min(i+1, len(lag)-1)
		l := lag[i] + (k-float64(i))*(lag[j]-lag[i])
		if math.Abs(lag[j]-lag[i]) > 0.003 { // a gap, not a slope
			l = lag[i]
		}
		t := float64(n) + 48000*l
		base := int(math.Floor(t))
		sum := 0.0
		for m := base - half + 1; m <= base+half; m++ {
			if m < 0 || m >= len(y) {
				continue
			}
			d := t - float64(m)
			w := 0.5 + 0.5*math.Cos(math.Pi*d/half)
			if d != 0 {
				w *= math.Sin(math.Pi*d) / (math.Pi * d)
			}
			sum += w * float64(y[m])
		}
		x[n] = float32(sum)
	}
	return x
}
