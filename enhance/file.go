package enhance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"sotto/internal/atomicfile"
	"sotto/internal/safetensors"
	"sotto/stft"
)

const (
	// FormatName identifies the model file format.
	FormatName = "sotto-model"
	// FormatVersion is its version. A reader of version n reads no other:
	// there is nothing to be compatible with yet.
	FormatVersion = 1
)

// ErrModelVersion is wrapped by the error for a model of another format
// version than FormatVersion.
var ErrModelVersion = errors.New("unknown model format version")

// Keys of __metadata__ that belong to the format; every other key is
// provenance.
const (
	keyFormat     = "format"
	keyVersion    = "format_version"
	keyName       = "name"
	keyRate       = "grid.sample_rate"
	keyFrame      = "grid.frame"
	keyHop        = "grid.hop"
	keySynthesis  = "grid.synthesis"
	keyWindow     = "grid.window"
	keyFeatures   = "features.definition"
	keyTau        = "features.tau"
	keyFloor      = "features.floor"
	keyAdvance    = "features.advance"
	keyExponent   = "mask.exponent"
	keyGRUVariant = "net.gru.variant"
)

// Load reads the model file at path. See [Read].
func Load(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("enhance: %w", err)
	}
	defer f.Close()
	m, err := Read(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Read reads a model to the end of r and validates it. It refuses what it
// does not know, tensors and feature definitions included, because a model
// run without a part it was trained with is wrong in ways nobody hears at
// once. docs/model-format.md describes the format.
func Read(r io.Reader) (*Model, error) {
	f, err := safetensors.Read(r)
	if err != nil {
		return nil, err
	}
	if err := checkFormat(f.Metadata); err != nil {
		return nil, err
	}
	m := &Model{Meta: map[string]string{}}
	if err := m.readMetadata(f.Metadata); err != nil {
		return nil, err
	}
	t := tensors{file: f, used: map[string]bool{}}
	m.readTensors(&t)
	if t.err != nil {
		return nil, t.err
	}
	for _, x := range f.Tensors {
		if !t.used[x.Name] {
			return nil, fmt.Errorf("enhance: the model holds %q, which this version does not know: use a newer sotto", x.Name)
		}
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// checkFormat reports a file that is no model, or one of another version, or
// one that relies on a definition this code does not implement.
func checkFormat(meta map[string]string) error {
	if got := meta[keyFormat]; got != FormatName {
		return fmt.Errorf("enhance: the file's format is %q: want %q: it is not a sotto model", got, FormatName)
	}
	if got := meta[keyVersion]; got != strconv.Itoa(FormatVersion) {
		return fmt.Errorf("enhance: %w: %q: want %d: use the sotto that wrote it, or train again", ErrModelVersion, got, FormatVersion)
	}
	for _, c := range []struct {
		key  string
		want []string
	}{
		{keyFeatures, []string{FeatureDefinition, PlainFeatureDefinition}},
		{keyGRUVariant, []string{GRUVariant}},
	} {
		if got := meta[c.key]; !slices.Contains(c.want, got) {
			return fmt.Errorf("enhance: the model's %s is %q: want one of %q: use a newer sotto", c.key, got, c.want)
		}
	}
	return nil
}

// readMetadata fills in the name, the grid, the exponent and the provenance.
func (m *Model) readMetadata(meta map[string]string) error {
	rest := maps.Clone(meta)
	take := func(key string) string {
		v := rest[key]
		delete(rest, key)
		return v
	}
	var failed error
	check := func(key string, err error) {
		if err != nil && failed == nil {
			failed = fmt.Errorf("enhance: the model's %s is %q: %w", key, meta[key], err)
		}
	}
	duration := func(key string) time.Duration {
		d, err := time.ParseDuration(take(key))
		check(key, err)
		return d
	}
	m.Name = take(keyName)
	rate, err := strconv.Atoi(take(keyRate))
	check(keyRate, err)
	m.Grid = Grid{SampleRate: rate, Frame: duration(keyFrame), Hop: duration(keyHop), Synthesis: duration(keySynthesis)}
	m.Grid.Window, err = stft.ParseWindow(take(keyWindow))
	check(keyWindow, err)
	m.Features.Tau = duration(keyTau)
	if meta[keyFeatures] == FeatureDefinition {
		m.Features.Floor, err = strconv.ParseBool(take(keyFloor))
		check(keyFloor, err)
		m.Features.Advance, err = strconv.Atoi(take(keyAdvance))
		check(keyAdvance, err)
	}
	p, err := strconv.ParseFloat(take(keyExponent), 32)
	check(keyExponent, err)
	m.Exponent = float32(p)
	for _, key := range []string{keyFormat, keyVersion, keyFeatures, keyGRUVariant} {
		take(key)
	}
	m.Meta = rest
	return failed
}

// metadata is the inverse of readMetadata.
func (m *Model) metadata() map[string]string {
	meta := map[string]string{}
	maps.Copy(meta, m.Meta)
	tau := m.Features.Tau
	if tau == 0 {
		tau = DefaultTau
	}
	maps.Copy(meta, map[string]string{
		keyFormat:     FormatName,
		keyVersion:    strconv.Itoa(FormatVersion),
		keyName:       m.Name,
		keyRate:       strconv.Itoa(m.Grid.SampleRate),
		keyFrame:      m.Grid.Frame.String(),
		keyHop:        m.Grid.Hop.String(),
		keySynthesis:  m.Grid.Synthesis.String(),
		keyWindow:     m.Grid.Window.String(),
		keyFeatures:   FeatureDefinition,
		keyTau:        tau.String(),
		keyExponent:   strconv.FormatFloat(float64(m.exponent()), 'g', -1, 32),
		keyGRUVariant: GRUVariant,
	})
	if m.Features.Cues == (Cues{}) {
		meta[keyFeatures] = PlainFeatureDefinition
	} else {
		meta[keyFloor] = strconv.FormatBool(m.Features.Floor)
		meta[keyAdvance] = strconv.Itoa(m.Features.Advance)
	}
	return meta
}

// tensors hands out the tensors of a file by name and keeps the first error.
type tensors struct {
	file *safetensors.File
	used map[string]bool
	err  error
}

func (t *tensors) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf("enhance: "+format, args...)
	}
}

// get returns the tensor of that name and rank, or an empty one after an
// error.
func (t *tensors) get(name string, rank int) safetensors.Tensor {
	x, ok := t.file.Get(name)
	switch {
	case !ok:
		t.fail("the model lacks the tensor %q: the file is damaged or not a sotto model", name)
	case len(x.Shape) != rank:
		t.fail("%s has %d dimensions: want %d", name, len(x.Shape), rank)
	default:
		t.used[name] = true
		return *x
	}
	return safetensors.Tensor{Shape: make([]int, rank)}
}

func (t *tensors) has(name string) bool {
	_, ok := t.file.Get(name)
	return ok
}

func (t *tensors) basis(name string) *Basis {
	x := t.get(name, 2)
	return &Basis{Bins: x.Shape[0], Rank: x.Shape[1], W: x.Data}
}

func (t *tensors) dense(name string) Dense {
	w, b := t.get(name+".weight", 2), t.get(name+".bias", 1)
	return Dense{Out: w.Shape[0], In: w.Shape[1], Weight: w.Data, Bias: b.Data}
}

func (t *tensors) filter(name string) *Filter {
	w, b := t.get(name+".weight", 4), t.get(name+".bias", 3)
	taps, parts, bins := w.Shape[0], w.Shape[1], w.Shape[2]
	if parts != 2 {
		t.fail("%s.weight has %d parts per coefficient: want a real and an imaginary one", name, parts)
	}
	return &Filter{Taps: taps, Bins: bins, Head: Dense{In: w.Shape[3], Out: taps * parts * bins, Weight: w.Data, Bias: b.Data}}
}

func (t *tensors) gru(name string) GRU {
	ih, hh := t.get(name+".weight_ih", 2), t.get(name+".weight_hh", 2)
	bih, bhh := t.get(name+".bias_ih", 1), t.get(name+".bias_hh", 1)
	return GRU{In: ih.Shape[1], Hidden: hh.Shape[1], WeightIH: ih.Data, WeightHH: hh.Data, BiasIH: bih.Data, BiasHH: bhh.Data}
}

// readTensors fills in the dictionaries, the features and the network.
func (m *Model) readTensors(t *tensors) {
	m.Speech, m.Noise = t.basis("speech.W"), t.basis("noise.W")
	m.Features.Mean = t.get("features.mean", 1).Data
	m.Features.Std = t.get("features.std", 1).Data
	for _, e := range t.get("features.edges", 1).Data {
		if e != float32(int32(e)) {
			t.fail("features.edges holds %v: want whole bins", e)
		}
		m.Features.Edges = append(m.Features.Edges, int(e))
	}
	m.Network.In, m.Network.Out = t.dense("net.in"), t.dense("net.out")
	for l := 0; t.has(gruName(l) + ".weight_ih"); l++ {
		m.Network.GRU = append(m.Network.GRU, t.gru(gruName(l)))
	}
	if t.has("refine.weight") || t.has("refine.bias") {
		r := t.dense("refine")
		m.Refine = &r
	}
	if t.has("filter.weight") || t.has("filter.bias") {
		m.Filter = t.filter("filter")
	}
}

func gruName(layer int) string { return "net.gru." + strconv.Itoa(layer) }

// file returns the model as tensors, those of two bytes a value that lose nothing
// by it.
func (m *Model) file() *safetensors.File {
	f := &safetensors.File{Metadata: m.metadata()}
	add := func(name string, data []float32, shape ...int) {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, Shape: shape, Data: data, BFloat16: safetensors.IsBFloat16(data)})
	}
	dense := func(name string, d *Dense) {
		add(name+".weight", d.Weight, d.Out, d.In)
		add(name+".bias", d.Bias, d.Out)
	}
	add("speech.W", m.Speech.W, m.Speech.Bins, m.Speech.Rank)
	add("noise.W", m.Noise.W, m.Noise.Bins, m.Noise.Rank)
	bands := m.Features.Bands()
	edges := make([]float32, bands+1)
	for i, e := range m.Features.Edges {
		edges[i] = float32(e)
	}
	mean, std, inputs := m.Features.Mean, m.Features.Std, m.Features.Inputs()
	if mean == nil {
		mean = make([]float32, inputs)
	}
	if std == nil {
		std = slices.Repeat([]float32{1}, inputs)
	}
	add("features.edges", edges, bands+1)
	add("features.mean", mean, inputs)
	add("features.std", std, inputs)
	dense("net.in", &m.Network.In)
	for l, g := range m.Network.GRU {
		name := gruName(l)
		add(name+".weight_ih", g.WeightIH, 3*g.Hidden, g.In)
		add(name+".weight_hh", g.WeightHH, 3*g.Hidden, g.Hidden)
		add(name+".bias_ih", g.BiasIH, 3*g.Hidden)
		add(name+".bias_hh", g.BiasHH, 3*g.Hidden)
	}
	dense("net.out", &m.Network.Out)
	if m.Refine != nil {
		dense("refine", m.Refine)
	}
	if c := m.Filter; c != nil {
		add("filter.weight", c.Head.Weight, c.Taps, 2, c.Bins, c.Head.In)
		add("filter.bias", c.Head.Bias, c.Taps, 2, c.Bins)
	}
	return f
}

// WriteTo writes the model to w after validating it. Writing what [Read] read
// of a file that WriteTo wrote gives the same bytes.
func (m *Model) WriteTo(w io.Writer) (int64, error) {
	if err := m.Validate(); err != nil {
		return 0, err
	}
	c := &counter{w: w}
	err := safetensors.Write(c, m.file())
	return c.n, err
}

// counter counts the bytes that pass through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Save writes the model to the file at path, whole or not at all.
func (m *Model) Save(path string) error {
	err := atomicfile.Write(path, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("enhance: save %s: %w", path, err)
	}
	return nil
}
