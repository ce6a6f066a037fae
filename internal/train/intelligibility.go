package train

import (
	"math"
	"time"

	"sotto/internal/metrics/stoi"
	"sotto/internal/nn"
)

// third is a third-octave band, by the share that it has of every bin from first on.
type third struct {
	first  int
	shares []float32
}

// thirdOctaves returns STOI's bands on bins that lie spacing Hz apart. The lowest
// are narrower than two bins, so bins on an edge are shared.
func thirdOctaves(bins int, spacing float64) []third {
	bands := make([]third, stoi.Bands)
	for i := range bands {
		low, high := stoi.BandEdges(i)
		low, high = low/spacing+0.5, high/spacing+0.5 // bin k reaches from k to k+1
		first := int(low)
		bands[i].first = first
		for k := first; k < min(bins, int(math.Ceil(high))); k++ {
			share := min(high, float64(k+1)) - max(low, float64(k))
			bands[i].shares = append(bands[i].shares, float32(share))
		}
	}
	return bands
}

// stillPower is added to the power of every band, far less than a bit of 16 has: it
// keeps the slope of a root finite in digital silence.
const stillPower = 1e-14

// voiceRow is how many values a row of the clean voice has: the envelopes of its
// bands and the power by which STOI tells whether there is a voice.
const voiceRow = stoi.Bands + 1

// describe sets such a row from the powers of the bins.
func describe(dst []float32, bands []third, power []float32, spacing float64) {
	envelopes(dst[:stoi.Bands], bands, power)
	var sum float32
	for _, p := range power[:min(len(power), int(stoi.TopFrequency/spacing))] {
		sum += p
	}
	dst[stoi.Bands] = sum
}

// envelopes writes the magnitude of every band of a spectrum of powers.
func envelopes(dst []float32, bands []third, power []float32) {
	for i, band := range bands {
		var sum float32
		for k, share := range band.shares {
			sum += share * power[band.first+k]
		}
		dst[i] = float32(math.Sqrt(float64(sum + stillPower)))
	}
}

// segmentStep is the number of frames from one segment to the next: STOI has a
// segment end in every frame, but neighbours share all but one of their frames.
const segmentStep = 4

// intelligibility computes what the output's STOI lacks to 1, as Fu et al. (IEEE/ACM
// TASLP 26(9), 2018) trained with it. Its frames are those of the trainer (window,
// hop), joined without those in which the voice is still; their envelopes are not
// made anew from the joined signal.
type intelligibility struct {
	bands   []third
	segment int // frames
	// kept has the rows of every lane in which there is a voice.
	kept [][]int
	// rows x bands: the output's envelopes, and the slopes of the judgement by them.
	output, slopes nn.Mat
	// Of a segment of a band: the envelopes of the voice, as they are and without their
	// mean, of the output, and of the output scaled and clipped.
	clean, x, y, z []float32
	most           float32 // of the output by the voice, where it is clipped
}

func newIntelligibility(bins int, spacing float64, hop time.Duration) *intelligibility {
	n := int((stoi.Segment + hop/2) / hop)
	return &intelligibility{
		bands: thirdOctaves(bins, spacing), segment: n,
		clean: make([]float32, n), x: make([]float32, n), y: make([]float32, n), z: make([]float32, n),
		most: float32(1 + math.Pow(10, stoi.ClipDB/20)),
	}
}

func (h *intelligibility) start(b *batch) {
	rows := b.lanes * b.frames
	h.output, h.slopes = h.output.Resize(rows, len(h.bands)), h.slopes.Resize(rows, len(h.bands))
	clear(h.slopes.Data)
	h.kept = resized(h.kept, b.lanes)
	for lane := range h.kept {
		h.kept[lane] = voicedRows(h.kept[lane][:0], b, lane)
	}
}

// voicedRows appends the rows of a lane within STOI's range below its loudest; none
// if the lane has no voice.
func voicedRows(dst []int, b *batch, lane int) []int {
	if b.scales[lane].voiced < leastVoiced {
		return dst
	}
	energy := func(row int) float32 { return b.voiceRow(row)[stoi.Bands] }
	var loudest float32
	for row := lane; row < b.lanes*b.frames; row += b.lanes {
		loudest = max(loudest, energy(row))
	}
	least := loudest * float32(math.Pow(10, -stoi.DynamicRange/10))
	for row := lane; row < b.lanes*b.frames; row += b.lanes {
		if energy(row) > least {
			dst = append(dst, row)
		}
	}
	return dst
}

func (h *intelligibility) hears(lane int) bool { return len(h.kept[lane]) >= h.segment }

func (h *intelligibility) hear(_ *batch, row int, power []float32) {
	envelopes(h.output.Row(row), h.bands, power)
}

// judge returns what the STOI of a lane lacks to 1.
func (h *intelligibility) judge(b *batch, lane int) float64 {
	rows := h.kept[lane]
	count := (len(rows)-h.segment)/segmentStep + 1
	share := 1 / float32(count*len(h.bands))
	var sum float32
	for i := range count {
		at := rows[i*segmentStep:][:h.segment]
		for band := range h.bands {
			for t, row := range at {
				h.clean[t], h.y[t] = b.voiceRow(row)[band], h.output.Row(row)[band]
			}
			sum += share * h.correlate()
			for t, row := range at {
				h.slopes.Row(row)[band] -= share * h.y[t]
			}
		}
	}
	return 1 - float64(sum)
}

// correlate returns the correlation of h.clean and h.y as STOI has it, where y is scaled
// to the norm of the voice and clipped where it is far above, and turns h.y into the slopes.
func (h *intelligibility) correlate() float32 {
	copy(h.x, h.clean)
	var xx, yy float32
	for i, v := range h.x {
		xx += v * v
		yy += h.y[i] * h.y[i]
	}
	scale := float32(math.Sqrt(float64(xx / yy)))
	for i, v := range h.y {
		h.z[i] = min(scale*v, h.most*h.x[i])
	}
	sx, sz := centre(h.x)+flattest*xx, centre(h.z)+flattest*xx
	norm := 1 / float32(math.Sqrt(float64(sx*sz)))
	var rho float32
	for i, v := range h.x {
		rho += norm * v * h.z[i]
	}
	// d rho/dz = x norm - z rho/|z|^2. Where y is not clipped z is scale y, and
	// d scale/dy = -scale y/|y|^2.
	var along float32
	for i, v := range h.y {
		if clipped := scale*v >= h.most*h.clean[i]; clipped {
			h.z[i] = 0
		} else {
			h.z[i] = scale * (norm*h.x[i] - rho/sz*h.z[i])
		}
		along += h.z[i] * v / yy
	}
	for i, v := range h.y {
		h.y[i] = h.z[i] - along*v
	}
	return rho
}

// flattest is the modulation of an envelope below which it counts as flat, 30 dB below
// its power: it bounds the slopes of an output without any.
const flattest = 1e-3

// centre takes the mean from x and returns the energy of the rest.
func centre(x []float32) (energy float32) {
	var mean float32
	for _, v := range x {
		mean += v / float32(len(x))
	}
	for i := range x {
		x[i] -= mean
		energy += x[i] * x[i]
	}
	return energy
}

func (h *intelligibility) addSlopes(slopes []float32, row int, scale float32) {
	byEnvelope, output := h.slopes.Row(row), h.output.Row(row)
	for i, band := range h.bands {
		v := scale * byEnvelope[i] / (2 * output[i])
		for k, share := range band.shares {
			slopes[band.first+k] += v * share
		}
	}
}
