package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func sample() *File {
	return &File{
		Tensors: []Tensor{
			{Name: "a", Shape: []int{2, 3}, Data: []float32{1, -2, 3.5, 0, 1e-40, 6}},
			{Name: "b.bias", Shape: []int{1}, Data: []float32{float32(math.Inf(1))}},
			{Name: "brain", Shape: []int{3}, Data: []float32{1, -2.5, float32(math.Inf(-1))}, BFloat16: true},
			{Name: "empty", Shape: []int{0, 4}, Data: []float32{}},
			{Name: "scalar", Shape: []int{}, Data: []float32{7}},
		},
		Metadata: map[string]string{"name": "x <y> & ü", "": "empty key"},
	}
}

// raw returns a file of the given header and data.
func raw(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func TestRoundTrip(t *testing.T) {
	for _, f := range []*File{sample(), {Metadata: map[string]string{}}} {
		var b bytes.Buffer
		if err := Write(&b, f); err != nil {
			t.Fatal(err)
		}
		got, err := Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, f) {
			t.Errorf("got %+v, want %+v", got, f)
		}
	}
}

// TestReference reads a file laid out by hand as the format's description
// has it, tensors out of name order and without padding.
func TestReference(t *testing.T) {
	header := `{"__metadata__":{"k":"v"},"z":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`
	data := []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0x40, 0x40}
	f, err := Read(bytes.NewReader(raw(header, data)))
	if err != nil {
		t.Fatal(err)
	}
	z, ok := f.Get("z")
	if !ok || !reflect.DeepEqual(z.Data, []float32{1, -2}) || !reflect.DeepEqual(z.Shape, []int{1, 2}) {
		t.Errorf("z = %+v", z)
	}
	if a, ok := f.Get("a"); !ok || a.Data[0] != 3 || f.Tensors[0].Name != "a" {
		t.Errorf("a = %+v, first %q", a, f.Tensors[0].Name)
	}
	if _, ok := f.Get("b"); ok {
		t.Error("Get finds a tensor that is not there")
	}
	if f.Metadata["k"] != "v" {
		t.Errorf("metadata %v", f.Metadata)
	}
}

func TestReadRefuses(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, 1<<62)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"empty", "fewer than 8 bytes", nil},
		{"wav", "not a safetensors file", []byte("RIFF\x00\x00\x00\x00WAVEfmt ")},
		{"huge header", "the header declares", huge},
		{"short header", "truncated", raw(`{}`, nil)[:9]},
		{"no json", "not a JSON object", raw(`hello`, nil)},
		{"array", "not a JSON object", raw(`[1,2]`, nil)},
		{"two values", "not a JSON object", raw(`{} {}`, nil)},
		{"not utf-8", "not a JSON object", raw("{\"\xff\":1}", nil)},
		{"twice", "twice", raw(`{"__metadata__":{},"__metadata__":{}}`, nil)},
		{"twice in metadata", "\"a\" twice", raw(`{"__metadata__":{"a":"1","a":"2"}}`, nil)},
		{"twice in a tensor", "\"shape\" twice", raw(`{"a":{"dtype":"F32","shape":[0],"shape":[0],"data_offsets":[0,0]}}`, nil)},
		{"three offsets", "3 data_offsets", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,99]}}`, make([]byte, 4))},
		{"no offsets", "0 data_offsets", raw(`{"a":{"dtype":"F32","shape":[0]}}`, nil)},
		{"numbers in metadata", "map of strings", raw(`{"__metadata__":{"a":1}}`, nil)},
		{"null metadata", "map of strings", raw(`{"__metadata__":null}`, nil)},
		{"half precision", "convert", raw(`{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}`, []byte{0, 0})},
		{"unknown member", "unknown field", raw(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0],"x":1}}`, nil)},
		{"shape too large", "at most", raw(`{"a":{"dtype":"F32","shape":[60000000,60000000],"data_offsets":[0,4]}}`, nil)},
		{"dimension too large", "dimension", raw(`{"a":{"dtype":"F32","shape":[9000000000],"data_offsets":[0,4]}}`, nil)},
		{"negative shape", "dimension", raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, nil)},
		{"many dimensions", "dimensions", raw(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, make([]byte, 4))},
		{"shape and range differ", "want 8 bytes", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, make([]byte, 4))},
		{"bfloat16 of four bytes", "want 2 bytes", raw(`{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,4]}}`, make([]byte, 4))},
		{"backward range", "lies at", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, make([]byte, 4))},
		{"gap", "gap", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8))},
		{"overlap", "overlap", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8))},
		{"truncated", "truncated", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 7))},
		{"trailing", "damaged", raw(`{}`, []byte{0})},
	} {
		_, err := Read(bytes.NewReader(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.name, err, c.want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, f := range map[string]*File{
		"wrong shape":     {Tensors: []Tensor{{Name: "a", Shape: []int{2}, Data: []float32{1}}}},
		"no bfloat16":     {Tensors: []Tensor{{Name: "a", Shape: []int{1}, Data: []float32{1.001}, BFloat16: true}}},
		"reserved name":   {Tensors: []Tensor{{Name: "__metadata__", Shape: []int{1}, Data: []float32{1}}}},
		"same name":       {Tensors: []Tensor{{Name: "a", Shape: []int{0}}, {Name: "a", Shape: []int{0}}}},
		"name not UTF-8":  {Tensors: []Tensor{{Name: "\xff", Shape: []int{0}}}},
		"value not UTF-8": {Metadata: map[string]string{"a": "\xff"}},
		"long header":     {Metadata: map[string]string{"a": strings.Repeat("x", MaxHeader)}},
		"long data":       {Tensors: []Tensor{{Name: "a", Shape: []int{MaxFile / 4}, Data: make([]float32, MaxFile/4)}}},
	} {
		if err := Write(&bytes.Buffer{}, f); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestReadTellsADiskFromAFile fails at every stage: that says nothing of the file.
func TestReadTellsADiskFromAFile(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 4, 20, b.Len() - 1} {
		broken := io.MultiReader(bytes.NewReader(b.Bytes()[:n]), iotest.ErrReader(os.ErrClosed))
		if _, err := Read(broken); !errors.Is(err, ErrRead) || !errors.Is(err, os.ErrClosed) {
			t.Errorf("after %d bytes: error %v, want ErrRead and that of the reader", n, err)
		}
		if _, err := Read(bytes.NewReader(b.Bytes()[:n])); err == nil || errors.Is(err, ErrRead) {
			t.Errorf("a file of %d bytes: error %v, want one about the file", n, err)
		}
	}
}

// failAfter fails once n bytes have been written.
type failAfter int

func (n *failAfter) Write(p []byte) (int, error) {
	if *n -= failAfter(len(p)); *n < 0 {
		return 0, os.ErrClosed
	}
	return len(p), nil
}

func TestWritePassesErrorsOn(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for _, n := range []failAfter{0, failAfter(b.Len() - 1)} {
		if err := Write(&n, sample()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("error %v, want that of the writer", err)
		}
	}
}

// TestLyingHeaderAllocatesLittle checks that 100 bytes which declare 60 MB do
// not make the reader allocate them.
func TestLyingHeaderAllocatesLittle(t *testing.T) {
	file := raw(`{"a":{"dtype":"F32","shape":[15000000],"data_offsets":[0,60000000]}}`, make([]byte, 16))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Read(bytes.NewReader(file)); err == nil {
		t.Fatal("a truncated file is accepted")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("allocated %d bytes for a file of %d", n, len(file))
	}
}

// FuzzRead checks that Read never panics, and that what it accepts is
// written in a form that reads and writes as itself.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(raw(`{}`, nil))
	f.Add(raw(`{"z":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`, make([]byte, 4)))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := Write(&once, x); err != nil {
			t.Fatalf("Read accepts what Write refuses: %v", err)
		}
		y, err := Read(bytes.NewReader(once.Bytes()))
		if err != nil {
			t.Fatalf("Read refuses what Write wrote: %v", err)
		}
		if err := Write(&twice, y); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Fatal("write(read(x)) is not a fixed point")
		}
	})
}
