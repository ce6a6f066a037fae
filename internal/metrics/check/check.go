// Package check holds the conditions that every metric puts on its input, so that all of them refuse the same things in the same
// words: signals of different lengths, signals that are empty or constant (silence has no level to compare with), samples that are not
// finite numbers, and sample rates the metric is not defined for.
//
// Each error is one line: what was found, what was expected, what to do.
package check

import (
	"fmt"
	"math"
)

// Pair reports why ref and est cannot be compared sample by sample, or nil. The metric's name begins the message.
func Pair(metric string, ref, est []float32) error {
	if len(ref) != len(est) {
		return fmt.Errorf("%s: estimate has %d samples, expected %d like the reference: align and trim them first",
			metric, len(est), len(ref))
	}
	if err := Signal(metric, "reference", ref); err != nil {
		return err
	}
	return Signal(metric, "estimate", est)
}

// Signal reports why x cannot be scored, or nil: it is empty, holds a NaN or an infinity, or is constant. The metric's name and the
// signal's role begin the message.
func Signal(metric, role string, x []float32) error {
	if len(x) == 0 {
		return fmt.Errorf("%s: %s is empty, expected samples: check the file", metric, role)
	}
	constant := true
	for i, v := range x {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s: %s holds %v at sample %d, expected finite samples: repair the signal", metric, role, v, i)
		}
		constant = constant && v == x[0]
	}
	if constant {
		return fmt.Errorf("%s: %s is silent (constant), expected a signal: there is nothing to score", metric, role)
	}
	return nil
}

// Rate reports that a sample rate in Hz lies outside [low, high], or nil.
func Rate(metric string, rate, low, high int) error {
	if rate < low || rate > high {
		return fmt.Errorf("%s: sample rate is %d Hz, expected %d to %d Hz: resample both signals", metric, rate, low, high)
	}
	return nil
}
