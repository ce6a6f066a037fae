// Package composite predicts the three ratings of a listening test after ITU-T P.835 from four objective measures, by the linear
// regressions of Hu and Loizou:
//
//	CSIG = 3.093 - 1.029 LLR + 0.603 PESQ - 0.009 WSS                   signal distortion alone
//	CBAK = 1.634 + 0.478 PESQ - 0.007 WSS + 0.063 segmental SNR         intrusiveness of the background alone
//	COVL = 1.594 + 0.805 PESQ - 0.512 LLR - 0.007 WSS                   overall quality
//
// each limited to the scale of opinions, 1 (bad) to 5 (excellent). The LLR is the one without a limit per frame.
//
// The regressions were fitted at 8 kHz, on raw narrow-band PESQ. At 16 kHz the literature puts the wide-band MOS-LQO in its place, and so
// must the caller to compare with it.
//
// Source: Y. Hu and P. C. Loizou, "Evaluation of objective quality measures for speech enhancement", IEEE TASL 16(1), 2008, with the
// coefficients of the authors' program.
package composite

import (
	"fmt"

	"sotto/internal/metrics/segmental"
)

// Result holds the three predicted ratings, from 1 to 5.
type Result struct {
	CSIG, CBAK, COVL float64
}

// Parts holds the measures that the ratings are made of.
type Parts struct {
	PESQ   float64 // raw narrow-band score at 8 kHz, wide-band MOS-LQO at 16 kHz
	LLR    float64 // segmental.LLRUnlimited
	WSS    float64 // segmental.WSS
	SegSNR float64 // segmental.SNR, dB
}

// Score compares est with the clean ref, both at 8000 or 16000 Hz, given the PESQ score of the same pair: the raw narrow-band score,
// from -0.5 to 4.5, at 8000 Hz, the wide-band MOS-LQO, from 1 to 4.65, at 16000 Hz.
//
// Other rates, other scores, and the signals that package segmental refuses give an error.
func Score(ref, est []float32, rate int, pesq float64) (Result, error) {
	if rate != 8000 && rate != 16000 {
		return Result{}, fmt.Errorf("composite: sample rate is %d Hz, expected 8000 or 16000: resample both signals", rate)
	}
	if !(pesq >= -0.5 && pesq <= 5) {
		return Result{}, fmt.Errorf("composite: PESQ is %v, expected a score from -0.5 to 5: measure it on the same pair", pesq)
	}
	p := Parts{PESQ: pesq}
	for _, m := range []struct {
		value   *float64
		measure func(ref, est []float32, rate int) (float64, error)
	}{{&p.LLR, segmental.LLRUnlimited}, {&p.WSS, segmental.WSS}, {&p.SegSNR, segmental.SNR}} {
		v, err := m.measure(ref, est, rate)
		if err != nil {
			return Result{}, fmt.Errorf("composite: %w", err)
		}
		*m.value = v
	}
	return Combine(p), nil
}

// Combine returns the ratings for measures that are at hand.
func Combine(p Parts) Result {
	return Result{
		CSIG: limit(3.093 - 1.029*p.LLR + 0.603*p.PESQ - 0.009*p.WSS),
		CBAK: limit(1.634 + 0.478*p.PESQ - 0.007*p.WSS + 0.063*p.SegSNR),
		COVL: limit(1.594 + 0.805*p.PESQ - 0.512*p.LLR - 0.007*p.WSS),
	}
}

func limit(rating float64) float64 { return min(max(rating, 1), 5) }
