package report

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/internal/testsig"
)

// keep writes a picture to $SOTTO_PICTURES, to be looked at.
func keep(t *testing.T, name string, img image.Image) {
	t.Helper()
	dir := os.Getenv("SOTTO_PICTURES")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WritePNG(f, img); err != nil {
		t.Fatal(err)
	}
}

// coloured counts the pixels whose colour is near c.
func coloured(img image.Image, c color.Color) int {
	r0, g0, b0, _ := c.RGBA()
	near := func(a, b uint32) bool { return max(a, b)-min(a, b) < 0x0600 }
	n := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			if r, g, b, _ := img.At(x, y).RGBA(); near(r, r0) && near(g, g0) && near(b, b0) {
				n++
			}
		}
	}
	return n
}

// TestSpectrumOfBrokenSamples draws what no scale could hold as silence.
func TestSpectrumOfBrokenSamples(t *testing.T) {
	const rate = 16000
	quiet := testsig.Sine(rate, 1000, rate, 0.5)
	quiet[7000] = 0
	want, err := NewSpectrum(Clip{Rate: rate, Samples: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e30} {
		broken := slices.Clone(quiet)
		broken[7000] = float32(v)
		clip := Clip{Rate: rate, Samples: broken}
		got, err := NewSpectrum(clip)
		if err != nil || !slices.Equal(got.Level, want.Level) {
			t.Errorf("a sample of %v: error %v, or other levels than with 0 in its place", v, err)
		}
		if _, err := Spectrograms(clip); err != nil {
			t.Errorf("a sample of %v: %v", v, err)
		}
	}
}

// TestLongTitlesLoseTheirMiddle keeps the ends of names, and leaves short ones alone.
func TestLongTitlesLoseTheirMiddle(t *testing.T) {
	style := newPlot("", "", "").Title.TextStyle
	long := "first" + strings.Repeat("é", 300) + "last"
	if got := shorten("two\nlines", style, panelWidth); got != "two lines" {
		t.Errorf("a title of two lines became %q, want one", got)
	}
	for _, title := range []string{"", "noisy.wav", long} {
		got := shorten(title, style, panelWidth)
		if w := style.Width(got); w > panelWidth {
			t.Errorf("a title of %v in a panel of %v", w, panelWidth)
		}
		head, tail, cut := strings.Cut(got, "…")
		if cut != (title == long) || !strings.HasPrefix(title, head) || !strings.HasSuffix(title, tail) {
			t.Errorf("%q became %q, want its beginning and its end", title, got)
		}
		if cut && (len(head) < 20 || len(tail) < 20) {
			t.Errorf("%q is left, want as much as there is room for", got)
		}
	}
}

func TestSpectrumOfSine(t *testing.T) {
	const rate, freq = 16000, 1000
	s, err := NewSpectrum(Clip{Rate: rate, Samples: testsig.Sine(rate, freq, rate, 0.5)})
	if err != nil {
		t.Fatal(err)
	}
	frame := s.Level[s.Frames/2*s.Bins:][:s.Bins]
	peak := 0
	for k, v := range frame {
		if v > frame[peak] {
			peak = k
		}
	}
	if got := float64(peak) * s.Nyquist / float64(s.Bins-1); got != freq {
		t.Errorf("peak at %g Hz, want %d", got, freq)
	}
	if got, want := float64(frame[peak]), 20*math.Log10(0.5); math.Abs(got-want) > 0.01 {
		t.Errorf("level %.3f dB, want %.3f", got, want)
	}
	if s.Seconds != 1 {
		t.Errorf("length %g s, want 1", s.Seconds)
	}
}

func TestSpectrumIsBounded(t *testing.T) {
	s, err := NewSpectrum(Clip{Rate: 44100, Samples: make([]float32, 44100*100)})
	if err != nil {
		t.Fatal(err)
	}
	if s.Frames > spectrogramColumns+1 {
		t.Errorf("%d frames, want at most %d", s.Frames, spectrogramColumns+1)
	}
	for _, v := range s.Level {
		if v > -190 || math.IsNaN(float64(v)) {
			t.Fatalf("silence reads %g dB", v)
		}
	}
}

func TestSpectrograms(t *testing.T) {
	x := testsig.SpeechLike(3*16000, 16000, 1)
	noisy := testsig.WhiteNoise(len(x), 0.02, 2)
	for i, v := range x {
		noisy[i] += v
	}
	img, err := Spectrograms(Clip{"before", 16000, noisy}, Clip{"after", 16000, x})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "spectrograms.png", img)
	if w := img.Bounds().Dx(); w < 1500 {
		t.Errorf("picture is %d pixels wide, want two panels side by side", w)
	}
	one, err := Spectrograms(Clip{"a short title", 48000, testsig.Sine(4800, 5000, 48000, 1)})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "spectrogram.png", one)
	if _, err := Spectrograms(Clip{"empty", 16000, nil}); err == nil {
		t.Error("an empty clip must be refused")
	}
	if _, err := Spectrograms(); err == nil {
		t.Error("no clip must be refused")
	}
}

func TestCurves(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	loss, val := make([]float64, 100), make([]float64, 100)
	for i := range loss {
		loss[i] = math.Exp(-float64(i)/30) + 0.02*rng.Float64()
		val[i] = loss[i] + 0.1
	}
	val[5] = math.NaN()
	img, err := Curves(
		Chart{Title: "loss", X: "step", Y: "loss", LogY: true, Series: []Series{{Name: "training", Y: loss}, {Name: "validation", Y: val}}},
		Chart{Title: "gain", X: "hours", Y: "dB", Series: []Series{{Y: val}}},
		Chart{Title: "empty", X: "hours", Y: "dB", Series: []Series{{Name: "none", Y: []float64{math.NaN()}}}})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "curves.png", img)
	if coloured(img, ink(0)) < 500 || coloured(img, ink(1)) < 200 {
		t.Error("the curves cannot be seen")
	}
	if _, err := Curves(Chart{Series: []Series{{Name: "bad", X: []float64{1}, Y: []float64{1, 2}}}}); err == nil {
		t.Error("abscissae that do not match must be refused")
	}
}

func TestBars(t *testing.T) {
	img, err := Bars(Chart{
		Title: "SDR by system", Y: "SDR in dB", Labels: []string{"-5", "0", "5", "10"},
		Series: []Series{
			{Name: "NMF", Y: []float64{1, 4, 7, 9}, Error: []float64{0.5, 0.5, 0.5, 0.4}},
			{Name: "VAE-NMF", Y: []float64{2, 5, 8, 10}, Error: []float64{0.3, 0.2, 0.3, 0.3}},
			{Name: "noisy", Y: []float64{-5, 0, 5, math.NaN()}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "bars.png", img)
	for i := range 3 {
		if coloured(img, ink(i)) < 2000 {
			t.Errorf("bars of series %d cannot be seen", i)
		}
	}
	if _, err := Bars(Chart{Labels: []string{"a"}, Series: []Series{{Y: []float64{1, 2}}}}); err == nil {
		t.Error("values without labels must be refused")
	}
}

func TestHistogram(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float64, 5000)
	for i := range x {
		x[i] = 200 + 20*rng.ExpFloat64()
	}
	img, err := Histogram("time per hop", "microseconds", x, 60)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "histogram.png", img)
	if coloured(img, ink(0)) < 5000 {
		t.Error("the bars cannot be seen")
	}
	if _, err := Histogram("same", "us", []float64{1, 1, 1}, 10); err != nil {
		t.Errorf("equal values: %v", err)
	}
	if _, err := Histogram("none", "us", nil, 10); err == nil {
		t.Error("no values must be refused")
	}
}

func TestHeatmaps(t *testing.T) {
	m := Matrix{Title: "speech", X: "atom", Y: "frequency in kHz", Rows: 257, Cols: 40, Top: 8}
	m.Values = make([]float64, m.Rows*m.Cols)
	for i := range m.Values {
		m.Values[i] = -math.Abs(float64(i/m.Cols)-6*float64(i%m.Cols)) / 4
	}
	img, err := Heatmaps("dB", m, Matrix{Title: "constant", X: "atom", Y: "row", Rows: 2, Cols: 2, Values: make([]float64, 4)})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "heatmaps.png", img)
	if _, err := Heatmaps("dB", Matrix{Rows: 2, Cols: 2}); err == nil {
		t.Error("missing values must be refused")
	}
}
