package report

import (
	"errors"
	"fmt"
	"image"
	"math"
	"strings"
	"unicode"

	"github.com/mjibson/go-dsp/window"
	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	// spectrogramFrame is the window in seconds: pitch harmonics of a voice
	// come apart, and onsets stay sharp.
	spectrogramFrame = 0.032
	// spectrogramHop is the smallest step between frames in seconds.
	spectrogramHop = 0.004
	// spectrogramColumns bounds the frames of a picture: more than its pixels
	// would not be seen.
	spectrogramColumns = 1800
	// spectrogramRange is what the colours span, in dB below the loudest
	// cell: the range of a quiet recording.
	spectrogramRange = 80
)

// Clip is a signal to draw.
type Clip struct {
	// Title heads the clip's panel.
	Title string
	// Rate is the sample rate in hertz.
	Rate int
	// Samples is one channel, full scale +-1.
	Samples []float32
}

// Spectrum is a spectrogram: levels in dB relative to a full-scale sine, frame
// by frame, from 0 Hz to half the rate.
type Spectrum struct {
	Frames, Bins int
	// Seconds is the length of the signal.
	Seconds float64
	// Nyquist is the highest frequency in hertz.
	Nyquist float64
	// Level holds Frames x Bins values, one frame after the other.
	Level []float32
}

// NewSpectrum computes the spectrogram of a clip with a periodic Hann window of
// 32 ms, scaled so that a full-scale sine reads 0 dB. Samples that cannot be
// sound count as silence.
func NewSpectrum(c Clip) (*Spectrum, error) {
	if c.Rate <= 0 {
		return nil, fmt.Errorf("%s: sample rate is %d Hz, expected a positive one", c.Title, c.Rate)
	}
	if len(c.Samples) == 0 {
		return nil, fmt.Errorf("%s: no samples, expected some to draw", c.Title)
	}
	n := max(16, 2*int(spectrogramFrame/2*float64(c.Rate)+0.5))
	hop := max(1, int(spectrogramHop*float64(c.Rate)), len(c.Samples)/spectrogramColumns)
	s := &Spectrum{
		Frames: (len(c.Samples) + hop - 1) / hop, Bins: n/2 + 1,
		Seconds: float64(len(c.Samples)) / float64(c.Rate), Nyquist: float64(c.Rate) / 2,
	}
	s.Level = make([]float32, s.Frames*s.Bins)
	win := window.Hann(n + 1)[:n]
	fft, seq, coef := fourier.NewFFT(n), make([]float64, n), make([]complex128, n/2+1)
	scale := 4 / float64(n) // 2 / sum(win)
	for f := range s.Frames {
		start := f*hop - n/2
		for i := range seq {
			seq[i] = 0
			if t := start + i; t >= 0 && t < len(c.Samples) {
				seq[i] = win[i] * sound(c.Samples[t])
			}
		}
		for k, v := range fft.Coefficients(coef, seq) {
			a := scale * math.Hypot(real(v), imag(v))
			s.Level[f*s.Bins+k] = float32(20 * math.Log10(a+1e-10))
		}
	}
	return s, nil
}

// sound returns v, or 0 if it is not a number or 120 dB above full scale, which
// no recording is: one such sample would put the colours out of reach of the rest.
func sound(v float32) float64 {
	const loudest = 1e6
	if !(v >= -loudest && v <= loudest) {
		return 0
	}
	return float64(v)
}

// image paints the spectrogram with lo..hi dB over the colour map.
func (s *Spectrum) image(colours palette.ColorMap) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, s.Frames, s.Bins))
	lo, hi := colours.Min(), colours.Max()
	for f := range s.Frames {
		for k := range s.Bins {
			v := min(max(float64(s.Level[f*s.Bins+k]), lo), hi)
			if c, err := colours.At(v); err == nil { // in range by construction
				img.Set(f, s.Bins-1-k, c)
			}
		}
	}
	return img
}

// Spectrograms draws clips side by side on one scale of levels, with its bar in
// dB at the right: before and after, or any number of versions.
func Spectrograms(clips ...Clip) (image.Image, error) {
	if len(clips) == 0 {
		return nil, errors.New("no clips to draw, expected at least one")
	}
	spectra := make([]*Spectrum, len(clips))
	top := math.Inf(-1)
	for i, c := range clips {
		s, err := NewSpectrum(c)
		if err != nil {
			return nil, err
		}
		spectra[i] = s
		for _, v := range s.Level {
			top = max(top, float64(v))
		}
	}
	top = 10 * math.Ceil(max(top, -100)/10)
	colours := moreland.ExtendedBlackBody()
	colours.SetMax(top)
	colours.SetMin(top - spectrogramRange)

	plots := make([]*plot.Plot, len(clips))
	for i, s := range spectra {
		plots[i] = s.plot(clips[i].Title, colours)
	}
	return besideBar(plots, colours, "dB re full-scale sine"), nil
}

func (s *Spectrum) plot(title string, colours palette.ColorMap) *plot.Plot {
	p := newPlot(title, "time in s", "frequency in kHz")
	p.Title.Text = shorten(title, p.Title.TextStyle, panelWidth-4*margin)
	p.Add(plotter.NewImage(s.image(colours), 0, 0, s.Seconds, s.Nyquist/1000))
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, s.Seconds, 0, s.Nyquist/1000
	p.X.Padding, p.Y.Padding = 0, 0
	return p
}

// shorten makes one line of a title, no wider than width.
func shorten(title string, style text.Style, width vg.Length) string {
	title = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, title)
	return Shorten(title, func(s string) bool { return style.Width(s) <= width })
}

// Shorten leaves out as much of the middle of a text as it takes to fit: files of
// one recording differ at either end of their names. What does not fit at all is
// empty.
func Shorten(s string, fits func(string) bool) string {
	if fits(s) {
		return s
	}
	r := []rune(s)
	for n := len(r) - 1; n > 0; n-- {
		head := (n + 1) / 2
		if cut := string(r[:head]) + "…" + string(r[len(r)-n/2:]); fits(cut) {
			return cut
		}
	}
	return ""
}

const (
	panelWidth  = 5 * vg.Inch
	panelHeight = 3.4 * vg.Inch
	barWidth    = 0.9 * vg.Inch
)

// besideBar draws plots in a row and the colour bar of their common scale at
// the right, their data areas of one height.
func besideBar(plots []*plot.Plot, colours palette.ColorMap, label string) image.Image {
	bar := newPlot(" ", " ", label) // blank title and axis keep the heights equal
	bar.Add(&plotter.ColorBar{ColorMap: colours, Vertical: true, Colors: 256})
	bar.HideX()
	bar.X.Padding, bar.Y.Padding = 0, 0

	wide := panelWidth * vg.Length(len(plots))
	c, dc := canvas(wide+barWidth, panelHeight)
	left := draw.Crop(dc, 0, -barWidth, 0, 0)
	right := draw.Crop(dc, wide, 0, 0, 0)
	pad := draw.Tiles{Rows: 1, Cols: 1, PadTop: margin, PadBottom: margin, PadRight: margin}
	row := pad
	row.Cols, row.PadLeft, row.PadX = len(plots), margin, 2*margin
	cells := plot.Align([][]*plot.Plot{plots}, row, left)
	for i, p := range plots {
		p.Draw(cells[0][i])
	}
	// The bar has no horizontal axis: lift it to where the panels' data begin.
	data := plots[0].DataCanvas(cells[0][0])
	foot := data.Min.Y - bar.DataCanvas(pad.At(right, 0, 0)).Min.Y
	bar.Draw(draw.Crop(pad.At(right, 0, 0), 0, 0, foot, 0))
	return c.Image()
}
