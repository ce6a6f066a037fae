package enhance

import (
	"errors"
	"fmt"
)

// firstError runs the checks in order and returns the first error.
func firstError(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkValues reports a tensor of the wrong length, or one that holds a value
// that is not finite.
func checkValues(name string, v []float32, rows, cols int) error {
	if len(v) != rows*cols {
		return fmt.Errorf("enhance: %s has %d values: want %d x %d", name, len(v), rows, cols)
	}
	if !allFinite(v) {
		return fmt.Errorf("enhance: %s holds a value that is not finite: train again or take another checkpoint", name)
	}
	return nil
}

func (b *Basis) validate(name string, bins int) error {
	if b.Bins != bins || b.Rank <= 0 {
		return fmt.Errorf("enhance: %s is %d x %d: want %d bins and at least one atom", name, b.Bins, b.Rank, bins)
	}
	if err := checkValues(name, b.W, b.Bins, b.Rank); err != nil {
		return err
	}
	for i, v := range b.W {
		if v < 0 {
			return fmt.Errorf("enhance: %s is %v at bin %d, atom %d: want no negative value", name, v, i/b.Rank, i%b.Rank)
		}
	}
	return nil
}

func (d *Dense) validate(name string, in, out int) error {
	if d.In != in || d.Out != out || in <= 0 || out <= 0 {
		return fmt.Errorf("enhance: %s maps %d values to %d: want %d to %d", name, d.In, d.Out, in, out)
	}
	return firstError(
		func() error { return checkValues(name+".weight", d.Weight, out, in) },
		func() error { return checkValues(name+".bias", d.Bias, out, 1) },
	)
}

func (g *GRU) validate(name string, width int) error {
	if g.In != width || g.Hidden != width {
		return fmt.Errorf("enhance: %s maps %d values to %d: want %d to %d, the width of the network", name, g.In, g.Hidden, width, width)
	}
	return firstError(
		func() error { return checkValues(name+".weight_ih", g.WeightIH, 3*width, width) },
		func() error { return checkValues(name+".weight_hh", g.WeightHH, 3*width, width) },
		func() error { return checkValues(name+".bias_ih", g.BiasIH, 3*width, 1) },
		func() error { return checkValues(name+".bias_hh", g.BiasHH, 3*width, 1) },
	)
}

func (n *Network) validate(features, activations int) error {
	width := n.Width()
	if width <= 0 {
		return errors.New("enhance: the network has no hidden units")
	}
	if err := n.In.validate("net.in", features, width); err != nil {
		return err
	}
	for l := range n.GRU {
		if err := n.GRU[l].validate(fmt.Sprintf("net.gru.%d", l), width); err != nil {
			return err
		}
	}
	return n.Out.validate("net.out", width, activations)
}
