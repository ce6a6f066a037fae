package report

import (
	"errors"
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
)

// Matrix is a table of numbers to draw as colours: a dictionary, say, with a
// column per atom and a row per frequency.
type Matrix struct {
	Title, X, Y string
	Rows, Cols  int
	// Values is row-major; row 0 is drawn at the bottom.
	Values []float64
	// Top is the coordinate of the upper edge of the last row, such as the
	// highest frequency; 0 means Rows.
	Top float64
}

// Heatmaps draws matrices side by side on one colour scale.
func Heatmaps(label string, matrices ...Matrix) (image.Image, error) {
	if len(matrices) == 0 {
		return nil, errors.New("no matrices to draw, expected at least one")
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, m := range matrices {
		if m.Rows < 1 || m.Cols < 1 || len(m.Values) != m.Rows*m.Cols {
			return nil, fmt.Errorf("%s: %d values, expected %d x %d", m.Title, len(m.Values), m.Rows, m.Cols)
		}
		for _, v := range m.Values {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if !(hi > lo) { // constant, or nothing but NaN
		lo, hi = 0, 1
	}
	colours := moreland.ExtendedBlackBody()
	colours.SetMax(hi)
	colours.SetMin(lo)
	plots := make([]*plot.Plot, len(matrices))
	for i, m := range matrices {
		img := image.NewRGBA(image.Rect(0, 0, m.Cols, m.Rows))
		for n, v := range m.Values {
			if c, err := colours.At(v); err == nil { // NaN stays transparent
				img.Set(n%m.Cols, m.Rows-1-n/m.Cols, c)
			}
		}
		top := m.Top
		if top == 0 {
			top = float64(m.Rows)
		}
		p := newPlot(m.Title, m.X, m.Y)
		p.Add(plotter.NewImage(img, 0, 0, float64(m.Cols), top))
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(m.Cols), 0, top
		p.X.Padding, p.Y.Padding = 0, 0
		plots[i] = p
	}
	return besideBar(plots, colours, label), nil
}
