// Package assets holds what is built into the program: the trained models and
// one noisy recording to try them on.
//
// Models are safetensors files (docs/model-format.md) below models/, their
// cards are in MODELS.md, and the recording's origin is in there too:
//
//	m, err := enhance.Read(bytes.NewReader(assets.DefaultModel()))
package assets

import (
	"embed"
	"path"
	"slices"
	"strings"
)

// Default is the name of the model that is used when none is named.
const Default = "default"

// extension is that of model files.
const extension = ".safetensors"

//go:embed models demo
var files embed.FS

// Names returns the names of the built-in models, in alphabetical order.
func Names() []string {
	entries, err := files.ReadDir("models")
	if err != nil {
		panic("assets: " + err.Error()) // the folder is embedded
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), extension); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Model returns the file of a built-in model, and whether there is one of that
// name.
func Model(name string) ([]byte, bool) {
	b, err := files.ReadFile(path.Join("models", name+extension))
	return b, err == nil
}

// DefaultModel returns the file of the model named [Default], or nil in a
// build without models.
func DefaultModel() []byte {
	b, _ := Model(Default)
	return b
}

// Sample is a noisy recording that comes with the program: six seconds of
// 16 kHz mono FLAC, the first of them noise alone. No model was trained on it.
type Sample struct {
	// Noisy is the recording.
	Noisy []byte
	// Clean is the voice alone, sample for sample, to score against.
	Clean []byte
}

// Demo returns the recording for the demonstration.
func Demo() Sample {
	read := func(name string) []byte {
		b, err := files.ReadFile(path.Join("demo", name))
		if err != nil {
			panic("assets: " + err.Error()) // the files are embedded
		}
		return b
	}
	return Sample{Noisy: read("noisy.flac"), Clean: read("clean.flac")}
}
