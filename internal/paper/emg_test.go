package paper

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/internal/testsig"
)

// madeRecording has two movements of four repetitions, made of two synergies
// each on six channels.
func madeRecording(subject string, seed uint64) *Recording {
	const channels, length = 6, 60
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &Recording{Subject: subject, Channels: make([][]float32, channels)}
	for label := 1; label <= 2; label++ {
		var synergies [2][channels]float64
		for k := range synergies {
			for c := range channels {
				synergies[k][c] = rng.Float64()
			}
		}
		for repetition := range 5 {
			for t := range length {
				h := [2]float64{math.Sin(math.Pi * float64(t) / length), rng.Float64()}
				for c := range channels {
					v := 0.01 * rng.Float64()
					if repetition > 0 {
						v += 20 * (h[0]*synergies[0][c] + h[1]*synergies[1][c])
					}
					r.Channels[c] = append(r.Channels[c], float32(v))
				}
				r.Movement = append(r.Movement, label*min(repetition, 1))
				r.Repetition = append(r.Repetition, repetition)
			}
		}
	}
	return r
}

// table writes a recording as CSV.
func (r *Recording) table() []byte {
	var b bytes.Buffer
	for c := range r.Channels {
		fmt.Fprintf(&b, "ch%d,", c+1)
	}
	b.WriteString("restimulus,rerepetition\n")
	for t := range r.Movement {
		for _, c := range r.Channels {
			fmt.Fprintf(&b, "%v,", c[t])
		}
		fmt.Fprintf(&b, "%d,%d\n", r.Movement[t], r.Repetition[t])
	}
	return b.Bytes()
}

// matFile writes a recording as an uncompressed MAT-file of doubles.
func (r *Recording) matFile() []byte {
	o := binary.LittleEndian
	b := make([]byte, 128)
	o.PutUint16(b[124:], 0x0100)
	copy(b[126:], "IM")
	matrix := func(name string, rows, cols int, value func(i, j int) float64) {
		m := o.AppendUint64(o.AppendUint64([]byte{6, 0, 0, 0, 8, 0, 0, 0}, 6), 8<<32|5) // flags: double
		m = o.AppendUint32(o.AppendUint32(m, uint32(rows)), uint32(cols))
		m = o.AppendUint32(o.AppendUint32(m, 1), uint32(len(name)))
		m = append(append(m, name...), make([]byte, (8-len(name)%8)%8)...)
		m = o.AppendUint32(o.AppendUint32(m, 9), uint32(8*rows*cols))
		for j := range cols {
			for i := range rows {
				m = o.AppendUint64(m, math.Float64bits(value(i, j)))
			}
		}
		b = append(o.AppendUint32(o.AppendUint32(b, 14), uint32(len(m))), m...)
	}
	matrix("emg", len(r.Movement), len(r.Channels), func(i, j int) float64 { return float64(r.Channels[j][i]) })
	matrix("restimulus", len(r.Movement), 1, func(i, _ int) float64 { return float64(r.Movement[i]) })
	matrix("rerepetition", len(r.Movement), 1, func(i, _ int) float64 { return float64(r.Repetition[i]) })
	return b
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// TestLoadEMG reads the same recording in all formats.
func TestLoadEMG(t *testing.T) {
	dir := t.TempDir()
	r := madeRecording("S1", 1)
	for name, b := range map[string][]byte{"S1_A1_E1.mat": r.matFile(), "S2_E1.csv.gz": gzipped(t, r.table()), "S3.csv": r.table(), "notes.txt": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all, err := LoadEMG(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[0].Subject != "S1" || all[1].Subject != "S2" || all[2].Subject != "S3" {
		t.Fatalf("%d recordings, want S1, S2 and S3", len(all))
	}
	for _, got := range all {
		for c := range r.Channels {
			testsig.Near(t, got.Subject, got.Channels[c], r.Channels[c], 0)
		}
		for i := range r.Movement {
			if got.Movement[i] != r.Movement[i] || got.Repetition[i] != r.Repetition[i] {
				t.Fatalf("%s: sample %d is of movement %d, repetition %d, want %d and %d",
					got.Subject, i, got.Movement[i], got.Repetition[i], r.Movement[i], r.Repetition[i])
			}
		}
	}
}

func TestLoadEMGErrors(t *testing.T) {
	for want, file := range map[string]struct {
		name string
		data string
	}{
		"expected ch1":         {"S1.csv", "a,b\n1,2\n"},
		"rectified":            {"S1.csv", "ch1,restimulus,rerepetition\n-1,0,0\n"},
		"no samples":           {"S1.csv", "ch1,restimulus,rerepetition\n"},
		"invalid syntax":       {"S1.csv", "ch1,restimulus,rerepetition\nx,0,0\n"},
		"version 5":            {"S1.mat", "x"},
		"holds no recordings":  {"S1.txt", "x"},
		"gzip: invalid header": {"S1.csv.gz", "0123456789"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file.name), []byte(file.data), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadEMG(t.Context(), dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestRunEMG checks the experiment on signals that two synergies explain: NMF
// of rank 2 must account for them, on repetitions it has not seen too.
func TestRunEMG(t *testing.T) {
	cfg := DefaultEMG()
	cfg.Quick()
	cfg.Rank, cfg.Held, cfg.NMFIterations, cfg.MixIterations = 2, []int{2}, 300, 100
	r, err := RunEMG(t.Context(), []*Recording{madeRecording("S1", 1), madeRecording("S2", 2)}, cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Subjects {
		if s.Movements != 2 {
			t.Errorf("%s has %d movements, want 2", s.Subject, s.Movements)
		}
		for _, part := range []string{learned, held} {
			if v := uncentred(s.VAF[part][emgNMF]); v < 0.99 || v > 1 {
				t.Errorf("%s, %s: NMF accounts for %.4f, want 0.99 or more", s.Subject, part, v)
			}
		}
	}
	var md bytes.Buffer
	if err := r.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 subjects, 4 movements, 6 channels", "over-fitting?", "held out"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if _, err := r.Reconstructions(); err != nil {
		t.Error(err)
	}
	if _, err := r.Synergies(); err != nil {
		t.Error(err)
	}
	if got := len(r.example.original[0]); got != 60 {
		t.Errorf("the example has %d samples, want the 60 of one repetition", got)
	}
}

func TestVerdict(t *testing.T) {
	for want, c := range map[string]comparison{
		"does not arise":          {training: Interval{1, 2}, unseen: Interval{1, 0.5}},
		"carries over":            {training: Interval{2, 1}, unseen: Interval{2, 1}, fall: Interval{0, 1}},
		"most of its lead":        {training: Interval{3, 1}, unseen: Interval{2, 1}, fall: Interval{1, 0.5}},
		"turns round":             {training: Interval{2, 1}, unseen: Interval{-2, 1}, fall: Interval{4, 1}},
		"not distinguishable":     {training: Interval{2, 1}, unseen: Interval{0, 1}, fall: Interval{2, 1}},
		"One subject allows none": {training: Interval{2, math.NaN()}},
	} {
		if want == "One subject allows none" {
			want = "allows no interval"
		}
		if got := c.verdict(); !strings.Contains(got, want) {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}
