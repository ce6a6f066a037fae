package dict

import (
	"testing"
)

// pair returns target and mixture frames of two different sources.
func pair(t *testing.T) (target, mix *Frames, speech, noise *Dictionary) {
	t.Helper()
	target, other := mixture(24, 400, 5, 11), mixture(24, 400, 5, 12)
	mix = &Frames{Bins: target.Bins, Count: target.Count}
	for i, v := range target.Data {
		mix.Data = append(mix.Data, v+other.Data[i])
	}
	var err error
	if speech, err = NMF(t.Context(), target, NMFConfig{Rank: 4, Iterations: 30}, nil); err != nil {
		t.Fatal(err)
	}
	if noise, err = NMF(t.Context(), other, NMFConfig{Rank: 3, Iterations: 30}, nil); err != nil {
		t.Fatal(err)
	}
	return target, mix, speech, noise
}

func TestDiscriminativeNeverRises(t *testing.T) {
	target, mix, speech, noise := pair(t)
	var all []float64
	ws, wn, err := Discriminative(t.Context(), target, mix, speech, noise, DiscriminativeConfig{Iterations: 60},
		func(s Stats) { all = append(all, s.Objective) })
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(all); i++ {
		if all[i] > all[i-1]*(1+1e-6) {
			t.Errorf("iteration %d: objective rose from %.9g to %.9g", i+1, all[i-1], all[i])
		}
	}
	t.Logf("objective %.4g -> %.4g", all[0], all[len(all)-1])
	if all[len(all)-1] > 0.95*all[0] {
		t.Errorf("objective went from %g to %g only", all[0], all[len(all)-1])
	}
	if ws.Rank != 4 || wn.Rank != 3 || minimum(ws.W) < 0 || minimum(wn.W) < 0 {
		t.Errorf("results of rank %d and %d with least elements %g and %g", ws.Rank, wn.Rank, minimum(ws.W), minimum(wn.W))
	}
	if &ws.W[0] == &speech.W[0] {
		t.Error("the analysis dictionary was overwritten")
	}
}

func TestDiscriminativeRefusesUnequalFrames(t *testing.T) {
	target, mix, speech, noise := pair(t)
	short := &Frames{Bins: mix.Bins, Count: mix.Count - 1, Data: mix.Data[:(mix.Count-1)*mix.Bins]}
	if _, _, err := Discriminative(t.Context(), target, short, speech, noise, DiscriminativeConfig{}, nil); err == nil {
		t.Error("399 frames of mixture for 400 of target gave no error")
	}
	narrow := &Dictionary{Bins: 5, Rank: 1, W: make([]float32, 5), Scale: 1}
	if _, _, err := Discriminative(t.Context(), target, mix, narrow, noise, DiscriminativeConfig{}, nil); err == nil {
		t.Error("a dictionary of 5 bins for frames of 24 gave no error")
	}
}
