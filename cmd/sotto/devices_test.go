package main

import (
	"bytes"
	"strings"
	"testing"

	"sotto/stream/device"
)

// TestDevicesMayBeNone: an empty list is an answer in both forms, and said where
// people look.
func TestDevicesMayBeNone(t *testing.T) {
	for asJSON, want := range map[bool]string{false: "", true: "[]\n"} {
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs}
		if err := a.listDevices(nil, asJSON); err != nil {
			t.Errorf("JSON %v: error %v", asJSON, err)
		}
		if out.String() != want || !strings.Contains(errs.String(), "no sound devices; plug one in") {
			t.Errorf("JSON %v: output %q, want %q; message %q", asJSON, out.String(), want, errs.String())
		}
	}
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs}
	if err := a.listDevices([]device.Device{{Name: "ear"}}, false); err != nil || !strings.Contains(out.String(), "ear") || errs.Len() > 0 {
		t.Errorf("one device: output %q, message %q, error %v", out.String(), errs.String(), err)
	}
}
