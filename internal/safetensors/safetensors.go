// Package safetensors reads and writes the safetensors container as far as
// sotto uses it: named tensors of float32 or bfloat16 and a map of strings.
//
// A file is an 8-byte little-endian header length, a JSON header of that
// length, and the tensors' values, little-endian and row-major, one after
// another. The header maps each name to its type, shape and byte range, and
// "__metadata__" to the strings. Python opens it with one line.
//
// # Hostile files
//
// Read trusts nothing: the header is bounded by 1 MiB and the file by 256 MiB
// before anything of that size is allocated, the byte ranges must tile the
// data exactly, shapes must match them, and memory grows only as bytes
// arrive. Write is canonical: what Read accepts is written back the same way
// however the original was laid out, with tensors in name order.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"unicode/utf8"
)

const (
	// MaxHeader bounds the JSON header in bytes.
	MaxHeader = 1 << 20
	// MaxFile bounds the whole file in bytes: sixty times a shipped model, for a
	// checkpoint holds every weight in float32 four times.
	MaxFile = 256 << 20
	// maxRank bounds the dimensions of a tensor; sotto uses up to 4.
	maxRank = 8
	// metadataKey is the header's one name that is not a tensor's.
	metadataKey = "__metadata__"
	// single and brain are the element types sotto writes and reads.
	single, brain = "F32", "BF16"
)

// Tensor is a named array of float32, row-major. The product of Shape is
// len(Data); an empty Shape is a scalar.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
	// BFloat16 says that the file holds the upper 16 bits of the values alone;
	// Write refuses it where the lower ones are not zero.
	BFloat16 bool
}

// RoundBFloat16 rounds finite values to the nearest bfloat16, of two equally near
// the even one.
func RoundBFloat16(v []float32) {
	for i, x := range v {
		b := math.Float32bits(x)
		v[i] = math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
	}
}

// IsBFloat16 reports whether the lower 16 bits of all values are zero.
func IsBFloat16(v []float32) bool {
	for _, x := range v {
		if math.Float32bits(x)&0xffff != 0 {
			return false
		}
	}
	return true
}

// File is the content of a safetensors file. Read returns the tensors in name
// order.
type File struct {
	Tensors  []Tensor
	Metadata map[string]string
}

// Get returns the tensor of that name and whether there is one.
func (f *File) Get(name string) (*Tensor, bool) {
	for i := range f.Tensors {
		if f.Tensors[i].Name == name {
			return &f.Tensors[i], true
		}
	}
	return nil, false
}

// entry is a tensor's line in the header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// ErrRead says that the source of a file failed: the file itself may be whole.
var ErrRead = errors.New("safetensors: reading failed")

// Read reads a whole file from r, to its end. Its errors are ErrRead or say what is
// wrong with the file.
func Read(r io.Reader) (*File, error) {
	header, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	f, entries, size, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	if total := 8 + int64(len(header)) + size; total > MaxFile {
		return nil, fmt.Errorf("safetensors: the file has %d bytes: want at most %d", total, MaxFile)
	}
	// ReadAll grows with what arrives, so that a short file that declares a
	// long one costs nothing.
	data, err := io.ReadAll(io.LimitReader(r, size+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRead, err)
	}
	if int64(len(data)) < size {
		return nil, fmt.Errorf("safetensors: the file ends after %d of %d bytes of data: it is truncated", len(data), size)
	}
	if int64(len(data)) > size {
		return nil, fmt.Errorf("safetensors: bytes follow the %d of the tensors: the file is damaged", size)
	}
	for i, e := range entries {
		f.Tensors[i].Data = e.decode(data[e.Offsets[0]:e.Offsets[1]])
	}
	sort.Slice(f.Tensors, func(i, j int) bool { return f.Tensors[i].Name < f.Tensors[j].Name })
	return f, nil
}

// readHeader returns the bytes of the JSON header.
func readHeader(r io.Reader) ([]byte, error) {
	var prefix [8]byte
	switch _, err := io.ReadFull(r, prefix[:]); {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: %w", ErrRead, err)
	case err != nil:
		return nil, errors.New("safetensors: the file has fewer than 8 bytes: it is not a safetensors file")
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > MaxHeader || n < 2 {
		return nil, fmt.Errorf("safetensors: the header declares %d bytes: want 2 to %d: it is not a safetensors file", n, MaxHeader)
	}
	header, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRead, err)
	}
	if uint64(len(header)) < n {
		return nil, fmt.Errorf("safetensors: the file ends after %d of %d bytes of header: it is truncated", len(header), n)
	}
	return header, nil
}

// parseHeader returns the file without its data, its entries in the order of
// the data, which is that of f.Tensors, and the length of the data.
func parseHeader(header []byte) (f *File, entries []entry, size int64, err error) {
	raw, err := objectFields(header)
	if err != nil {
		return nil, nil, 0, fmt.Errorf("safetensors: %w", err)
	}
	f = &File{Metadata: map[string]string{}}
	for _, field := range raw {
		if field.name == metadataKey {
			if err := unmarshalOnce(field.value, &f.Metadata); err != nil {
				return nil, nil, 0, fmt.Errorf("safetensors: __metadata__ is not a map of strings: %w", err)
			}
			continue
		}
		var e entry
		if err := unmarshalOnce(field.value, &e); err != nil {
			return nil, nil, 0, fmt.Errorf("safetensors: tensor %q: %w", field.name, err)
		}
		shape, err := e.check(field.name)
		if err != nil {
			return nil, nil, 0, err
		}
		entries = append(entries, e)
		f.Tensors = append(f.Tensors, Tensor{Name: field.name, Shape: shape, BFloat16: e.DType == brain})
	}
	sort.Sort(byOffset{entries, f.Tensors})
	for i, e := range entries {
		if e.Offsets[0] != size {
			return nil, nil, 0, fmt.Errorf("safetensors: tensor %q starts at byte %d: want %d: tensors must follow each other without gap or overlap", f.Tensors[i].Name, e.Offsets[0], size)
		}
		size = e.Offsets[1]
	}
	return f, entries, size, nil
}

// check reports an entry whose type, shape or byte range is not acceptable,
// and returns its shape.
func (e entry) check(name string) ([]int, error) {
	if e.DType != single && e.DType != brain {
		return nil, fmt.Errorf("safetensors: tensor %q has type %q: want %s or %s: convert it", name, e.DType, single, brain)
	}
	if len(e.Shape) > maxRank {
		return nil, fmt.Errorf("safetensors: tensor %q has %d dimensions: want at most %d", name, len(e.Shape), maxRank)
	}
	count, shape := int64(1), make([]int, len(e.Shape))
	for i, d := range e.Shape {
		if d < 0 || d > MaxFile {
			return nil, fmt.Errorf("safetensors: tensor %q has dimension %d: want 0 to %d", name, d, MaxFile)
		}
		if count *= d; count > MaxFile/4 {
			return nil, fmt.Errorf("safetensors: tensor %q has shape %v: want at most %d values", name, e.Shape, MaxFile/4)
		}
		shape[i] = int(d)
	}
	if len(e.Offsets) != 2 {
		return nil, fmt.Errorf("safetensors: tensor %q has %d data_offsets: want its first byte and the one after its last", name, len(e.Offsets))
	}
	lo, hi := e.Offsets[0], e.Offsets[1]
	if hi > MaxFile {
		return nil, fmt.Errorf("safetensors: tensor %q ends at byte %d: want a file of at most %d bytes: it holds too many values", name, hi, MaxFile)
	}
	if want := e.size() * count; lo < 0 || hi < lo || hi-lo != want {
		return nil, fmt.Errorf("safetensors: tensor %q of shape %v lies at bytes %d to %d: want %d bytes", name, e.Shape, lo, hi, want)
	}
	return shape, nil
}

// size returns the bytes of a value.
func (e entry) size() int64 {
	if e.DType == brain {
		return 2
	}
	return 4
}

// byOffset sorts entries and tensors together by their place in the data;
// empty tensors, which share a place, by name.
type byOffset struct {
	entries []entry
	tensors []Tensor
}

func (s byOffset) Len() int { return len(s.entries) }

func (s byOffset) Less(i, j int) bool {
	a, b := s.entries[i].Offsets, s.entries[j].Offsets
	if c := slices.Compare(a, b); c != 0 {
		return c < 0
	}
	return s.tensors[i].Name < s.tensors[j].Name
}

func (s byOffset) Swap(i, j int) {
	s.entries[i], s.entries[j] = s.entries[j], s.entries[i]
	s.tensors[i], s.tensors[j] = s.tensors[j], s.tensors[i]
}

// decode returns the little-endian values of b.
func (e entry) decode(b []byte) []float32 {
	v := make([]float32, len(b)/int(e.size()))
	for i := range v {
		if e.DType == brain {
			v[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
		} else {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}
	return v
}

// encode appends the values of t to buf as decode reads them.
func (t *Tensor) encode(buf []byte) []byte {
	for _, v := range t.Data {
		bits := math.Float32bits(v)
		if t.BFloat16 {
			buf = binary.LittleEndian.AppendUint16(buf, uint16(bits>>16))
		} else {
			buf = binary.LittleEndian.AppendUint32(buf, bits)
		}
	}
	return buf
}

// entry returns the line in the header of a tensor at byte at.
func (t *Tensor) entry(at int64) (entry, error) {
	e := entry{DType: single, Shape: make([]int64, len(t.Shape))}
	if t.BFloat16 {
		if !IsBFloat16(t.Data) {
			return e, fmt.Errorf("safetensors: tensor %q holds values that are no bfloat16: round them first", t.Name)
		}
		e.DType = brain
	}
	for i, d := range t.Shape {
		e.Shape[i] = int64(d)
	}
	e.Offsets = []int64{at, at + e.size()*int64(len(t.Data))}
	_, err := e.check(t.Name)
	return e, err
}

// Write writes f to w in canonical form: tensors and metadata in name order,
// the header padded with spaces so that the data starts at a multiple of 8
// bytes. It refuses what Read would not take back.
func Write(w io.Writer, f *File) error {
	header, order, err := marshalHeader(f)
	if err != nil {
		return err
	}
	buf := make([]byte, 8, 8+len(header))
	binary.LittleEndian.PutUint64(buf, uint64(len(header)))
	if _, err := w.Write(append(buf, header...)); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for _, t := range order {
		buf = t.encode(buf[:0])
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("safetensors: %w", err)
		}
	}
	return nil
}

// marshalHeader returns the padded header of f and its tensors in the order
// of the data.
func marshalHeader(f *File) ([]byte, []Tensor, error) {
	order := slices.Clone(f.Tensors)
	sort.Slice(order, func(i, j int) bool { return order[i].Name < order[j].Name })
	fields := map[string]any{}
	for k, v := range f.Metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return nil, nil, fmt.Errorf("safetensors: metadata %q is not valid UTF-8", k)
		}
	}
	if len(f.Metadata) > 0 {
		fields[metadataKey] = f.Metadata
	}
	var at int64
	for _, t := range order {
		if _, taken := fields[t.Name]; taken || t.Name == metadataKey || !utf8.ValidString(t.Name) {
			return nil, nil, fmt.Errorf("safetensors: tensor name %q is taken, reserved or not UTF-8: choose another", t.Name)
		}
		e, err := t.entry(at)
		if err != nil {
			return nil, nil, err
		}
		fields[t.Name] = e
		at = e.Offsets[1]
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(fields); err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	header := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	if len(header) > MaxHeader || 8+int64(len(header))+at > MaxFile {
		return nil, nil, fmt.Errorf("safetensors: %d bytes of header and %d of data: want at most %d, and %d in all", len(header), at, MaxHeader, MaxFile)
	}
	return header, order, nil
}
