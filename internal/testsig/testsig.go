// Package testsig holds the signals and comparisons that the tests of this module share.
//
// Signals are deterministic: the same arguments give the same samples on every machine with IEEE arithmetic, so a test
// that fails can be run again. Levels are full-scale relative: 1 is the largest sample a 16-bit file can hold.
//
//	x := testsig.SpeechLike(16000, 16000, 1)          // one second that behaves like a voice
//	testsig.Near(t, "output", got, want, 1e-6)        // names the worst sample when it fails
//	dir := testsig.Shared(t, "bench/clean")           // skips the test where the shared data is absent
package testsig

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// SharedEnv names the environment variable that points to the shared data folder.
const SharedEnv = "SOTTO_SHARED"

// Float is any floating point type that Near compares.
type Float interface{ ~float32 | ~float64 }

// Near fails the test when got and want differ in length or in any element by more than tol (absolute). It reports the
// worst element: index, both values and the error. NaN is never near anything.
func Near[T Float](tb testing.TB, name string, got, want []T, tol float64) {
	tb.Helper()
	if len(got) != len(want) {
		tb.Errorf("%s: got %d values, want %d", name, len(got), len(want))
		return
	}
	worst, at, bad := -1.0, -1, 0
	for i := range got {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if d <= tol {
			continue
		}
		bad++
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > worst {
			worst, at = d, i
		}
	}
	if bad > 0 {
		tb.Errorf("%s: %d of %d values off by more than %g; worst at [%d]: got %v, want %v, error %g",
			name, bad, len(got), tol, at, got[at], want[at], worst)
	}
}

// NearAt fails the test when got and want differ by more than tol (absolute), or either is NaN.
func NearAt(tb testing.TB, name string, got, want, tol float64) {
	tb.Helper()
	if d := math.Abs(got - want); !(d <= tol) {
		tb.Errorf("%s: got %v, want %v, error %g > %g", name, got, want, d, tol)
	}
}

// Sine returns n samples of amp*sin(2*pi*freq*i/rate); freq and rate in Hz.
func Sine(n int, freq, rate, amp float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(amp * math.Sin(2*math.Pi*freq*float64(i)/rate))
	}
	return x
}

// WhiteNoise returns n samples of Gaussian noise with the given expected RMS.
func WhiteNoise(n int, rms float64, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0x77686974))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rms * rng.NormFloat64())
	}
	return x
}

// Shared returns the path of rel under the shared data folder: $SOTTO_SHARED, or ../shared beside the repository. It
// skips the test, naming the variable, when nothing is there.
func Shared(tb testing.TB, rel string) string {
	tb.Helper()
	root := os.Getenv(SharedEnv)
	if root == "" {
		root = filepath.Join(repoRoot(tb), "..", "shared")
	}
	path := filepath.Join(root, filepath.FromSlash(rel))
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("no %s: set %s to the shared data folder to run this test", path, SharedEnv)
	}
	return path
}

// repoRoot walks up from the test's folder to the one that holds go.mod.
func repoRoot(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatal("testsig: no go.mod above the test's folder")
		}
		dir = up
	}
}
