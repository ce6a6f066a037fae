package report

import (
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// resolution is the dots per inch of every picture: one point of type is 2
// pixels, readable on a dense screen and small enough for a README.
const resolution = 144

// inks are the eight colours of Okabe and Ito (Color Universal Design, 2008),
// black last and yellow left out: it vanishes on white.
var inks = []color.Color{
	color.RGBA{R: 0, G: 114, B: 178, A: 255},
	color.RGBA{R: 213, G: 94, B: 0, A: 255},
	color.RGBA{R: 0, G: 158, B: 115, A: 255},
	color.RGBA{R: 204, G: 121, B: 167, A: 255},
	color.RGBA{R: 230, G: 159, B: 0, A: 255},
	color.RGBA{R: 86, G: 180, B: 233, A: 255},
	color.RGBA{R: 0, G: 0, B: 0, A: 255},
}

// ink returns the colour of the i-th series.
func ink(i int) color.Color { return inks[i%len(inks)] }

var pale = color.Gray{Y: 225}

// WritePNG encodes a picture.
func WritePNG(w io.Writer, picture image.Image) error { return png.Encode(w, picture) }

// newPlot returns an empty plot in the house look.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font.Size = vg.Points(11)
	p.Title.Padding = vg.Points(4)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font.Size = vg.Points(10)
		axis.Tick.Label.Font.Size = vg.Points(9)
		axis.Tick.Marker = plot.TickerFunc(ticks)
	}
	p.Legend.TextStyle.Font.Size = vg.Points(9)
	p.Legend.Padding = vg.Points(2)
	p.Legend.ThumbnailWidth = vg.Points(16)
	p.Legend.Top = true
	return p
}

// ticks places labelled ticks at multiples of 1, 2 or 5 times a power of ten,
// five to ten of them.
func ticks(lo, hi float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/5)))
	for _, f := range []float64{5, 2} {
		if (hi-lo)/(f*step) >= 5 {
			step *= f
			break
		}
	}
	decimals := max(0, -int(math.Floor(math.Log10(step))))
	var t []plot.Tick
	// Adding 0 makes a negative zero positive.
	for i := math.Ceil(lo/step-1e-9) + 0; i*step <= hi+1e-9*step; i++ {
		t = append(t, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'f', decimals, 64)})
	}
	return t
}

// addGrid puts pale lines behind what is drawn next.
func addGrid(p *plot.Plot) {
	g := plotter.NewGrid()
	g.Horizontal.Color, g.Vertical.Color = pale, pale
	p.Add(g)
}

// canvas returns an empty white picture of the given size in inches and the
// canvas to draw on.
func canvas(width, height vg.Length) (*vgimg.Canvas, draw.Canvas) {
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(resolution), vgimg.UseBackgroundColor(color.White))
	return c, draw.New(c)
}

// margin keeps labels off the picture's edge.
const margin = vg.Inch / 12

// tiles draws a grid of plots whose axes line up, each of the given size.
// Empty places are nil.
func tiles(grid [][]*plot.Plot, width, height vg.Length) image.Image {
	rows, cols := len(grid), len(grid[0])
	c, dc := canvas(width*vg.Length(cols), height*vg.Length(rows))
	t := draw.Tiles{
		Rows: rows, Cols: cols,
		PadTop: margin, PadBottom: margin, PadLeft: margin, PadRight: margin,
		PadX: 2 * margin, PadY: 2 * margin,
	}
	cells := plot.Align(grid, t, dc)
	for r, row := range grid {
		for k, p := range row {
			if p != nil {
				p.Draw(cells[r][k])
			}
		}
	}
	return c.Image()
}

// stack arranges plots in a grid of the given number of columns, row by row.
func stack(plots []*plot.Plot, cols int) [][]*plot.Plot {
	cols = max(1, min(cols, len(plots)))
	var grid [][]*plot.Plot
	for len(plots) > 0 {
		row := make([]*plot.Plot, cols)
		plots = plots[copy(row, plots):]
		grid = append(grid, row)
	}
	return grid
}
