package train

import (
	"fmt"
	"math"
	"time"

	"sotto/enhance"
	"sotto/internal/corpus"
	"sotto/internal/nn"
	"sotto/stft"
)

// batch is a set of mixtures ready for the network: time-major, row t*lanes+b
// is frame t of lane b.
type batch struct {
	lanes, frames int
	features      nn.Mat
	targets       []target // frames*lanes rows of bins
	lowBins       int
	low           []lowBin    // frames*lanes rows of lowBins
	bandCount     int         // of the listener; 0 without
	bands         []float32   // frames*lanes rows of bandCount: the clean voice's powers
	voices        []float32   // frames*lanes rows of voiceRow, for intelligibility; none without
	scales        []laneScale // by lane
	// speech and noise are magnitudes relative to the running level, the unit of
	// the activations. They are filled for the paper's step only.
	speech, noise nn.Mat
}

// Source yields mixture number i; it is a pure function of i and safe for
// concurrent use. corpus.Mixer is the source in training.
type Source interface {
	Mix(i uint64, m *corpus.Mixture)
}

// preparer turns mixtures into one batch after another. It is not safe for
// concurrent use; every mixing goroutine has its own.
type preparer struct {
	source       Source
	bins         int
	lowBins      int // bins that the filter changes
	targets      *targetFiller
	encodings    bool
	noisy, clean *stft.Analyzer
	features     *enhance.Features
	hop, inputs  int
	mixture      corpus.Mixture
	y, s         []complex64
}

func newPreparer(cfg *NetConfig, src Source, spec enhance.FeatureSpec) (*preparer, error) {
	grid := cfg.Grid
	transform := grid.At(grid.SampleRate)
	noisy, err := stft.NewAnalyzer(transform)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	clean, err := stft.NewAnalyzer(transform)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return &preparer{
		source: src, bins: grid.Bins(), lowBins: cfg.Shape.filtered(), targets: newTargetFiller(cfg.Loss, grid.Bins(), 1/grid.Frame.Seconds()),
		noisy: noisy, clean: clean, features: enhance.NewFeatures(spec, grid.Hop), hop: transform.HopSize(), inputs: spec.Inputs(),
		y: make([]complex64, grid.Bins()), s: make([]complex64, grid.Bins()),
	}, nil
}

// resize makes room for lanes sequences of frames frames.
func (b *batch) resize(lanes, frames, features, bins, low, bands int, voices, encodings bool) {
	rows := lanes * frames
	b.lanes, b.frames, b.lowBins = lanes, frames, low
	b.features = b.features.Resize(rows, features)
	b.targets = resized(b.targets, rows*bins)
	b.low = resized(b.low, rows*low)
	b.bandCount = bands
	b.bands = resized(b.bands, rows*bands)
	b.voices = b.voices[:0]
	if voices {
		b.voices = resized(b.voices, rows*voiceRow)
	}
	b.scales = make([]laneScale, lanes)
	if encodings {
		b.speech, b.noise = b.speech.Resize(rows, bins), b.noise.Resize(rows, bins)
	} else {
		b.speech, b.noise = nn.Mat{}, nn.Mat{}
	}
}

// resized returns x with n elements, whatever they hold.
func resized[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// targetRow returns the targets of one frame of one lane.
func (b *batch) targetRow(row, bins int) []target { return b.targets[row*bins : (row+1)*bins] }

// lowRow returns its bins that the filter changes.
func (b *batch) lowRow(row int) []lowBin { return b.low[row*b.lowBins : (row+1)*b.lowBins] }

// bandRow returns the powers of its clean voice in the listener's bands.
func (b *batch) bandRow(row int) []float32 { return b.bands[row*b.bandCount : (row+1)*b.bandCount] }

// voiceRow returns what intelligibility needs of its clean voice; nil without.
func (b *batch) voiceRow(row int) []float32 {
	if len(b.voices) == 0 {
		return nil
	}
	return b.voices[row*voiceRow : (row+1)*voiceRow]
}

// fill prepares mixtures first, first+1, ... one a lane.
func (p *preparer) fill(b *batch, first uint64, lanes int, segment time.Duration) {
	frames := int(segment.Seconds()*float64(corpus.SampleRate)) / p.hop
	b.resize(lanes, frames, p.inputs, p.bins, p.lowBins, len(p.targets.bands), p.targets.thirds != nil, p.encodings)
	for lane := range lanes {
		p.source.Mix(first+uint64(lane), &p.mixture)
		p.fillLane(b, lane)
	}
}

func (p *preparer) fillLane(b *batch, lane int) {
	p.noisy.Reset()
	p.clean.Reset()
	p.features.Reset()
	for t := range b.frames {
		row := t*b.lanes + lane
		at := t * p.hop
		p.noisy.Analyze(p.y, p.mixture.Noisy[at:at+p.hop])
		p.clean.Analyze(p.s, p.mixture.Clean[at:at+p.hop])
		p.features.Compute(b.features.Row(row), p.y)
		b.scales[lane].add(p.targets.fill(b.targetRow(row, p.bins), b.lowRow(row), b.bandRow(row), b.voiceRow(row), p.y, p.s))
		if p.encodings {
			p.fillMagnitudes(b.speech.Row(row), b.noise.Row(row))
		}
	}
}

// fillMagnitudes writes |S| and |Y-S| relative to the running level.
func (p *preparer) fillMagnitudes(speech, noise []float32) {
	scale := float32(math.Exp(-float64(p.features.Level())))
	for k, s := range p.s {
		n := p.y[k] - s
		speech[k] = scale * magnitude(s)
		noise[k] = scale * magnitude(n)
	}
}

func magnitude(z complex64) float32 { return float32(math.Sqrt(float64(power(z)))) }
