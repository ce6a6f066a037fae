package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/assets"
	"sotto/enhance"
	"sotto/internal/report"
)

func newModel(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "model [NAME|FILE]",
		Short: "show what is inside a model",
		Long: `Show what is inside a model: its spectra, dictionaries, network, latency and
cost, and where it came from. Without an argument, the model that is used when
none is named.`,
		Example: "  sotto model\n  sotto model build/train/model.safetensors --json",
		Args:    arguments(0, 1, "at most one model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := assets.Default
			if len(args) == 1 {
				name = args[0]
			}
			m, err := loadModel(cmd.Context(), name)
			if err != nil {
				return err
			}
			facts := describe(m)
			if asJSON {
				return writeFactsJSON(a, facts)
			}
			return writeFacts(a, facts)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// fact is one thing to know about a model: for programs a key and a value, for
// people a title and words.
type fact struct {
	key   string
	value any
	title string
	words string
}

// describe returns the facts about a model, in reading order.
func describe(m *enhance.Model) []fact {
	ms := func(seconds float64) string { return fmt.Sprintf("%g ms", 1000*seconds) }
	g := m.Grid
	layers := make([]string, len(m.Network.GRU))
	for i, l := range m.Network.GRU {
		layers[i] = fmt.Sprint(l.Hidden)
	}
	refine := "none: the Wiener mask as it is"
	if m.Refine != nil {
		refine = "yes: a correction to the logit of the Wiener mask"
	}
	filter := "none: the phase as it came"
	if f := m.Filter; f != nil {
		filter = fmt.Sprintf("%d frames of the lowest %d bins", f.Taps, f.Bins)
	}
	facts := []fact{
		{"name", m.Name, "name", m.Name},
		{"sample_rate", g.SampleRate, "trained at", fmt.Sprintf("%d Hz", g.SampleRate)},
		{"rates", enhance.NativeRates(), "runs at", strings.Trim(fmt.Sprint(enhance.NativeRates()), "[]") + " Hz, others resampled"},
		{"frame_ms", 1000 * g.Frame.Seconds(), "window", fmt.Sprintf("%s, %v", ms(g.Frame.Seconds()), g.Window)},
		{"hop_ms", 1000 * g.Hop.Seconds(), "hop", ms(g.Hop.Seconds())},
		{"latency_ms", 1000 * m.Latency().Seconds(), "algorithmic latency", ms(m.Latency().Seconds())},
		{"speech_atoms", m.Speech.Rank, "speech dictionary", fmt.Sprintf("%d atoms of %d bins", m.Speech.Rank, m.Speech.Bins)},
		{"noise_atoms", m.Noise.Rank, "noise dictionary", fmt.Sprintf("%d atoms of %d bins", m.Noise.Rank, m.Noise.Bins)},
		{"features", m.Features.Inputs(), "features", heard(m.Features)},
		{"width", m.Network.Width(), "network", fmt.Sprintf("%d wide, recurrent layers of %s units", m.Network.Width(), strings.Join(layers, ", "))},
		{"refine", m.Refine != nil, "refinement", refine},
		{"filter", m.Filter != nil, "filter", filter},
		{"parameters", m.Parameters(), "parameters", fmt.Sprintf("%.3g million", float64(m.Parameters())/1e6)},
		{"macs_per_second", m.MACsPerSecond(), "cost", fmt.Sprintf("%.3g million multiply-adds per second of sound", m.MACsPerSecond()/1e6)},
	}
	for _, k := range slices.Sorted(maps.Keys(m.Meta)) {
		facts = append(facts, fact{k, m.Meta[k], k, m.Meta[k]})
	}
	return facts
}

// heard says what the network hears of a spectrum.
func heard(f enhance.FeatureSpec) string {
	words := fmt.Sprintf("levels of %d bands", f.Bands())
	if f.Floor {
		words += ", also above their noise floor"
	}
	if f.Advance > 0 {
		words += fmt.Sprintf(", phase advance of %d bins", f.Advance)
	}
	return words
}

func writeFacts(a *app, facts []fact) error {
	width := 0
	for _, f := range facts {
		width = max(width, len(f.title))
	}
	for _, f := range facts {
		if _, err := fmt.Fprintf(a.out, "%-*s  %s\n", width, f.title, f.words); err != nil {
			return err
		}
	}
	return nil
}

func writeFactsJSON(a *app, facts []fact) error {
	var t report.Table
	var row []any
	for _, f := range facts {
		t.Columns = append(t.Columns, report.Column{Key: f.key})
		row = append(row, f.value)
	}
	t.Add(row...)
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(t.Objects()[0])
}
