package dict

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"strconv"

	"sotto/internal/atomicfile"
	"sotto/internal/nn"
	"sotto/internal/safetensors"
)

// fileFormat names the layout of a dictionary's file: tensors W [Bins, Rank]
// and, with an encoder, encoder.mean, encoder.std, encoder.norms and for every
// layer i encoder.i.weight [Out, In] and encoder.i.bias; metadata format and
// scale beside what Meta holds.
const fileFormat = "sotto-dictionary/1"

// Write writes the dictionary, encoder included, as safetensors.
func (d *Dictionary) Write(w io.Writer) error {
	f := &safetensors.File{Metadata: map[string]string{}}
	maps.Copy(f.Metadata, d.Meta)
	f.Metadata["format"] = fileFormat
	f.Metadata["scale"] = strconv.FormatFloat(d.Scale, 'g', -1, 64)
	add := func(name string, data []float32, shape ...int) {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, Shape: shape, Data: data})
	}
	add("W", d.W, d.Bins, d.Rank)
	if e := d.Encoder; e != nil {
		add("encoder.mean", e.mean, len(e.mean))
		add("encoder.std", e.std, len(e.std))
		add("encoder.norms", e.norms, len(e.norms))
		for i, l := range e.layers {
			add(fmt.Sprintf("encoder.%d.weight", i), l.W.Value, l.Out, l.In)
			add(fmt.Sprintf("encoder.%d.bias", i), l.B.Value, l.Out)
		}
	}
	if err := safetensors.Write(w, f); err != nil {
		return fmt.Errorf("dict: %w", err)
	}
	return nil
}

// Save writes the dictionary to path, whole or not at all.
func (d *Dictionary) Save(path string) error {
	if err := atomicfile.Write(path, d.Write); err != nil {
		return fmt.Errorf("dict: save %s: %w", path, err)
	}
	return nil
}

// Load reads the dictionary that Save wrote to path.
func Load(path string) (*Dictionary, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dict: %w", err)
	}
	defer f.Close()
	d, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// Read reads a dictionary as Write writes it and checks every shape and value.
func Read(r io.Reader) (*Dictionary, error) {
	f, err := safetensors.Read(r)
	if err != nil {
		return nil, fmt.Errorf("dict: %w", err)
	}
	if got := f.Metadata["format"]; got != fileFormat {
		return nil, fmt.Errorf("dict: format is %q, want %q: this is not a dictionary this version reads", got, fileFormat)
	}
	d := &Dictionary{Meta: map[string]string{}}
	maps.Copy(d.Meta, f.Metadata)
	delete(d.Meta, "format")
	delete(d.Meta, "scale")
	if d.Scale, err = strconv.ParseFloat(f.Metadata["scale"], 64); err != nil || !(d.Scale > 0) || math.IsInf(d.Scale, 0) {
		return nil, fmt.Errorf("dict: scale is %q, want a positive number", f.Metadata["scale"])
	}
	w, ok := f.Get("W")
	if !ok || len(w.Shape) != 2 || len(w.Data) == 0 {
		return nil, fmt.Errorf("dict: no tensor W of shape [bins, rank]")
	}
	d.W, d.Bins, d.Rank = w.Data, w.Shape[0], w.Shape[1]
	for i, v := range d.W {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return nil, fmt.Errorf("dict: W[%d, %d] is %v, want a finite, nonnegative number", i/d.Rank, i%d.Rank, v)
		}
	}
	if _, ok := f.Get("encoder.mean"); ok {
		if d.Encoder, err = readEncoder(f, d); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// readEncoder reads the encoder's tensors and checks that they fit d and each
// other.
func readEncoder(f *safetensors.File, d *Dictionary) (*Encoder, error) {
	e := &Encoder{scale: d.Scale}
	var err error
	if e.mean, err = tensor(f, "encoder.mean", d.Bins+1); err != nil {
		return nil, err
	}
	if e.std, err = tensor(f, "encoder.std", d.Bins+1); err != nil {
		return nil, err
	}
	if e.norms, err = tensor(f, "encoder.norms", d.Rank); err != nil {
		return nil, err
	}
	in := d.Bins + 1
	for i := 0; ; i++ {
		name := fmt.Sprintf("encoder.%d", i)
		b, ok := f.Get(name + ".bias")
		if !ok {
			break
		}
		l := &nn.Dense{In: in, Out: len(b.Data)}
		l.W, l.B = nn.NewParam(name+".weight", l.Out, in, true), nn.NewParam(name+".bias", 1, l.Out, false)
		if l.W.Value, err = tensor(f, name+".weight", l.Out, in); err != nil {
			return nil, err
		}
		if l.B.Value, err = tensor(f, name+".bias", l.Out); err != nil {
			return nil, err
		}
		e.layers = append(e.layers, l)
		in = l.Out
	}
	if len(e.layers) == 0 || in != 2*d.Rank {
		return nil, fmt.Errorf("dict: the encoder's %d layers end in %d outputs, want %d: two per atom", len(e.layers), in, 2*d.Rank)
	}
	return e, nil
}

// tensor returns the values of a tensor after checking shape and finiteness.
func tensor(f *safetensors.File, name string, shape ...int) ([]float32, error) {
	t, ok := f.Get(name)
	if !ok {
		return nil, fmt.Errorf("dict: tensor %s is missing", name)
	}
	if fmt.Sprint(t.Shape) != fmt.Sprint(shape) {
		return nil, fmt.Errorf("dict: tensor %s has shape %v, want %v", name, t.Shape, shape)
	}
	for i, v := range t.Data {
		if v-v != 0 {
			return nil, fmt.Errorf("dict: tensor %s holds %v at %d, want finite numbers", name, v, i)
		}
	}
	return t.Data, nil
}
