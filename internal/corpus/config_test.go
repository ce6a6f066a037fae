package corpus

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEveryNumberIsChecked finds the numbers of a configuration by their type, so that a new one is not forgotten.
func TestEveryNumberIsChecked(t *testing.T) {
	gains := []string{"SNRMode", "EQGain", "NoiseEQGain"} // numbers that are no probabilities
	var cfg MixConfig
	refuse := func(name string, f reflect.Value, bad any) {
		t.Helper()
		cfg = DefaultMixConfig()
		f.Set(reflect.ValueOf(bad))
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s = %v: error %v, want one that names it", name, bad, err)
		}
	}
	var check func(v reflect.Value)
	check = func(v reflect.Value) {
		for i := range v.NumField() {
			switch name, f := v.Type().Field(i).Name, v.Field(i); {
			case f.Type() == reflect.TypeFor[Range]():
				for _, bad := range []Range{{math.NaN(), 1}, {-1e6, 1e6}, {1, math.Inf(1)}} {
					refuse(name, f, bad)
				}
			case f.Kind() == reflect.Struct:
				check(f)
			case f.Kind() == reflect.Float64 && !slices.Contains(gains, name):
				for _, bad := range []float64{-0.1, 1.1, math.NaN()} {
					refuse(name, f, bad)
				}
			}
		}
	}
	check(reflect.ValueOf(&cfg).Elem())
	cfg = DefaultMixConfig()
	cfg.Noise.Two, cfg.Noise.Three = 0.7, 0.6
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "Noise.Two + Three") {
		t.Errorf("two and three noises of 0.7 and 0.6: error %v, want one that names both", err)
	}
}
