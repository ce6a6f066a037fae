package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sotto/internal/report"
	"sotto/stream/device"
)

const devicesLong = `List the microphones and loudspeakers that "sotto live" can use.

A device is chosen by its number, its name, or a part of its name. An interface
and a colon before it look through that interface alone, and with nothing after
the colon take its default: "pulse:", "alsa:hw".`

const devicesExample = `  sotto devices
  sotto live --input headset --output 3
  sotto live --input pulse: --output pulse:`

func newDevices(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "devices",
		Short:   "list microphones and loudspeakers",
		Long:    devicesLong,
		Example: devicesExample,
		Args:    arguments(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			devices, err := device.List()
			if err != nil {
				return err
			}
			return a.listDevices(devices, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// listDevices writes the list. That it is empty is no failure: it was asked what
// there is.
func (a *app) listDevices(devices []device.Device, asJSON bool) error {
	if len(devices) == 0 {
		fmt.Fprintln(a.err, "sotto: no sound devices; plug one in, or start a sound server (PulseAudio, PipeWire)")
	}
	switch {
	case asJSON:
		return devicesJSON(devices).Write(a.out, report.JSON)
	case len(devices) == 0:
		return nil // a header alone lists nothing
	}
	return devicesText(devices).Write(a.out, report.Text)
}

// devicesText is the list for people: what a name or number is chosen by, and
// what it then gives.
func devicesText(devices []device.Device) *report.Table {
	t := &report.Table{Columns: []report.Column{
		{Key: "no"},
		{Key: "interface"},
		{Key: "name"},
		{Key: "in"},
		{Key: "out"},
		{Key: "rate", Title: "rate Hz"},
		{Key: "default"},
		{Key: "description"},
	}}
	for _, d := range devices {
		t.Add(d.Index, d.API, d.Name, channels(d.Inputs), channels(d.Outputs), d.Rate, defaults(d), words(d.Description))
	}
	return t
}

// devicesJSON is the list for programs, with everything that is known.
func devicesJSON(devices []device.Device) *report.Table {
	t := &report.Table{Columns: []report.Column{
		{Key: "index"},
		{Key: "interface"},
		{Key: "name"},
		{Key: "description"},
		{Key: "inputs"},
		{Key: "outputs"},
		{Key: "rate"},
		{Key: "input_latency_ms"},
		{Key: "output_latency_ms"},
		{Key: "default_input"},
		{Key: "default_output"},
	}}
	for _, d := range devices {
		t.Add(d.Index, d.API, d.Name, d.Description, d.Inputs, d.Outputs, d.Rate,
			milliseconds(d.InputLatency), milliseconds(d.OutputLatency), d.DefaultInput, d.DefaultOutput)
	}
	return t
}

// channels returns a number of channels as a cell: empty for a direction that
// the device lacks.
func channels(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

// words returns text as a cell: empty for none.
func words(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// defaults says what a device is its interface's default for.
func defaults(d device.Device) any {
	switch {
	case d.DefaultInput && d.DefaultOutput:
		return "in, out"
	case d.DefaultInput:
		return "in"
	case d.DefaultOutput:
		return "out"
	}
	return nil
}

// milliseconds is d as every figure for people and programs has it.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
