package mat5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
)

// order is what both of encoding/binary's byte orders can do.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// file builds MAT-files by hand, from the description of the format alone.
type file struct{ o order }

func (f file) header() []byte {
	b := make([]byte, headerSize)
	copy(b, "MATLAB 5.0 MAT-file")
	f.o.PutUint16(b[124:], 0x0100)
	f.o.PutUint16(b[126:], 0x4d49) // "MI" read as a number
	return b
}

func (f file) element(kind uint32, data []byte) []byte {
	b := f.o.AppendUint32(nil, kind)
	b = f.o.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	for kind != miCOMPRESSED && len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

func (f file) small(kind uint32, data []byte) []byte {
	b := f.o.AppendUint32(nil, uint32(len(data))<<16|kind)
	return append(append(b, data...), make([]byte, 4-len(data))...)
}

func (f file) matrix(name string, class uint32, rows, cols int, values []byte) []byte {
	flags := f.o.AppendUint32(f.o.AppendUint32(nil, class), 0)
	dims := f.o.AppendUint32(f.o.AppendUint32(nil, uint32(rows)), uint32(cols))
	b := append(f.element(miUINT32, flags), f.element(miINT32, dims)...)
	if len(name) <= 4 {
		b = append(b, f.small(miINT8, []byte(name))...)
	} else {
		b = append(b, f.element(miINT8, []byte(name))...)
	}
	return f.element(miMATRIX, append(b, values...))
}

func (f file) doubles(x ...float64) []byte {
	var b []byte
	for _, v := range x {
		b = f.o.AppendUint64(b, math.Float64bits(v))
	}
	return f.element(miDOUBLE, b)
}

func (f file) compress(element []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write(element); err != nil {
		panic(err) // into a buffer: it cannot fail
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return f.element(miCOMPRESSED, z.Bytes())
}

// whole is a file with something of everything.
func (f file) whole() []byte {
	b := f.header()
	b = append(b, f.matrix("emg", 6, 2, 3, f.doubles(1, 2, 3, 4, 5, 6.5))...)
	b = append(b, f.matrix("text", 4, 1, 2, f.small(miUINT16, f.o.AppendUint16(f.o.AppendUint16(nil, 'h'), 'i')))...)
	b = append(b, f.compress(f.matrix("restimulus", 6, 3, 1, f.small(miINT8, []byte{0, 1, 0xff})))...)
	single := f.o.AppendUint32(nil, math.Float32bits(0.25))
	return append(b, f.compress(f.matrix("one", 7, 1, 1, f.small(miSINGLE, single)))...)
}

func TestRead(t *testing.T) {
	for _, o := range []order{binary.LittleEndian, binary.BigEndian} {
		m, err := Read(bytes.NewReader(file{o}.whole()), "emg", "restimulus", "one", "text", "absent")
		if err != nil {
			t.Fatalf("%v: %v", o, err)
		}
		if len(m) != 3 {
			t.Fatalf("%v: %d matrices, want emg, restimulus and one", o, len(m))
		}
		if e := m["emg"]; e.Rows != 2 || e.Cols != 3 || e.At(1, 0) != 2 || e.At(0, 2) != 5 || e.At(1, 2) != 6.5 {
			t.Errorf("%v: emg is %+v", o, e)
		}
		if r := m["restimulus"]; r.Rows != 3 || r.At(1, 0) != 1 || r.At(2, 0) != -1 {
			t.Errorf("%v: restimulus is %+v", o, r)
		}
		if m["one"].At(0, 0) != 0.25 {
			t.Errorf("%v: one is %v, want 0.25", o, m["one"].Data)
		}
	}
}

func TestNumbers(t *testing.T) {
	d := &decoder{order: binary.BigEndian}
	for kind, want := range map[uint32]float64{
		miINT8: -2, miUINT8: 254, miINT16: -257, miUINT16: 65279, miINT32: -16843009, miUINT32: 4278124287,
		miINT64: -72340172838076673, miUINT64: 18374403900871474943,
	} {
		size, get := d.number(kind)
		b := []byte{0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xff}
		if kind == miINT16 || kind == miUINT16 {
			b = []byte{0xfe, 0xff}
		} else if size == 4 {
			b = []byte{0xfe, 0xfe, 0xfe, 0xff}
		}
		if got := get(b); got != want && kind != miINT64 && kind != miUINT64 {
			t.Errorf("type %d: %v, want %v", kind, got, want)
		} else if math.Abs(got-want) > 1e-10*math.Abs(want) {
			t.Errorf("type %d: %v, want %v", kind, got, want)
		}
	}
}

func TestBadFiles(t *testing.T) {
	f := file{binary.LittleEndian}
	whole := f.whole()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "version 5"},
		"not MAT":   {[]byte(strings.Repeat("x", 300)), "version 5"},
		"cut":       {whole[:200], "cut short"},
		"too small": {append(f.header(), f.matrix("emg", 6, 2, 2, f.doubles(1))...), "2 x 2 and holds 1"},
		"huge":      {append(f.header(), f.matrix("emg", 6, 1<<31-1, 1<<31-1, f.doubles(1))...), "holds 1"},
		"3-D":       {append(f.header(), f.element(miMATRIX, append(append(f.element(miUINT32, []byte{6, 0, 0, 0, 0, 0, 0, 0}), f.element(miINT32, make([]byte, 12))...), append(f.small(miINT8, []byte("emg")), f.doubles(1)...)...))...), "3 dimensions"},
	} {
		if _, err := Read(bytes.NewReader(c.data), "emg"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// TestBomb checks that a small file cannot unfold to more than the limit,
// neither at once nor piece by piece.
func TestBomb(t *testing.T) {
	const limit = 1 << 16
	f := file{binary.LittleEndian}
	half := f.compress(make([]byte, limit*3/4))
	for name, bomb := range map[string][]byte{
		"at once":        append(f.header(), f.compress(make([]byte, limit+1))...),
		"piece by piece": append(append(f.header(), half...), half...),
	} {
		if _, err := read(bytes.NewReader(bomb), limit, nil); !errors.Is(err, errLong) {
			t.Errorf("%s: error %v, want %v", name, err, errLong)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, o := range []order{binary.LittleEndian, binary.BigEndian} {
		f.Add(file{o}.whole())
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<12 {
			return // a compressed part could unfold to a thousand times that
		}
		m, err := Read(bytes.NewReader(data), "emg", "restimulus", "one")
		if err != nil {
			return
		}
		for name, x := range m {
			if x.Rows*x.Cols != len(x.Data) {
				t.Errorf("%s is %d x %d with %d values", name, x.Rows, x.Cols, len(x.Data))
			}
		}
	})
}
