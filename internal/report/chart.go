package report

import (
	"errors"
	"fmt"
	"image"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Series is one line of a [Chart] or one colour of its bars.
type Series struct {
	Name string
	// X holds the abscissae of a curve; nil means 0, 1, 2, ...; bars ignore it.
	X []float64
	// Y holds the values. NaN leaves a gap.
	Y []float64
	// Error holds half the length of the error bar of each value of a bar
	// chart; nil draws none.
	Error []float64
}

// Chart is one panel of curves or bars.
type Chart struct {
	Title, X, Y string
	// Labels names the groups of a bar chart.
	Labels []string
	Series []Series
	// LogX and LogY choose logarithmic axes, for positive values.
	LogX, LogY bool
}

func (s Series) points() plotter.XYs {
	var xy plotter.XYs
	for i, y := range s.Y {
		x := float64(i)
		if s.X != nil {
			x = s.X[i]
		}
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			xy = append(xy, plotter.XY{X: x, Y: y})
		}
	}
	return xy
}

func (c Chart) curves() (*plot.Plot, error) {
	p := newPlot(c.Title, c.X, c.Y)
	addGrid(p)
	if c.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if c.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	for i, s := range c.Series {
		if s.X != nil && len(s.X) != len(s.Y) {
			return nil, fmt.Errorf("series %q has %d abscissae and %d values, expected as many", s.Name, len(s.X), len(s.Y))
		}
		points := s.points()
		if len(points) == 0 {
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, fmt.Errorf("series %q: %w", s.Name, err)
		}
		line.Color, line.Width = ink(i), vg.Points(1.5)
		p.Add(line)
		if s.Name != "" {
			p.Legend.Add(s.Name, line)
		}
	}
	return p, nil
}

// Curves draws panels of lines, two beside each other.
func Curves(charts ...Chart) (image.Image, error) {
	if len(charts) == 0 {
		return nil, errors.New("no charts to draw, expected at least one")
	}
	var plots []*plot.Plot
	for _, c := range charts {
		p, err := c.curves()
		if err != nil {
			return nil, err
		}
		plots = append(plots, p)
	}
	return tiles(stack(plots, 2), panelWidth, panelHeight), nil
}

func (c Chart) bars(width vg.Length) (*plot.Plot, error) {
	p := newPlot(c.Title, c.X, c.Y)
	addGrid(p)
	group := width * 0.7 / vg.Length(max(1, len(c.Labels))) // what a group may fill
	bar := group / vg.Length(max(1, len(c.Series)))
	for i, s := range c.Series {
		if len(s.Y) != len(c.Labels) || s.Error != nil && len(s.Error) != len(s.Y) {
			return nil, fmt.Errorf("series %q has %d values and %d errors, expected %d, one per label",
				s.Name, len(s.Y), len(s.Error), len(c.Labels))
		}
		b, err := plotter.NewBarChart(plotter.Values(finite(s.Y)), bar)
		if err != nil {
			return nil, fmt.Errorf("series %q: %w", s.Name, err)
		}
		b.Color, b.LineStyle.Width = ink(i), 0
		b.Offset = bar * (vg.Length(i) - vg.Length(len(c.Series)-1)/2)
		p.Add(b)
		if s.Error != nil {
			p.Add(whiskers{y: finite(s.Y), half: finite(s.Error), offset: b.Offset})
		}
		if s.Name != "" {
			p.Legend.Add(s.Name, b)
		}
	}
	p.NominalX(c.Labels...)
	p.Y.Max += (p.Y.Max - p.Y.Min) * 0.07 * float64(len(c.Series)) // room for the legend
	return p, nil
}

func finite(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			y[i] = v
		}
	}
	return y
}

// whiskers draws error bars on bars that stand beside their label's position.
type whiskers struct {
	y, half []float64
	offset  vg.Length
}

// Plot implements plot.Plotter.
func (w whiskers) Plot(c draw.Canvas, p *plot.Plot) {
	fx, fy := p.Transforms(&c)
	style := draw.LineStyle{Color: ink(len(inks) - 1), Width: vg.Points(1)}
	tip := vg.Points(2)
	for i, y := range w.y {
		x := fx(float64(i)) + w.offset
		lo, hi := fy(y-w.half[i]), fy(y+w.half[i])
		c.StrokeLine2(style, x, lo, x, hi)
		c.StrokeLine2(style, x-tip, lo, x+tip, lo)
		c.StrokeLine2(style, x-tip, hi, x+tip, hi)
	}
}

// DataRange implements plot.DataRanger.
func (w whiskers) DataRange() (xmin, xmax, ymin, ymax float64) {
	ymin, ymax = math.Inf(1), math.Inf(-1)
	for i, y := range w.y {
		ymin, ymax = min(ymin, y-w.half[i]), max(ymax, y+w.half[i])
	}
	return 0, float64(len(w.y) - 1), ymin, ymax
}

// Bars draws panels of grouped bars below each other.
func Bars(charts ...Chart) (image.Image, error) {
	if len(charts) == 0 {
		return nil, errors.New("no charts to draw, expected at least one")
	}
	const width = 8 * vg.Inch
	var plots []*plot.Plot
	for _, c := range charts {
		p, err := c.bars(width)
		if err != nil {
			return nil, err
		}
		plots = append(plots, p)
	}
	return tiles(stack(plots, 1), width, panelHeight), nil
}

// Histogram draws how often the values of x fall into each of bins equal
// intervals, on a logarithmic axis of counts: rare outliers are what a
// histogram of times is looked at for.
func Histogram(title, label string, x []float64, bins int) (image.Image, error) {
	if len(x) == 0 || bins < 1 {
		return nil, fmt.Errorf("%d values in %d bins, expected at least one of each", len(x), bins)
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	if !(hi > lo) {
		hi = lo + 1
	}
	count := make([]float64, bins)
	for _, v := range x {
		count[min(bins-1, int(float64(bins)*(v-lo)/(hi-lo)))]++
	}
	p := newPlot(title, label, "count")
	addGrid(p)
	width := (hi - lo) / float64(bins)
	// One outline, from 0.5 up: a single count is seen on the logarithmic axis,
	// and no seams show between the bars.
	outline := plotter.XYs{{X: lo, Y: 0.5}}
	for i, n := range count {
		a, b := lo+float64(i)*width, lo+float64(i+1)*width
		outline = append(outline, plotter.XY{X: a, Y: max(n, 0.5)}, plotter.XY{X: b, Y: max(n, 0.5)})
	}
	area, err := plotter.NewPolygon(append(outline, plotter.XY{X: hi, Y: 0.5}))
	if err != nil {
		return nil, err
	}
	area.Color, area.Width = ink(0), 0
	p.Add(area)
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Min = 0.5
	return tiles([][]*plot.Plot{{p}}, 1.4*panelWidth, panelHeight), nil
}
