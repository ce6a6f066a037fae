// Package mat5 reads real matrices from MAT-files of version 5, the format of
// MATLAB since 1996 and of the Ninapro databases.
//
//	m, err := mat5.Read(r, "emg", "restimulus")
//	emg := m["emg"] // emg.At(i, j)
//
// Numeric arrays of two dimensions are read, in every storage type, byte order
// and with or without compression; all else is skipped. A file is untrusted
// input: no length that it states sizes an allocation, and more than MaxBytes
// of content is an error.
//
// Source: "MAT-File Format", The MathWorks, chapter 1.
package mat5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// MaxBytes is how much content, uncompressed, a file may hold: several times
// the largest recording of Ninapro DB1.
const MaxBytes = 256 << 20

// Matrix is a matrix of Rows x Cols, column by column in Data.
type Matrix struct {
	Rows, Cols int
	Data       []float64
}

// At returns the element in row i and column j, counted from 0.
func (m *Matrix) At(i, j int) float64 { return m.Data[j*m.Rows+i] }

// Types of elements and classes of arrays.
const (
	miINT8       = 1
	miUINT8      = 2
	miINT16      = 3
	miUINT16     = 4
	miINT32      = 5
	miUINT32     = 6
	miSINGLE     = 7
	miDOUBLE     = 9
	miINT64      = 12
	miUINT64     = 13
	miMATRIX     = 14
	miCOMPRESSED = 15

	firstNumeric, lastNumeric = 6, 15 // mxDOUBLE_CLASS to mxUINT64_CLASS
	complexFlag               = 0x0800
	headerSize                = 128
)

// errLong is the error for files with too much in them.
var errLong = fmt.Errorf("too much content, expected at most %d MiB", MaxBytes>>20)

// Read returns the named matrices of a file, as far as it has them.
func Read(r io.Reader, names ...string) (map[string]*Matrix, error) { return read(r, MaxBytes, names) }

func read(r io.Reader, limit int64, names []string) (map[string]*Matrix, error) {
	b, err := readAll(r, limit)
	if err != nil {
		return nil, fmt.Errorf("mat5: %w", err)
	}
	order, err := byteOrder(b)
	if err != nil {
		return nil, err
	}
	d := &decoder{order: order, names: names, found: map[string]*Matrix{}, budget: limit}
	if err := d.elements(b[headerSize:]); err != nil {
		return nil, fmt.Errorf("mat5: %w", err)
	}
	return d.found, nil
}

// byteOrder checks the header.
func byteOrder(b []byte) (binary.ByteOrder, error) {
	if len(b) >= headerSize {
		switch string(b[126:128]) {
		case "IM":
			if b[125] == 1 {
				return binary.LittleEndian, nil
			}
		case "MI":
			if b[124] == 1 {
				return binary.BigEndian, nil
			}
		}
	}
	return nil, errors.New("mat5: no MAT-file of version 5; version 7.3 is HDF5: save it with -v7")
}

// readAll reads at most limit bytes; more is an error.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = errLong
	}
	return b.Bytes(), err
}

type decoder struct {
	order  binary.ByteOrder
	names  []string
	found  map[string]*Matrix
	budget int64 // bytes that compressed elements may still unfold to
}

// next splits the first element off b.
func (d *decoder) next(b []byte) (kind uint32, data, rest []byte, err error) {
	if len(b) < 8 {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	kind = d.order.Uint32(b)
	if small := kind >> 16; small != 0 { // type and up to 4 bytes in one word each
		if small > 4 {
			return 0, nil, nil, fmt.Errorf("small element of %d bytes, expected at most 4", small)
		}
		return kind & 0xffff, b[4 : 4+small], b[8:], nil
	}
	size := int64(d.order.Uint32(b[4:]))
	b = b[8:]
	if size > int64(len(b)) {
		return 0, nil, nil, fmt.Errorf("element of %d bytes with %d left in the file: it is cut short", size, len(b))
	}
	end := size
	if kind != miCOMPRESSED { // all others are padded to 8 bytes
		end = min((size+7)&^7, int64(len(b)))
	}
	return kind, b[:size], b[end:], nil
}

// elements reads a series of elements.
func (d *decoder) elements(b []byte) error {
	for len(b) > 0 {
		kind, data, rest, err := d.next(b)
		if err != nil {
			return err
		}
		b = rest
		switch kind {
		case miMATRIX:
			err = d.matrix(data)
		case miCOMPRESSED:
			err = d.compressed(data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compressed reads a compressed element, which holds one other.
func (d *decoder) compressed(data []byte) error {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	plain, err := readAll(z, d.budget)
	if err != nil {
		return err
	}
	d.budget -= int64(len(plain))
	kind, data, _, err := d.next(plain)
	if err != nil || kind != miMATRIX {
		return err
	}
	return d.matrix(data)
}

// matrix reads an array if it is a wanted one.
func (d *decoder) matrix(b []byte) error {
	var part [4][]byte // flags, dimensions, name, values
	var kind uint32
	for i := range part {
		if i == 3 && (!slices.Contains(d.names, string(part[2])) || !numeric(d.order, part[0])) {
			return nil
		}
		var err error
		if kind, part[i], b, err = d.next(b); err != nil {
			if i < 3 && errors.Is(err, io.ErrUnexpectedEOF) {
				return nil // an empty array, or one of a class that has other parts
			}
			return err
		}
	}
	name := string(part[2])
	if len(part[1]) != 8 {
		return fmt.Errorf("%s has %d dimensions, expected 2", name, len(part[1])/4)
	}
	rows, cols := int64(d.order.Uint32(part[1])), int64(d.order.Uint32(part[1][4:]))
	values, err := d.values(kind, part[3])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if rows*cols != int64(len(values)) {
		return fmt.Errorf("%s is %d x %d and holds %d values", name, rows, cols, len(values))
	}
	d.found[name] = &Matrix{Rows: int(rows), Cols: int(cols), Data: values}
	return nil
}

// numeric reports whether an array's flags say that it is real and numeric.
func numeric(order binary.ByteOrder, flags []byte) bool {
	if len(flags) < 4 {
		return false
	}
	f := order.Uint32(flags)
	class := f & 0xff
	return class >= firstNumeric && class <= lastNumeric && f&complexFlag == 0
}

// values converts stored numbers, whose type may be narrower than the array's.
func (d *decoder) values(kind uint32, b []byte) ([]float64, error) {
	size, get := d.number(kind)
	if size == 0 {
		return nil, fmt.Errorf("values of type %d, expected numbers", kind)
	}
	if len(b)%size != 0 {
		return nil, fmt.Errorf("%d bytes for values of %d bytes each", len(b), size)
	}
	out := make([]float64, len(b)/size)
	for i := range out {
		out[i] = get(b[i*size:])
	}
	return out, nil
}

// number returns the size of a type and how to read it; 0 for no number.
func (d *decoder) number(kind uint32) (size int, get func(b []byte) float64) {
	o := d.order
	switch kind {
	case miINT8:
		return 1, func(b []byte) float64 { return float64(int8(b[0])) }
	case miUINT8:
		return 1, func(b []byte) float64 { return float64(b[0]) }
	case miINT16:
		return 2, func(b []byte) float64 { return float64(int16(o.Uint16(b))) }
	case miUINT16:
		return 2, func(b []byte) float64 { return float64(o.Uint16(b)) }
	case miINT32:
		return 4, func(b []byte) float64 { return float64(int32(o.Uint32(b))) }
	case miUINT32:
		return 4, func(b []byte) float64 { return float64(o.Uint32(b)) }
	case miSINGLE:
		return 4, func(b []byte) float64 { return float64(math.Float32frombits(o.Uint32(b))) }
	case miDOUBLE:
		return 8, func(b []byte) float64 { return math.Float64frombits(o.Uint64(b)) }
	case miINT64:
		return 8, func(b []byte) float64 { return float64(int64(o.Uint64(b))) }
	case miUINT64:
		return 8, func(b []byte) float64 { return float64(o.Uint64(b)) }
	}
	return 0, nil
}
