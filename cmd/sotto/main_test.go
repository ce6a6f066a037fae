package main

import (
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/testsig"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"sotto": main}) }

// TestScripts runs the transcripts in testdata: one per command, each with
// small untrained models that do something known.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			for name, speech := range map[string]float32{"keep": 10, "mute": -40} {
				if err := knownModel(name, speech).Save(filepath.Join(env.WorkDir, name+".safetensors")); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"sound": makeSound, "silence": makeSilence, "holds": checkSound, "alike": compareSounds,
			"code": checkCode, "fifo": makeFIFO, "await": awaitFile, "picture": checkPicture,
		},
		Condition: func(name string) (bool, error) {
			if name != "hangups" {
				return false, fmt.Errorf("condition %q: want hangups", name)
			}
			return !signal.Ignored(syscall.SIGHUP), nil // nohup's children cannot take it back
		},
	})
}

// knownModel returns a model without any training whose activations are
// constant: speech for the speech dictionary, the opposite for the noise
// dictionary. 10 makes a mask of one, -40 a mask of zero.
func knownModel(name string, speech float32) *enhance.Model {
	const width = 4
	ones := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = 1
		}
		return x
	}
	g, edges := enhance.DefaultGrid(), enhance.DefaultBands()
	bands := len(edges) - 1
	dense := func(in, out int) enhance.Dense {
		return enhance.Dense{In: in, Out: out, Weight: make([]float32, in*out), Bias: make([]float32, out)}
	}
	m := &enhance.Model{
		Name: name, Grid: g,
		Features: enhance.FeatureSpec{Edges: edges, Mean: make([]float32, bands), Std: ones(bands), Tau: 2 * time.Second},
		Speech:   &enhance.Basis{Bins: g.Bins(), Rank: 1, W: ones(g.Bins())},
		Noise:    &enhance.Basis{Bins: g.Bins(), Rank: 1, W: ones(g.Bins())},
		Network: enhance.Network{
			In: dense(bands, width),
			GRU: []enhance.GRU{{
				In: width, Hidden: width,
				WeightIH: make([]float32, 3*width*width), WeightHH: make([]float32, 3*width*width),
				BiasIH: make([]float32, 3*width), BiasHH: make([]float32, 3*width),
			}},
			Out: dense(width, 2),
		},
		Meta: map[string]string{"purpose": "tests"},
	}
	m.Network.Out.Bias[0], m.Network.Out.Bias[1] = speech, -speech
	return m
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// makeSound is "sound FILE RATE CHANNELS FRAMES [16|24|float32]": a voice-like
// signal, another one on every channel.
func makeSound(ts *testscript.TestScript, _ bool, args []string) {
	rate, channels, frames := number(ts, args[1]), number(ts, args[2]), number(ts, args[3])
	enc := audiofile.PCM16
	if len(args) > 4 {
		enc = map[string]audiofile.Encoding{"16": audiofile.PCM16, "24": audiofile.PCM24, "float32": audiofile.Float32}[args[4]]
	}
	mixed := make([]float32, frames*channels)
	for c := range channels {
		for i, v := range testsig.SpeechLike(frames, rate, uint64(c+1)) {
			mixed[i*channels+c] = v
		}
	}
	writeSound(ts, args[0], rate, channels, enc, mixed)
}

// makeSilence is "silence FILE RATE CHANNELS FRAMES".
func makeSilence(ts *testscript.TestScript, _ bool, args []string) {
	rate, channels, frames := number(ts, args[1]), number(ts, args[2]), number(ts, args[3])
	writeSound(ts, args[0], rate, channels, audiofile.PCM16, make([]float32, frames*channels))
}

func writeSound(ts *testscript.TestScript, name string, rate, channels int, enc audiofile.Encoding, mixed []float32) {
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	w, err := audiofile.Create(path, rate, channels, enc)
	ts.Check(err)
	ts.Check(w.Write(mixed))
	ts.Check(w.Close())
}

// checkSound is "holds FILE RATE CHANNELS FRAMES BITS".
func checkSound(ts *testscript.TestScript, _ bool, args []string) {
	a, err := audiofile.ReadAll(ts.MkAbs(args[0]))
	ts.Check(err)
	r, err := audiofile.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer r.Close()
	got := fmt.Sprint(a.SampleRate, len(a.Channels), len(a.Channels[0]), r.Info().BitDepth)
	if want := fmt.Sprint(number(ts, args[1]), number(ts, args[2]), number(ts, args[3]), number(ts, args[4])); got != want {
		ts.Fatalf("%s holds (rate, channels, frames, bits) %s, want %s", args[0], got, want)
	}
}

// compareSounds is "alike A B DB": b is a up to an error DB below it, sample by
// sample.
func compareSounds(ts *testscript.TestScript, neg bool, args []string) {
	a, err := audiofile.ReadAll(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := audiofile.ReadAll(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(a.Channels) != len(b.Channels) || len(a.Channels[0]) != len(b.Channels[0]) {
		ts.Fatalf("%s and %s differ in shape", args[0], args[1])
	}
	for c := range a.Channels {
		var signal, difference float64
		for i, v := range a.Channels[c] {
			d := float64(v) - float64(b.Channels[c][i])
			signal, difference = signal+float64(v)*float64(v), difference+d*d
		}
		db := 10 * math.Log10(signal/(difference+1e-30))
		if (db >= float64(number(ts, args[2]))) == neg {
			ts.Fatalf("channel %d of %s and %s: difference %.1f dB below the signal, limit %s", c, args[0], args[1], db, args[2])
		}
	}
}

// checkCode is "code N ARGS...": sotto ARGS... exits with N.
func checkCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("sotto", args[1:]...)
	got := "0"
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s (%v)", got, args[0], err)
	}
}

// makeFIFO is "fifo NAME".
func makeFIFO(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o600))
}

// awaitFile is "await PATTERN": waits until a file of that name appears, or
// with "!" checks that none is there.
func awaitFile(ts *testscript.TestScript, neg bool, args []string) {
	for range 200 {
		found, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if neg && len(found) > 0 {
			ts.Fatalf("%v was left behind", found)
		}
		if neg || len(found) > 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("no %s within 10 s", args[0])
}
