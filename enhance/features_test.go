package enhance

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const hop = 8 * time.Millisecond

// randomSpectrum returns bins of complex Gaussian noise of the given
// standard deviation.
func randomSpectrum(rng *rand.Rand, bins int, std float64) []complex64 {
	y := make([]complex64, bins)
	for i := range y {
		y[i] = complex64(complex(std*rng.NormFloat64(), std*rng.NormFloat64()))
	}
	return y
}

func TestDefaultBands(t *testing.T) {
	edges := DefaultBands()
	if len(edges)-1 != 98 {
		t.Errorf("%d bands, want 98", len(edges)-1)
	}
	if edges[0] != 1 || edges[len(edges)-1] != 250 {
		t.Errorf("bands cover bins %d to %d, want 1 to 250", edges[0], edges[len(edges)-1])
	}
	for b, lo := range edges[:len(edges)-2] {
		want := 1
		if lo >= 48 {
			want = 1 + (lo-48)/16
		}
		if got := edges[b+1] - lo; got != want {
			t.Errorf("band %d at bin %d is %d wide, want %d", b, lo, got, want)
		}
	}
	if err := (FeatureSpec{Edges: edges}).Validate(257); err != nil {
		t.Error(err)
	}
}

func TestNarrowBands(t *testing.T) {
	edges, wide := NarrowBands(), DefaultBands()
	if edges[0] != wide[0] || edges[len(edges)-1] != wide[len(wide)-1] || len(edges) != 250 {
		t.Errorf("%d edges from %d to %d, want 250 over the bins of the default bands", len(edges), edges[0], edges[len(edges)-1])
	}
	if err := (FeatureSpec{Edges: edges}).Validate(257); err != nil {
		t.Error(err)
	}
}

// TestLevelSettlesAtAnyTimeConstant takes one shorter than half a hop, at which a
// careless recursion diverges.
func TestLevelSettlesAtAnyTimeConstant(t *testing.T) {
	const hop = 8 * time.Millisecond
	f := NewFeatures(FeatureSpec{Edges: DefaultBands(), Tau: hop / 4}, hop)
	spectrum, dst := make([]complex64, 257), make([]float32, 98)
	for i := range 300 {
		for k := range spectrum {
			spectrum[k] = complex(float32(1+i%2), 0)
		}
		f.Relative(dst, spectrum)
	}
	if want := math.Log(2); math.Abs(float64(f.Level())-want) > 1e-4 {
		t.Errorf("level %v, want that of the last frame, %v", f.Level(), want)
	}
}

// naiveFeatures is the definition in float64, over a whole recording.
func naiveFeatures(s FeatureSpec, frames [][]complex64, hop float64) [][]float64 {
	var out [][]float64
	level, n := 0.0, 0.0
	for _, y := range frames {
		l := make([]float64, s.Bands())
		m := 0.0
		for b := range l {
			p := 0.0
			for k := s.Edges[b]; k < s.Edges[b+1]; k++ {
				p += float64(real(y[k]))*float64(real(y[k])) + float64(imag(y[k]))*float64(imag(y[k]))
			}
			l[b] = 0.5 * math.Log(p/float64(s.Edges[b+1]-s.Edges[b])+1e-12)
			m += l[b] / float64(len(l))
		}
		if m > -13 {
			a := math.Max(1/(n+1), hop/2)
			level += a * (m - level)
			n++
		}
		for b := range l {
			l[b] = math.Max(-6, math.Min(6, (l[b]-level-float64(s.Mean[b]))/float64(s.Std[b])))
		}
		out = append(out, l)
	}
	return out
}

func TestFeaturesDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := FeatureSpec{Edges: DefaultBands(), Mean: make([]float32, 98), Std: make([]float32, 98)}
	for b := range s.Mean {
		s.Mean[b], s.Std[b] = rng.Float32()-0.5, 0.5+rng.Float32()
	}
	var frames [][]complex64
	for i := range 400 {
		std := 0.01 * (1.2 + math.Sin(float64(i)/9))
		if i < 5 || i%50 < 4 {
			std = 0 // silence at the start and between.
		}
		frames = append(frames, randomSpectrum(rng, 257, std))
	}
	f := NewFeatures(s, hop)
	want := naiveFeatures(s, frames, hop.Seconds())
	for i, y := range frames {
		for b, v := range f.Compute(nil, y) {
			if math.Abs(float64(v)-want[i][b]) > 2e-5 {
				t.Fatalf("frame %d band %d: %v, want %v", i, b, v, want[i][b])
			}
		}
	}
}

// eachKind runs a test on the levels alone and with the cues beside them.
func eachKind(t *testing.T, test func(t *testing.T, s FeatureSpec)) {
	t.Helper()
	for name, cues := range map[string]Cues{"levels": {}, "cues": {Floor: true, Advance: 48}} {
		t.Run(name, func(t *testing.T) { test(t, FeatureSpec{Edges: DefaultBands(), Cues: cues}) })
	}
}

func TestFeaturesIgnoreGain(t *testing.T) {
	eachKind(t, func(t *testing.T, s FeatureSpec) {
		t.Helper()
		rng := rand.New(rand.NewPCG(3, 4))
		loud, soft := NewFeatures(s, hop), NewFeatures(s, hop)
		for range 50 {
			y := randomSpectrum(rng, 257, 0.1)
			a := loud.Compute(nil, y)
			for k := range y {
				y[k] *= 0.01
			}
			for i, v := range soft.Compute(nil, y) {
				if math.Abs(float64(v-a[i])) > 1e-3 {
					t.Fatalf("feature %d: %v at a hundredth of the level, %v at full", i, v, a[i])
				}
			}
		}
		if d := loud.Level() - soft.Level(); math.Abs(float64(d)-math.Log(100)) > 1e-3 {
			t.Errorf("levels differ by %v nepers, want ln 100", d)
		}
	})
}

func TestFeaturesSurviveBrokenSpectra(t *testing.T) {
	eachKind(t, func(t *testing.T, s FeatureSpec) {
		t.Helper()
		rng := rand.New(rand.NewPCG(5, 6))
		f := NewFeatures(s, hop)
		inf, nan := float32(math.Inf(1)), float32(math.NaN())
		f.Compute(nil, randomSpectrum(rng, 257, 0.1))
		level := f.Level()
		for _, v := range []complex64{complex(inf, 0), complex(nan, 1), complex(3e30, 3e30)} {
			y := make([]complex64, 257)
			for k := range y {
				y[k] = v
			}
			if x := f.Compute(nil, y); !allFinite(x) {
				t.Fatalf("spectrum of %v gives %v", v, x)
			}
		}
		if f.Level() != level {
			t.Errorf("level moved from %v to %v on broken spectra", level, f.Level())
		}
		if x := f.Compute(nil, randomSpectrum(rng, 129, 0.1)); x[97] != -6 {
			t.Errorf("a band the spectrum lacks has feature %v, want -6", x[97])
		}
		f.Reset()
		if f.Level() != 0 {
			t.Errorf("level is %v after Reset", f.Level())
		}
		y := randomSpectrum(rng, 257, 0.1)
		want := NewFeatures(s, hop).Compute(nil, y)
		for i, v := range f.Compute(nil, y) {
			if v != want[i] {
				t.Fatalf("feature %d after Reset: %v, want %v", i, v, want[i])
			}
		}
	})
}

func TestFeatureSpecValidate(t *testing.T) {
	good := DefaultBands()
	for _, s := range []FeatureSpec{
		{},
		{Edges: []int{3}},
		{Edges: []int{3, 3}},
		{Edges: []int{-1, 3}},
		{Edges: []int{1, 300}},
		{Edges: good, Tau: -1},
		{Edges: good, Mean: make([]float32, 3)},
		{Edges: good, Std: make([]float32, 98)},
		{Edges: []int{1, 2}, Mean: []float32{float32(math.NaN())}},
	} {
		if s.Validate(257) == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}
