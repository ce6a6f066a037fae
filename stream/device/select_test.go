package device

import (
	"errors"
	"strings"
	"testing"
)

// bench is a list as a laptop with a headset, ALSA and a sound server shows it.
func bench() []Device {
	list := []Device{
		{API: "ALSA", Name: "HDA Intel PCH: ALC257 (hw:0,0)", Inputs: 2, Outputs: 2},
		{API: "ALSA", Name: "USB Headset", Inputs: 1, Outputs: 2, id: 1},
		{API: "ALSA", Name: "default", Inputs: 32, Outputs: 32, DefaultInput: true, DefaultOutput: true, id: 2},
		{API: "JACK", Name: "USB Headset", Inputs: 1, Outputs: 2, id: 3},
		{API: pulseAPI, Name: "alsa_input.usb", Description: "Headset Mono", Inputs: 1, id: -1},
		{API: pulseAPI, Name: "alsa_input.pci", Description: "Internal Stereo", Inputs: 2, DefaultInput: true, id: -1},
		{API: pulseAPI, Name: "alsa_output.pci", Description: "Speakers", Outputs: 2, DefaultOutput: true, id: -1},
	}
	for i := range list {
		list[i].Index = i
	}
	return list
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		want string
		dir  Direction
		at   int
	}{
		{"", In, 5},
		{"", Out, 6}, // the server's defaults first.
		{"alsa:", In, 2},
		{"ALSA:", Out, 2},
		{"pulse:", In, 5},
		{"1", In, 1},
		{"4", In, 4},
		{"usb headset", In, 1},      // the same under two APIs: the first.
		{"jack:usb headset", In, 3}, // unless it is said which.
		{"speakers", Out, 6},
		{"Speak", Out, 6},
		{"headset mono", In, 4},
		{"internal", In, 5},
		{"HDA Intel PCH: ALC257 (hw:0,0)", In, 0}, // a colon of its own.
		{"default", In, 2},
	} {
		d, err := Select(bench(), c.want, c.dir)
		if err != nil || d.Index != c.at {
			t.Errorf("Select(%q, %v) = %d, %v; want %d", c.want, c.dir, d.Index, err, c.at)
		}
	}
}

func TestSelectRefuses(t *testing.T) {
	for _, c := range []struct {
		want    string
		dir     Direction
		missing bool
		says    string
	}{
		{"alsa_", In, false, `"alsa_" fits 4 "alsa_input.usb", 5 "alsa_input.pci"`},
		{"alsa_input", Out, true, `"alsa_input" is no output`},
		{"6", In, true, `"6" is no input`},
		{"bluetooth", In, true, `there are 0 "HDA`},
	} {
		_, err := Select(bench(), c.want, c.dir)
		if err == nil || errors.Is(err, ErrNotFound) != c.missing || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Select(%q, %v): error %v, want one with %s", c.want, c.dir, err, c.says)
		}
	}
	if _, err := Select(bench()[6:], "", In); !errors.Is(err, ErrNotFound) {
		t.Errorf("no input at all: %v", err)
	}
}

func TestModuleOwner(t *testing.T) {
	for args, want := range map[string]int{
		`sink_name=x sink_properties="device.description=y sotto.pid=123"`: 123,
		"sotto.pid=7": 7, "sotto.pid=": -1, "sink_name=sotto_output": -1,
	} {
		pid, ours := moduleOwner(args)
		if ours != (want >= 0) || ours && pid != want {
			t.Errorf("moduleOwner(%q) = %d, %v; want %d", args, pid, ours, want)
		}
	}
}

func TestPulseAddress(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	for server, want := range map[string]string{
		"unix:/run/x": "unix /run/x", "/run/y": "unix /run/y", "{host}unix:/run/z": "unix /run/z",
		"tcp:box": "tcp box:4713", "tcp:box:99": "tcp box:99", "nonsense unix:/run/x": "unix /run/x",
	} {
		t.Setenv("PULSE_SERVER", server)
		network, address, err := pulseAddress()
		if got := network + " " + address; err != nil || got != want {
			t.Errorf("PULSE_SERVER=%q leads to %q, %v; want %q", server, got, err, want)
		}
	}
	t.Setenv("PULSE_SERVER", "")
	if _, _, err := pulseAddress(); err == nil {
		t.Error("no server, no error")
	}
}
