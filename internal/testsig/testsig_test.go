package testsig

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recorder is a testing.TB that keeps what a check reported.
type recorder struct {
	testing.TB
	failed, skipped string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { r.failed = fmt.Sprintf(format, args...) }
func (r *recorder) Skipf(format string, args ...any)  { r.skipped = fmt.Sprintf(format, args...) }

func TestNear(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name      string
		got, want []float64
		report    string
	}{
		{"equal", []float64{1, 2}, []float64{1, 2.0005}, ""},
		{"off", []float64{1, 2, 5}, []float64{1, 2.5, 4}, "worst at [2]: got 5, want 4, error 1"},
		{"length", []float64{1}, []float64{1, 2}, "got 1 values, want 2"},
		{"nan", []float64{nan}, []float64{nan}, "worst at [0]"},
	} {
		r := &recorder{TB: t}
		Near(r, c.name, c.got, c.want, 1e-3)
		if (c.report == "") != (r.failed == "") || !strings.Contains(r.failed, c.report) {
			t.Errorf("%s: reported %q, want %q", c.name, r.failed, c.report)
		}
	}
}

func TestNearAt(t *testing.T) {
	r := &recorder{TB: t}
	if NearAt(r, "same", 1, 1.05, 0.1); r.failed != "" {
		t.Errorf("reported %q for values within tolerance", r.failed)
	}
	if NearAt(r, "nan", math.NaN(), 1, 0.1); r.failed == "" {
		t.Error("NaN passed")
	}
}

func TestSignals(t *testing.T) {
	x := Sine(8, 1000, 8000, 0.5)
	NearAt(t, "sine quarter", float64(x[2]), 0.5, 1e-7)
	NearAt(t, "noise rms", rms(WhiteNoise(100000, 0.2, 3)), 0.2, 0.003)
	if slices.Equal(WhiteNoise(10, 1, 1), WhiteNoise(10, 1, 2)) {
		t.Error("two seeds gave the same noise")
	}
}

func TestSpeechLike(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		x := SpeechLike(10*rate, rate, 7)
		if !slices.Equal(x, SpeechLike(10*rate, rate, 7)) {
			t.Errorf("%d Hz: not reproducible", rate)
		}
		var silent int
		var peak float64
		for _, v := range x {
			peak = max(peak, math.Abs(float64(v)))
			if v == 0 {
				silent++
			}
		}
		if share := float64(silent) / float64(len(x)); share < 0.05 || share > 0.5 {
			t.Errorf("%d Hz: %.0f %% silence, want 5 to 50 %%", rate, 100*share)
		}
		if peak > 0.9 {
			t.Errorf("%d Hz: peak %.2f, want below 0.9", rate, peak)
		}
		if level := rms(x); level < 0.04 || level > 0.15 {
			t.Errorf("%d Hz: RMS %.3f, want 0.04 to 0.15", rate, level)
		}
	}
}

func TestShared(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(SharedEnv, dir)
	if got := Shared(t, "."); got != filepath.Clean(dir) {
		t.Errorf("got %s, want %s", got, dir)
	}
	r := &recorder{TB: t}
	if Shared(r, "absent"); !strings.Contains(r.skipped, SharedEnv) {
		t.Errorf("skip message %q does not name %s", r.skipped, SharedEnv)
	}
}

func rms(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s / float64(len(x)))
}
