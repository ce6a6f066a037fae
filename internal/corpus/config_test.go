package corpus

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEveryProbabilityIsChecked finds the probabilities of a configuration by their type, so that a new one is not forgotten.
func TestEveryProbabilityIsChecked(t *testing.T) {
	gains := []string{"SNRMode", "EQGain", "NoiseEQGain"} // numbers that are no probabilities
	var cfg MixConfig
	var check func(v reflect.Value)
	check = func(v reflect.Value) {
		for i := range v.NumField() {
			name, f := v.Type().Field(i).Name, v.Field(i)
			if f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[Range]() {
				check(f)
				continue
			}
			if f.Kind() != reflect.Float64 || slices.Contains(gains, name) {
				continue
			}
			for _, p := range []float64{-0.1, 1.1, math.NaN()} {
				cfg = DefaultMixConfig()
				f.SetFloat(p)
				if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s = %g: error %v, want one that names it", name, p, err)
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
