package audiofile

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"sotto/internal/testsig"
)

func TestWriteReadBack(t *testing.T) {
	x := testsig.SpeechLike(16000, 16000, 1)
	for enc, tol := range map[Encoding]float64{PCM16: 0.5 / (1 << 15), PCM24: 0.5 / (1 << 23), Float32: 0} {
		path := filepath.Join(t.TempDir(), "x.wav")
		if err := WriteMono(path, x, 16000, enc); err != nil {
			t.Fatal(err)
		}
		got, rate, err := ReadMono(path)
		if err != nil || rate != 16000 {
			t.Fatalf("%v: rate %d, error %v", enc, rate, err)
		}
		testsig.Near(t, enc.String(), got, x, tol*(1+1e-6))
	}
}

func TestQuantise(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		in   float32
		want int32
	}{
		{0, 0}, {1, 32767}, {-1, -32768}, {2, 32767}, {-2, -32768}, {nan, 0}, {inf, 32767}, {-inf, -32768},
		{0.5 / 32768, 0}, {0.6 / 32768, 1}, {-0.6 / 32768, -1}, {1.5 / 32768, 2}, {32767.0 / 32768, 32767},
	} {
		if got := quantise(c.in, 1<<15); got != c.want {
			t.Errorf("quantise(%v) = %d, want %d", c.in, got, c.want)
		}
	}
	if s := fmt.Sprint(PCM24); s != "24" {
		t.Errorf("PCM24 is called %q, want 24", s)
	}
}
