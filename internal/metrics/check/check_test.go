package check

import (
	"math"
	"strings"
	"testing"
)

func TestPair(t *testing.T) {
	good := []float32{0, 1, -1}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, c := range []struct {
		name     string
		ref, est []float32
		want     string // part of the message; empty for no error
	}{
		{"good", good, good, ""},
		{"shorter", good, good[:2], "estimate has 2 samples, expected 3"},
		{"empty", nil, nil, "reference is empty"},
		{"silent reference", make([]float32, 3), good, "reference is silent"},
		{"constant estimate", good, []float32{2, 2, 2}, "estimate is silent"},
		{"NaN", []float32{0, nan, 1}, good, "reference holds NaN at sample 1"},
		{"infinity", good, []float32{0, 1, inf}, "estimate holds -Inf at sample 2"},
	} {
		err := Pair("metric", c.ref, c.est)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: got %v, want no error", c.name, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "metric: "+c.want)):
			t.Errorf("%s: got %v, want metric: %s...", c.name, err, c.want)
		}
	}
}

func TestRate(t *testing.T) {
	for rate, ok := range map[int]bool{-1: false, 7999: false, 8000: true, 48000: true, 48001: false} {
		if err := Rate("metric", rate, 8000, 48000); (err == nil) != ok {
			t.Errorf("%d Hz: got %v, want accepted = %v", rate, err, ok)
		}
	}
}
