// Package vaf measures how much of a signal of several channels its reconstruction accounts for: the variance accounted for, which
// studies of muscle synergies report.
//
// With x the original, y the reconstruction and m the mean of each channel of x:
//
//	uncentred VAF = 1 - sum (x - y)^2 / sum x^2         usual for muscle synergies
//	centred VAF   = 1 - sum (x - y)^2 / sum (x - m)^2   the coefficient of determination R^2
//
// over the samples of one channel, or over all samples of all channels, where loud channels weigh more. Both are 1 for a perfect
// reconstruction and have no lower bound: 0 is what silence (uncentred) or the constant m (centred) would reach, and worse is negative.
// The uncentred value is never below the centred one, so the two must not be compared with each other. Multiply by 100 for per cent.
//
// On the uncentred form for muscle synergies see G. Torres-Oviedo, J. M. Macpherson and L. H. Ting, "Muscle synergy organization is robust
// across a variety of postural perturbations", Journal of Neurophysiology 96(3), 2006.
package vaf

import (
	"errors"
	"fmt"
	"math"
)

// ErrFlat is wrapped by the error for a channel that is constant, whose centred VAF is not defined. The caller may drop the channel and
// try again.
var ErrFlat = errors.New("constant channel")

// Ratio holds both forms of the measure.
type Ratio struct {
	Uncentred float64
	Centred   float64
}

// Result holds the VAF of all channels together and of each.
type Result struct {
	Global   Ratio
	Channels []Ratio
}

// Sample is the type of the samples.
type Sample interface{ float32 | float64 }

// sums holds the sums over one channel, or over several.
type sums struct {
	residual, energy, variance float64
}

// Score compares the reconstruction est with ref, both channels x samples, in any unit.
//
// No channels, different numbers of channels or samples, constant channels of ref (see [ErrFlat]) and samples that are not finite give an
// error. A silent reconstruction is legal: its uncentred VAF is 0.
func Score[T Sample](ref, est [][]T) (Result, error) {
	if len(ref) == 0 || len(ref) != len(est) {
		return Result{}, fmt.Errorf("vaf: %d channels and a reconstruction of %d, expected the same number, at least one: "+
			"pass channels x samples", len(ref), len(est))
	}
	var all sums
	r := Result{Channels: make([]Ratio, len(ref))}
	for c := range ref {
		s, err := channel(ref[c], est[c])
		if err != nil {
			return Result{}, fmt.Errorf("vaf: channel %d: %w", c, err)
		}
		r.Channels[c] = s.ratio()
		all.residual += s.residual
		all.energy += s.energy
		all.variance += s.variance
	}
	r.Global = all.ratio()
	return r, nil
}

func (s sums) ratio() Ratio {
	return Ratio{Uncentred: 1 - s.residual/s.energy, Centred: 1 - s.residual/s.variance}
}

// channel returns the sums over one channel.
func channel[T Sample](x, y []T) (s sums, err error) {
	if len(x) != len(y) {
		return s, fmt.Errorf("reconstruction has %d samples, expected %d like the original: align and trim them first", len(y), len(x))
	}
	mean, flat := 0.0, true
	for i, v := range x {
		if !finite(v) || !finite(y[i]) {
			return s, fmt.Errorf("sample %d is %v, its reconstruction %v, expected finite numbers: repair the signal", i, v, y[i])
		}
		mean += float64(v) / float64(len(x))
		flat = flat && v == x[0]
	}
	if flat {
		return s, fmt.Errorf("%w of %d samples, expected a signal that varies: leave it out", ErrFlat, len(x))
	}
	for i, v := range x {
		e, d := float64(v)-float64(y[i]), float64(v)-mean
		s.residual += e * e
		s.energy += float64(v) * float64(v)
		s.variance += d * d
	}
	return s, nil
}

func finite[T Sample](v T) bool {
	return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
}
