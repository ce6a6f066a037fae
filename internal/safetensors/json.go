package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// errHeader is the answer to every header, and member of one, that is no JSON
// object.
var errHeader = errors.New("the header is not a JSON object, or holds what is none: the file is damaged or not a safetensors file")

// field is one member of a JSON object.
type field struct {
	name  string
	value json.RawMessage
}

// objectFields splits a JSON object into its members. Unlike decoding into a
// map it refuses a name that occurs twice, which two readers could otherwise
// take for different files.
func objectFields(b []byte) ([]field, error) {
	if !utf8.Valid(b) {
		return nil, errHeader
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errHeader
	}
	var fields []field
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errHeader
		}
		if seen[name] {
			return nil, fmt.Errorf("the header names %q twice: the file is damaged", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errHeader
		}
		fields = append(fields, field{name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, errHeader
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errHeader
	}
	return fields, nil
}

// unmarshalOnce decodes a JSON object and refuses members that v lacks, or that
// occur twice.
func unmarshalOnce(b []byte, v any) error {
	if _, err := objectFields(b); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
