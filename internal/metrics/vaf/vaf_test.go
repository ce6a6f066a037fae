package vaf

import (
	"errors"
	"math"
	"testing"

	"sotto/internal/testsig"
)

// TestKnown has sums worked by hand. Channel 0: residual 1 + 1, energy 1 + 9, variance 1 + 1 about 2. Channel 1: residual 4 + 0,
// energy 16 + 0, variance 4 + 4 about 2.
func TestKnown(t *testing.T) {
	ref := [][]float64{{1, 3}, {4, 0}}
	est := [][]float64{{2, 2}, {2, 0}}
	got, err := Score(ref, est)
	if err != nil {
		t.Fatal(err)
	}
	values := []float64{
		got.Channels[0].Uncentred, got.Channels[0].Centred,
		got.Channels[1].Uncentred, got.Channels[1].Centred,
		got.Global.Uncentred, got.Global.Centred,
	}
	want := []float64{1 - 2.0/10, 1 - 2.0/2, 1 - 4.0/16, 1 - 4.0/8, 1 - 6.0/26, 1 - 6.0/10}
	testsig.Near(t, "channel 0, channel 1, global; uncentred, centred", values, want, 1e-12)
}

func TestLandmarks(t *testing.T) {
	ref := [][]float32{{1, 2, 6}}
	for _, c := range []struct {
		name string
		est  []float32
		want Ratio
	}{
		{"perfect", []float32{1, 2, 6}, Ratio{1, 1}},
		{"silent", []float32{0, 0, 0}, Ratio{0, 1 - 41.0/14}},
		{"mean", []float32{3, 3, 3}, Ratio{1 - 14.0/41, 0}},
		{"opposite", []float32{-1, -2, -6}, Ratio{-3, 1 - 164.0/14}},
	} {
		got, err := Score(ref, [][]float32{c.est})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		testsig.Near(t, c.name, []float64{got.Global.Uncentred, got.Global.Centred}, []float64{c.want.Uncentred, c.want.Centred}, 1e-12)
		if got.Channels[0] != got.Global {
			t.Errorf("%s: single channel %+v differs from all %+v", c.name, got.Channels[0], got.Global)
		}
	}
}

func TestRefuses(t *testing.T) {
	x := [][]float64{{1, 2, 3}}
	for name, c := range map[string]struct{ ref, est [][]float64 }{
		"no channels":       {nil, nil},
		"channels":          {x, [][]float64{{1, 2, 3}, {1, 2, 3}}},
		"samples":           {x, [][]float64{{1, 2}}},
		"NaN in original":   {[][]float64{{1, math.NaN(), 3}}, x},
		"Inf in estimate":   {x, [][]float64{{1, 2, math.Inf(1)}}},
		"constant original": {[][]float64{{2, 2, 2}}, x},
		"empty":             {[][]float64{{}}, [][]float64{{}}},
	} {
		if got, err := Score(c.ref, c.est); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
	if _, err := Score([][]float64{{1, 2}, {0, 0}}, [][]float64{{1, 2}, {0, 0}}); !errors.Is(err, ErrFlat) {
		t.Errorf("silent channel: got %v, want ErrFlat", err)
	}
}

func BenchmarkScore(b *testing.B) {
	ref, est := make([][]float64, 10), make([][]float64, 10)
	for c := range ref {
		ref[c], est[c] = make([]float64, 10000), make([]float64, 10000)
		for i := range ref[c] {
			ref[c][i] = math.Abs(math.Sin(float64(i * (c + 1))))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(ref, est); err != nil {
			b.Fatal(err)
		}
	}
}
