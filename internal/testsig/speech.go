package testsig

import (
	"math"
	"math/rand/v2"
)

// formant is one resonance of the synthetic vocal tract, in Hz.
type formant struct{ freq, width float64 }

// vowels are rough formant sets of /a/, /i/, /u/, /e/ and /o/ (averages of adult speakers, rounded to 50 Hz; tests need the
// shape, not phonetics).
var vowels = [...][3]formant{
	{{750, 90}, {1150, 110}, {2450, 170}},
	{{300, 60}, {2250, 120}, {3000, 180}},
	{{350, 60}, {850, 90}, {2400, 160}},
	{{550, 80}, {1850, 110}, {2550, 170}},
	{{500, 80}, {900, 90}, {2500, 160}},
}

// voice is the state of the synthetic talker between syllables.
type voice struct {
	rate, pitch, phase float64
	rng                *rand.Rand
	gains              []float64
	last               float64 // previous noise sample, for the fricatives' high-pass.
}

// SpeechLike returns n samples at rate Hz that have what a speech enhancer looks for: harmonics of a gliding pitch (90 to
// 240 Hz) under moving formants, fricative-like noise, about four syllables a second, and pauses of digital silence. The
// peak stays below 0.9; the RMS over the voiced parts is near 0.1.
func SpeechLike(n, rate int, seed uint64) []float32 {
	v := &voice{rate: float64(rate), rng: rand.New(rand.NewPCG(seed, 0x766f6963))}
	v.pitch = 100 + 110*v.rng.Float64()
	x := make([]float32, n)
	for pos := 0; pos < n; {
		length := int((0.12 + 0.2*v.rng.Float64()) * v.rate)
		part := x[pos:min(pos+length, n)]
		switch u := v.rng.Float64(); {
		case u < 0.2: // A pause: the samples stay zero.
		case u < 0.35:
			v.fricative(part, length)
		default:
			v.vowel(part, length)
		}
		pos += length
	}
	return x
}

// vowel adds a voiced syllable of the given nominal length.
func (v *voice) vowel(x []float32, length int) {
	shape := vowels[v.rng.IntN(len(vowels))]
	glide := (v.rng.Float64() - 0.5) * 0.3
	v.pitch = min(max(v.pitch*(1+(v.rng.Float64()-0.5)*0.2), 90), 240)
	v.setGains(shape)
	for i := range x {
		u := float64(i) / float64(length)
		v.phase += 2 * math.Pi * v.pitch * (1 + glide*(u-0.5)) / v.rate
		env := math.Sin(math.Pi * u)
		x[i] = float32(env * v.harmonics())
	}
	v.phase = math.Mod(v.phase, 2*math.Pi)
}

// setGains places the harmonics of the present pitch under the formants, and scales them to an RMS of 0.15 before the
// syllable's envelope.
func (v *voice) setGains(shape [3]formant) {
	top := min(4000, 0.45*v.rate)
	v.gains = v.gains[:0]
	var power float64
	for f := v.pitch; f*1.15 < top; f += v.pitch {
		var g float64
		for i, r := range shape {
			d := (f - r.freq) / (2 * r.width)
			g += math.Pow(0.5, float64(i)) / (1 + d*d)
		}
		g += 0.02
		v.gains = append(v.gains, g)
		power += g * g / 2
	}
	for i := range v.gains {
		v.gains[i] *= 0.15 / math.Sqrt(power)
	}
}

// harmonics returns one sample of the voiced source. Schroeder phases (-pi k(k-1)/K) keep the crest factor low.
func (v *voice) harmonics() float64 {
	var s float64
	count := float64(len(v.gains))
	for i, g := range v.gains {
		k := float64(i + 1)
		s += g * math.Sin(k*v.phase-math.Pi*k*(k-1)/count)
	}
	return s
}

// fricative adds a burst of high-passed noise.
func (v *voice) fricative(x []float32, length int) {
	for i := range x {
		w := v.rng.NormFloat64()
		env := math.Sin(math.Pi * float64(i) / float64(length))
		x[i] = float32(max(-0.5, min(0.5, 0.03*env*(w-0.9*v.last))))
		v.last = w
	}
}
