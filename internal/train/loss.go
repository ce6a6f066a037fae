package train

import (
	"math"
	"time"

	"sotto/internal/fastmath"
	"sotto/internal/metrics/pesq"
	"sotto/internal/nn"
)

// Compress is the exponent of the compressed-spectrum loss, 0.3 in GTCRN's
// published recipe and in Braun and Tashev (arXiv 2008.06412).
const Compress = 0.3

// LossConfig weighs the terms of the mask loss.
type LossConfig struct {
	// Complex is the share of the complex term in the compressed-spectrum error;
	// the rest goes to the magnitude term. 0.3, as GTCRN weighs them (30 and 70).
	Complex float64
	// Missing weighs the squared error once more where the output lacks energy
	// that the voice has: a hole in the voice is heard sooner than a rest of
	// noise, and without it a network that is unsure turns voices down that need
	// no help (the asymmetric loss of Wang et al., VoiceFilter-Lite, 2020).
	Missing float64
	// SISDR is the loss per decibel of scale-invariant SDR. 0 leaves it out.
	SISDR float64
	// Tilt is the exponent of the frequency weighting (1 + f/1 kHz)^-Tilt: equal
	// weight per bin gives the band above 4 kHz half of the loss, more than its
	// share in hearing or in PESQ. 0 weighs all bins alike.
	Tilt float64
	// Listening weighs the disturbance that the perceptual model of ITU-T P.862.2
	// hears, in points of its raw score. 0 leaves it out; it needs bins 31.25 Hz
	// apart.
	Listening float64
	// Intelligibility weighs what STOI lacks to 1. 0 leaves it out.
	Intelligibility float64
}

// DefaultLoss returns the weights that training begins with; the Makefile has what
// later runs of the shipped model changed.
func DefaultLoss() LossConfig { return LossConfig{Complex: 0.3, Missing: 1, SISDR: 0.04, Tilt: 0.5} }

// binWeights returns the weight of every bin; they have mean 1.
func (c LossConfig) binWeights(bins int, spacing float64) []float32 {
	w := make([]float32, bins)
	var sum float64
	for k := range w {
		v := math.Pow(1+float64(k)*spacing/1000, -c.Tilt)
		w[k] = float32(v)
		sum += v
	}
	for k := range w {
		w[k] *= float32(float64(bins) / sum)
	}
	return w
}

// target is what the mask loss needs to know of one bin. With A = (G|Y|)^c and
// B = |S|^c the compressed error is
//
//	m |A e^jy - B e^js|^2 + (1-m) (A-B)^2 = A^2 - 2 A B (m cos(y-s) + 1 - m) + B^2,
//
// so two numbers carry it; two more carry the SI-SDR in the STFT domain, where
// inner products of signals become sums over bins (Parseval).
type target struct {
	noisy float32 // |Y|^c
	match float32 // |S|^c (m cos + 1 - m)
	cross float32 // Re(Y S*)
	power float32 // |Y|^2
}

// targetFiller turns spectra into targets. It is not safe for concurrent use.
type targetFiller struct {
	share   float32   // LossConfig.Complex
	weights []float32 // of the loss, by bin
	// noisy and clean are |Y|^2 and |S|^2, and their compressed twins the
	// magnitudes to the power c.
	noisy, clean, noisyC, cleanC []float32
	bands                        []pesq.Band // of the listener; nil without
	thirds                       []third     // of intelligibility; nil without
	spacing                      float64     // of the bins, Hz
}

func newTargetFiller(cfg LossConfig, bins int, spacing float64) *targetFiller {
	f := &targetFiller{share: float32(cfg.Complex), weights: cfg.binWeights(bins, spacing), spacing: spacing}
	for _, v := range []*[]float32{&f.noisy, &f.clean, &f.noisyC, &f.cleanC} {
		*v = make([]float32, bins)
	}
	if cfg.Listening > 0 {
		f.bands = pesq.WideBands()
	}
	if cfg.Intelligibility > 0 {
		f.thirds = thirdOctaves(bins, spacing)
	}
	return f
}

// fill computes the targets of a frame with the noisy spectrum y and the clean
// spectrum s, what the filter needs of its lowest bins and the models of hearing of
// their bands, and returns the frame's share of the lane's sums.
func (f *targetFiller) fill(targets []target, low []lowBin, bands, voice []float32, y, s []complex64) laneScale {
	for k := range targets {
		f.noisy[k], f.clean[k] = power(y[k]), power(s[k])
	}
	fastmath.PowTo(f.noisyC, f.noisy, Compress/2)
	fastmath.PowTo(f.cleanC, f.clean, Compress/2)
	for k := range low {
		low[k] = lowBin{noisy: y[k], clean: s[k], compact: f.cleanC[k]}
	}
	var clean, speech, noisy float32
	for k := range targets {
		y2, s2 := f.noisy[k], f.clean[k]
		cross := real(y[k])*real(s[k]) + imag(y[k])*imag(s[k])
		t := target{cross: cross, power: y2}
		if y2 > 0 {
			t.noisy = f.noisyC[k]
			noisy += f.weights[k] * t.noisy * t.noisy
		}
		if s2 > 0 {
			c := f.cleanC[k]
			cos := cross / (float32(math.Sqrt(float64(y2)*float64(s2))) + 1e-20)
			t.match = c * (f.share*cos + 1 - f.share)
			speech += f.weights[k] * c * c
		}
		clean += s2
		targets[k] = t
	}
	scale := laneScale{clean: float64(clean), speech: float64(speech), noisy: float64(noisy)}
	if len(bands) > 0 {
		bandPowers(bands, f.bands, f.clean)
	}
	if len(voice) > 0 {
		describe(voice, f.thirds, f.clean, f.spacing)
	}
	if len(bands)+len(voice) > 0 {
		scale.listen(f.clean)
	}
	return scale
}

func power(z complex64) float32 { return real(z)*real(z) + imag(z)*imag(z) }

// laneLoss is the SI-SDR bookkeeping of one sequence.
type laneLoss struct {
	clean  float64 // |S|^2
	cross  float64 // <S^, S>
	output float64 // |S^|^2
}

// sisdrFloor bounds the SI-SDR that the loss still rewards, 10^-3 or 30 dB: a
// clip that is clean already must not dominate a batch.
const sisdrFloor = 1e-3

// residual returns the energy of the scaled clean signal in the output and of
// what remains, floored.
func (l laneLoss) residual() (wanted, rest float64) {
	wanted = l.cross * l.cross / l.clean
	return wanted, l.output - wanted + sisdrFloor*l.clean
}

// decibels returns the SI-SDR.
func (l laneLoss) decibels() float64 {
	wanted, rest := l.residual()
	return 10 * math.Log10((wanted+1e-12*l.clean)/rest)
}

// slopes returns a and b such that d SI-SDR / dG = a cross + b G power for each
// bin with mask G.
func (l laneLoss) slopes() (a, b float64) {
	wanted, rest := l.residual()
	const k = 10 / math.Ln10
	c := l.cross / l.clean
	// d wanted = 2 c cross dG, d rest = (2 G power - 2 c cross) dG.
	return k * 2 * c * (1/(wanted+1e-12*l.clean) + 1/rest), -k * 2 / rest
}

// useful says whether the lane has speech enough for an SI-SDR.
func (l laneLoss) useful() bool { return l.clean > 0 && l.cross > 0 }

// laneScale is what the loss needs to know of one sequence as a whole.
type laneScale struct {
	clean float64 // sum |S|^2
	// heard is its part from 350 to 3250 Hz, and voiced the number of frames in
	// which that is a sound at all; both for the models of hearing.
	heard  float64
	voiced int
	// speech and noisy are the weighted sums of |S|^2c and |Y|^2c.
	speech, noisy float64
}

// listen measures a frame with the given powers for them.
func (l *laneScale) listen(power []float32) {
	var sum float32
	for _, p := range power[pesq.LevelFirst : pesq.LevelLast+1] {
		sum += p
	}
	l.heard = float64(sum)
	if sum > soundPower {
		l.voiced = 1
	}
}

func (l *laneScale) add(m laneScale) {
	l.clean += m.clean
	l.heard += m.heard
	l.voiced += m.voiced
	l.speech += m.speech
	l.noisy += m.noisy
}

// reference is the denominator of the compressed error, which makes loud and
// quiet clips count alike. A tenth of the noisy energy keeps it finite in clips
// without speech.
func (l laneScale) reference() float64 { return l.speech + 0.1*l.noisy + 1e-9 }

// level returns the factor that brings the sequence's clean voice to the level of
// the perceptual model, or 0 where there is too little of a voice for one.
func (l laneScale) level(frames int) float32 {
	if l.voiced < leastVoiced {
		return 0
	}
	return float32(pesq.SpeechPower * float64(frames) / l.heard)
}

const (
	// leastVoiced is 0.2 s in frames of the default hop: P.862 scores no less.
	leastVoiced = 25
	// soundPower is that of a frame from 350 to 3250 Hz at about -75 dBFS.
	soundPower = 2e-8
)

// lossTerms are the means over a batch of what the loss is made of.
type lossTerms struct {
	Total float64
	// Compressed is the weighted compressed-spectrum error relative to the
	// energy of the clean compressed spectrum.
	Compressed float64
	// SISDR is the mean SI-SDR in dB, in the STFT domain, over lanes with speech.
	SISDR float64
	// Heard is the mean disturbance in points of raw PESQ over lanes with speech, and
	// Lost the mean of what their STOI lacks to 1.
	Heard, Lost float64
}

// maskLoss computes the loss of a batch's masks and its gradient.
type maskLoss struct {
	cfg     LossConfig
	weights []float32 // by bin
	lanes   []laneLoss
	dg      nn.Mat
	// gain and compact are a row of the masks, bounded below, and to the power c.
	gain, compact []float32
	power         []float32 // of a row of the output, or slopes by them
	low           filtering
	// Models of hearing; nil without their terms.
	listener        ear
	intelligibility ear
}

// newMaskLoss makes the loss for bins that lie spacing Hz apart, and frames hop apart.
func newMaskLoss(cfg LossConfig, bins int, spacing float64, hop time.Duration) *maskLoss {
	l := &maskLoss{
		cfg: cfg, weights: cfg.binWeights(bins, spacing),
		gain: make([]float32, bins), compact: make([]float32, bins), power: make([]float32, bins),
	}
	if cfg.Listening > 0 {
		l.listener = newListener()
	}
	if cfg.Intelligibility > 0 {
		l.intelligibility = newIntelligibility(bins, spacing, hop)
	}
	return l
}

// gradient returns the loss terms of masks g and filters c, which may be empty,
// and their gradients, the mean over lanes.
func (l *maskLoss) gradient(b *batch, g, c nn.Mat) (terms lossTerms, dg, dc nn.Mat) {
	bins := g.Cols
	l.dg = l.dg.Resize(g.Rows, bins)
	l.lanes = append(l.lanes[:0], make([]laneLoss, b.lanes)...)
	for i, s := range b.scales {
		l.lanes[i].clean = s.clean
		terms.Compressed += s.speech / s.reference() / float64(b.lanes)
	}
	l.low.start(c, b.lowBins)
	filtered := l.low.bins > 0
	for row := range g.Rows {
		lane := row % b.lanes
		scale := 1 / (b.scales[lane].reference() * float64(b.lanes))
		if filtered {
			terms.Compressed += scale * l.low.compressed(l, b, row, g.Row(row), float32(scale), &l.lanes[lane])
		}
		terms.Compressed += scale * l.compressed(b, row, g.Row(row), float32(scale), &l.lanes[lane])
	}
	terms.SISDR = l.sisdr(b, g)
	if l.listener != nil {
		terms.Heard = l.listen(l.listener, l.cfg.Listening, b, g)
	}
	if l.intelligibility != nil {
		terms.Lost = l.listen(l.intelligibility, l.cfg.Intelligibility, b, g)
	}
	terms.Total = terms.Compressed - l.cfg.SISDR*terms.SISDR + l.cfg.Listening*terms.Heard + l.cfg.Intelligibility*terms.Lost
	if filtered {
		for row := range g.Rows {
			l.low.backward(b, row, g.Row(row), l.dg.Row(row))
		}
	}
	return terms, l.dg, l.low.dc
}

// compressed returns the compressed error of the bins of one frame that are not
// filtered, without the constant |S|^2c, sets dg to its gradient times scale, and
// gathers the frame's share of the lane's inner products.
func (l *maskLoss) compressed(b *batch, row int, g []float32, scale float32, lane *laneLoss) float64 {
	var sum, cross, output float32
	low, missing := l.low.bins, float32(l.cfg.Missing)
	targets, dg := b.targetRow(row, len(g))[low:], l.dg.Row(row)[low:]
	g = g[low:]
	weights, bounded := l.weights[low:][:len(targets)], l.gain[:len(targets)]
	for k, v := range g {
		bounded[k] = max(v, minGain)
	}
	compact := fastmath.PowTo(l.compact, bounded, Compress)
	dg = dg[:len(targets)]
	for k := range targets {
		t, gain := &targets[k], bounded[k]
		a := t.noisy * compact[k]
		sum += weights[k] * a * (a - 2*t.match)
		excess := a - t.match
		if excess < 0 {
			sum += missing * weights[k] * excess * excess
			excess *= 1 + missing
		}
		// dA/dG = c A/G.
		dg[k] = scale * weights[k] * 2 * Compress * a * excess / gain
		cross += gain * t.cross
		output += gain * gain * t.power
	}
	lane.cross += float64(cross)
	lane.output += float64(output)
	return float64(sum)
}

// minGain bounds the slope of G^c near zero: -80 dB.
const minGain = 1e-4

// sisdr returns the mean SI-SDR of the lanes that hold speech and adds the
// gradient of -SISDR times it to dg, and in the filtered bins to that of the
// filter's output.
func (l *maskLoss) sisdr(b *batch, g nn.Mat) float64 {
	low := l.low.bins
	var sum, count float64
	slopeCross, slopePower := make([]float32, b.lanes), make([]float32, b.lanes)
	for i, lane := range l.lanes {
		if !lane.useful() {
			continue
		}
		sum += lane.decibels()
		count++
		a, c := lane.slopes()
		slopeCross[i] = float32(-l.cfg.SISDR * a)
		slopePower[i] = float32(-l.cfg.SISDR * c)
	}
	if count == 0 {
		return 0
	}
	share := float32(1 / count)
	for row := range g.Rows {
		lane := row % b.lanes
		sc, sp := share*slopeCross[lane], share*slopePower[lane]
		if sc == 0 && sp == 0 {
			continue
		}
		gr := g.Row(row)
		if low > 0 {
			l.low.addSISDR(b, row, gr, sc, sp)
		}
		targets, gr, dg := b.targetRow(row, g.Cols)[low:], gr[low:], l.dg.Row(row)[low:]
		for k := range targets {
			dg[k] += sc*targets[k].cross + sp*gr[k]*targets[k].power
		}
	}
	return sum / count
}
