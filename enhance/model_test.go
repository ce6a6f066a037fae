package enhance

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/internal/safetensors"
)

// shape is the size of a test model.
type shape struct {
	width, layers, speech, noise int
	refine                       bool
	// filter is the number of taps of the filter, over 12 bins; cues turns the
	// features beside the levels on.
	filter int
	cues   bool
}

// small is large enough to have every part and small enough to be quick;
// shipped is the size of the shipped models.
var (
	small   = shape{width: 24, layers: 2, speech: 12, noise: 8, refine: true, filter: 3, cues: true}
	plain   = shape{width: 24, layers: 2, speech: 12, noise: 8}
	shipped = shape{width: 256, layers: 3, speech: 256, noise: 128, refine: true, filter: 5, cues: true}
)

// randomModel returns a model of random weights whose mask varies over time
// and frequency.
func randomModel(s shape, seed uint64) *Model {
	rng := rand.New(rand.NewPCG(seed, 1))
	normal := func(n int, std float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(std * rng.NormFloat64())
		}
		return v
	}
	dense := func(in, out int, gain float64) Dense {
		return Dense{In: in, Out: out, Weight: normal(in*out, gain/math.Sqrt(float64(in))), Bias: normal(out, 0.1)}
	}
	basis := func(bins, rank int) *Basis {
		b := &Basis{Bins: bins, Rank: rank, W: make([]float32, bins*rank)}
		for j := range rank { // each atom is a bump somewhere
			centre, width := rng.Float64()*float64(bins), 3+20*rng.Float64()
			for k := range bins {
				d := (float64(k) - centre) / width
				b.W[k*rank+j] = float32(math.Exp(-d*d/2) + 1e-3)
			}
		}
		return b
	}
	m := &Model{
		Name:     "random",
		Grid:     DefaultGrid(),
		Features: FeatureSpec{Edges: DefaultBands(), Tau: DefaultTau},
		Exponent: DefaultExponent,
		Meta:     map[string]string{"seed": "1"},
	}
	if s.cues {
		m.Features.Cues = Cues{Floor: true, Advance: 48}
	}
	bands := m.Features.Inputs()
	m.Features.Mean, m.Features.Std = normal(bands, 0.3), make([]float32, bands)
	for b := range m.Features.Std {
		m.Features.Std[b] = 1 + rng.Float32()
	}
	bins := m.Grid.Bins()
	m.Speech, m.Noise = basis(bins, s.speech), basis(bins, s.noise)
	m.Network.In = dense(bands, s.width, 1)
	for range s.layers {
		m.Network.GRU = append(m.Network.GRU, GRU{
			In: s.width, Hidden: s.width,
			WeightIH: normal(3*s.width*s.width, 1/math.Sqrt(float64(s.width))), WeightHH: normal(3*s.width*s.width, 1/math.Sqrt(float64(s.width))),
			BiasIH: normal(3*s.width, 0.1), BiasHH: normal(3*s.width, 0.1),
		})
	}
	m.Network.Out = dense(s.width, s.speech+s.noise, 2)
	if s.refine {
		r := dense(s.width, bins, 1)
		m.Refine = &r
	}
	if s.filter > 0 {
		m.Filter = &Filter{Taps: s.filter, Bins: 12, Head: dense(s.width, 2*s.filter*12, 0.3)}
	}
	return m
}

// TestRoundHalvesTheFile rounds the weights: what is left is bfloat16, within one
// part in 256, and makes a smaller file that gives the same model.
func TestRoundHalvesTheFile(t *testing.T) {
	m := randomModel(shipped, 3)
	before, length := slices.Clone(m.Network.GRU[1].WeightHH), len(encode(t, m))
	m.Round()
	for i, v := range m.Network.GRU[1].WeightHH {
		if d := math.Abs(float64(v - before[i])); d > math.Abs(float64(before[i]))/256 {
			t.Fatalf("weight %v became %v", before[i], v)
		}
	}
	file := encode(t, m)
	if len(file) > length*2/3 {
		t.Errorf("the file has %d bytes, %d before: want less than two thirds", len(file), length)
	}
	got, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Error("a rounded model changed on its way through a file")
	}
}

func encode(t testing.TB, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := m.WriteTo(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(b.Len()) {
		t.Fatalf("WriteTo reports %d bytes, wrote %d", n, b.Len())
	}
	return b.Bytes()
}

func TestModelRoundTrip(t *testing.T) {
	for _, s := range []shape{small, plain} {
		m := randomModel(s, 3)
		m.Grid = LowLatencyGrid()
		m.Exponent = 1.5
		file := encode(t, m)
		got, err := Read(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("a model changed on its way through a file: %+v, want %+v", got, m)
		}
		if !bytes.Equal(encode(t, got), file) {
			t.Error("writing what was read gives other bytes")
		}
	}
}

func TestModelDefaultsAreWritten(t *testing.T) {
	m := randomModel(small, 4)
	m.Features.Mean, m.Features.Std, m.Features.Tau, m.Exponent = nil, nil, 0, 0
	got, err := Read(bytes.NewReader(encode(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Features.Mean[5] != 0 || got.Features.Std[5] != 1 || got.Features.Tau != DefaultTau || got.Exponent != DefaultExponent {
		t.Errorf("defaults came back as %v, %v, %v, %v", got.Features.Mean[5], got.Features.Std[5], got.Features.Tau, got.Exponent)
	}
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.safetensors")
	m := randomModel(small, 5)
	for range 2 { // the second time over the first
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Error("Load gives another model than Save took")
	}
	m.Exponent = -1
	if err := m.Save(path); err == nil {
		t.Error("an invalid model is saved")
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("Save left %d files, want the model alone", len(files))
	}
	if err := m.Save(filepath.Join(dir, "no", "m")); err == nil {
		t.Error("Save into a missing folder gives no error")
	}
	if err := os.WriteFile(path, []byte("RIFF????WAVE"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names the file", err)
	}
	if _, err := Load(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}

// meta returns a change of one metadata value.
func meta(key, value string) func(*safetensors.File) {
	return func(f *safetensors.File) { f.Metadata[key] = value }
}

// tensor returns a change of one tensor, which must be there.
func tensor(name string, change func(*safetensors.Tensor)) func(*safetensors.File) {
	return func(f *safetensors.File) {
		x, ok := f.Get(name)
		if !ok {
			panic("no tensor " + name)
		}
		change(x)
	}
}

// flat makes a matrix a vector.
func flat(x *safetensors.Tensor) { x.Shape = []int{len(x.Data)} }

// poison returns a change of one value.
func poison(v float32) func(*safetensors.Tensor) {
	return func(x *safetensors.Tensor) { x.Data[3] = v }
}

// TestReadRefuses changes one thing of a good file at a time.
func TestReadRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*safetensors.File)
	}{
		{"other format", "not a sotto model", meta(keyFormat, "pt")},
		{"newer version", "unknown model format version", meta(keyVersion, "2")},
		{"features", "use a newer sotto", meta(keyFeatures, "mel")},
		{"gru variant", "use a newer sotto", meta(keyGRUVariant, "reset-before")},
		{"rate", keyRate, meta(keyRate, "many")},
		{"frame", keyFrame, meta(keyFrame, "32")},
		{"no hop", keyHop, func(f *safetensors.File) { delete(f.Metadata, keyHop) }},
		{"impossible hop", "even multiple of the hop", meta(keyHop, "7ms")},
		{"window", keyWindow, meta(keyWindow, "boxcar")},
		{"exponent", "mask exponent", meta(keyExponent, "NaN")},
		{"tau", "time constant", meta(keyTau, "-1s")},
		{"lacking tensor", `lacks the tensor "speech.W"`, tensor("speech.W", func(x *safetensors.Tensor) { x.Name = "other" })},
		{"unknown tensor", "does not know", func(f *safetensors.File) {
			f.Tensors = append(f.Tensors, safetensors.Tensor{Name: "post.weight", Shape: []int{1}, Data: []float32{1}})
		}},
		{"flat matrix", "want 2", tensor("net.in.weight", flat)},
		{"flat dictionary", "want 2", tensor("noise.W", flat)},
		{"half an edge", "whole bins", tensor("features.edges", poison(4.5))},
		{"falling edge", "rising edges", tensor("features.edges", poison(1))},
		{"NaN weight", "not finite", tensor("net.gru.1.weight_hh", poison(float32(math.NaN())))},
		{"negative atom", "no negative value", tensor("speech.W", poison(-1))},
		{"zero std", "positive number", tensor("features.std", poison(0))},
		{"transposed", "net.out maps", tensor("net.out.weight", func(x *safetensors.Tensor) { x.Shape[0], x.Shape[1] = x.Shape[1], x.Shape[0] })},
		{"gru of another width", "net.gru.0", tensor("net.gru.0.weight_hh", func(x *safetensors.Tensor) { x.Shape = []int{24, 72} })},
		{"no such cue", keyFloor, meta(keyFloor, "perhaps")},
		{"cue of too many bins", "phase advance", meta(keyAdvance, "257")},
		{"filter without bias", "filter.bias", tensor("filter.bias", func(x *safetensors.Tensor) { x.Name = "zzz" })},
		{"flat filter", "want 4", tensor("filter.weight", flat)},
		{"filter of three parts", "real and an imaginary", tensor("filter.weight", func(x *safetensors.Tensor) { x.Shape = []int{2, 3, 12, 24} })},
		{"filter of too many bins", "at most 257 bins", tensor("filter.weight", func(x *safetensors.Tensor) { x.Shape = []int{1, 2, 432, 2} })},
		{"refine without bias", "refine.bias", tensor("refine.bias", func(x *safetensors.Tensor) { x.Name = "zzz" })},
	} {
		f := randomModel(small, 6).file()
		c.change(f)
		var b bytes.Buffer
		if err := safetensors.Write(&b, f); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, err := Read(&b)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.name, err, c.want)
		}
		if (c.name == "newer version") != errors.Is(err, ErrModelVersion) {
			t.Errorf("%s: errors.Is(%v, ErrModelVersion) is wrong", c.name, err)
		}
	}
}

func TestProvenanceCannotShadowTheFormat(t *testing.T) {
	m := randomModel(small, 7)
	want := maps.Clone(m.Meta)
	m.Meta[keyVersion] = "99"
	got, err := Read(bytes.NewReader(encode(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got.Meta, want) {
		t.Errorf("provenance %v, want %v", got.Meta, want)
	}
}

func TestAccessors(t *testing.T) {
	m := randomModel(shipped, 8)
	// By hand: 2 x 98 + 2 x 48 features, width 256, three layers, 256+128 atoms, 257
	// bins, 5 taps over 12 bins.
	const features, coefficients = 292, 2 * 5 * 12
	macs := features*256 + 3*2*3*256*256 + 256*384 + 257*384 + 256*257 + 256*coefficients
	if got := m.MACs(); got != macs {
		t.Errorf("MACs() = %d, want %d", got, macs)
	}
	if got, want := m.Parameters(), macs+256+3*2*3*256+384+257+coefficients+2*features; got != want {
		t.Errorf("Parameters() = %d, want %d", got, want)
	}
	if got, want := m.MACsPerSecond(), float64(macs)*125; got != want {
		t.Errorf("MACsPerSecond() = %v, want %v", got, want)
	}
	if got := m.Latency(); got != 16*time.Millisecond {
		t.Errorf("Latency() = %v, want 16ms", got)
	}
	m.Grid = LowLatencyGrid()
	if got := m.Latency(); got != 8*time.Millisecond {
		t.Errorf("low-latency Latency() = %v, want 8ms", got)
	}
	m = randomModel(plain, 9)
	if got, want := m.MACs(), 98*24+2*2*3*24*24+24*20+257*20; got != want {
		t.Errorf("MACs() of the mask alone = %d, want %d", got, want)
	}
}

// FuzzRead checks that no file makes Read panic, and that a file it accepts
// makes an Enhancer whose output is finite.
func FuzzRead(f *testing.F) {
	one := func(in, out int) Dense {
		return Dense{In: in, Out: out, Weight: slices.Repeat([]float32{0.5}, in*out), Bias: make([]float32, out)}
	}
	basis := &Basis{Bins: 5, Rank: 1, W: []float32{1, 2, 3, 4, 5}}
	refine := one(1, 5)
	m := &Model{ // as small as a model with every part can be.
		Grid:     Grid{SampleRate: 8000, Frame: time.Millisecond, Hop: time.Millisecond / 4, Synthesis: time.Millisecond / 2},
		Features: FeatureSpec{Edges: []int{1, 5}, Cues: Cues{Floor: true, Advance: 2}},
		Speech:   basis, Noise: basis,
		Network: Network{In: one(6, 1), GRU: []GRU{{
			In: 1, Hidden: 1, WeightIH: []float32{1, 2, 3}, WeightHH: []float32{1, 2, 3}, BiasIH: make([]float32, 3), BiasHH: make([]float32, 3),
		}}, Out: one(1, 2)},
		Refine: &refine,
		Filter: &Filter{Taps: 2, Bins: 3, Head: one(1, 12)},
	}
	f.Add(encode(f, m))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		e, err := New(m, m.Grid.SampleRate, Config{})
		if err != nil {
			return
		}
		x := make([]float32, e.Hop())
		for i := range 20 * len(x) {
			x[i%len(x)] = float32(i%7) - 3
			if i%len(x) == len(x)-1 {
				e.Process(x, x)
				if !allFinite(x) {
					t.Fatal("the output is not finite")
				}
			}
		}
	})
}
