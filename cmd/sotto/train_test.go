package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/testsig"
)

// sphereFile writes a NIST SPHERE file as TIMIT ships them: a 1024-byte header
// and 16-bit samples.
func sphereFile(t *testing.T, path string, x []float32, rate int) {
	t.Helper()
	header := fmt.Sprintf("NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i %d\nsample_rate -i %d\nsample_n_bytes -i 2\n"+
		"sample_byte_format -s2 01\nsample_sig_bits -i 16\nend_head\n", len(x), rate)
	b := bytes.NewBufferString(header + strings.Repeat(" ", 1024-len(header)))
	for _, v := range x {
		_ = binary.Write(b, binary.LittleEndian, int16(v*30000))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sotto runs the program and fails the test unless it succeeds.
func sotto(t *testing.T, args ...string) {
	t.Helper()
	var stderr bytes.Buffer
	if code := run(args, strings.NewReader(""), io.Discard, &stderr); code != exitOK {
		t.Fatalf("sotto %s: exit code %d: %s", strings.Join(args, " "), code, stderr.String())
	}
}

// TestTrainFromTIMITAndNOISEX goes the whole way on folders in the shape of
// TIMIT (SPHERE files, speakers in folders, a TEST part that must not be heard)
// and of NOISEX-92 (19.98 kHz WAV files): dictionaries, network, a model that
// cleans a file.
func TestTrainFromTIMITAndNOISEX(t *testing.T) {
	dir := t.TempDir()
	timit, noisex := filepath.Join(dir, "TIMIT"), filepath.Join(dir, "NOISEX")
	for s, speaker := range []string{"DR1/FAAA0", "DR1/MBBB0", "DR2/FCCC0", "DR2/MDDD0"} {
		for u := range 2 {
			x := testsig.SpeechLike(3*16000, 16000, uint64(10*s+u))
			sphereFile(t, filepath.Join(timit, "TRAIN", speaker, fmt.Sprintf("SX%d.WAV", u)), x, 16000)
		}
	}
	// A file that cannot be read proves that TEST is left alone.
	sphereFile(t, filepath.Join(timit, "TEST", "DR1", "FEEE0", "SA1.WAV"), nil, 0)
	if err := os.MkdirAll(noisex, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"white", "pink", "babble"} {
		x := testsig.WhiteNoise(4*19980, 0.1, uint64(i))
		if err := audiofile.WriteMono(filepath.Join(noisex, name+".wav"), x, 19980, audiofile.PCM16); err != nil {
			t.Fatal(err)
		}
	}
	speech, noise, model := filepath.Join(dir, "speech.dict"), filepath.Join(dir, "noise.dict"), filepath.Join(dir, "m.sotto")
	sotto(t, "train", "dict", "--data", timit, "--rank", "12", "--frames", "1500", "--epochs", "2", "-o", speech)
	sotto(t, "train", "dict", "--data", noisex, "--rank", "8", "--frames", "1000", "--method", "kl", "--epochs", "10", "-o", filepath.Join(dir, "kl.dict"))
	sotto(t, "train", "dict", "--data", noisex, "--rank", "8", "--frames", "1000", "--method", "is", "--epochs", "3", "-o", filepath.Join(dir, "new", "is.dict"))
	sotto(t, "train", "dict", "--data", noisex, "--rank", "8", "--frames", "1000", "--epochs", "2", "-o", noise)
	trainNet := func(out string, flags ...string) *enhance.Model {
		args := []string{
			"train", "net", "--speech", timit, "--noise", noisex, "--unscreened", "--held-noise", "0.34",
			"--speech-dict", speech, "--noise-dict", noise, "--hidden", "16", "--layers", "1", "--lanes", "4",
			"--segment", "1s", "--hours", "0.01", "--regression-hours", "0.003", "-o", out,
		}
		sotto(t, append(args, flags...)...)
		m, err := enhance.Load(out)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := trainNet(model)
	if m.Speech.Rank != 12 || m.Noise.Rank != 8 {
		t.Errorf("the model has %d and %d atoms, expected 12 and 8", m.Speech.Rank, m.Noise.Rank)
	}
	if _, err := os.Stat(filepath.Join(model+".work", "curves.png")); err != nil {
		t.Errorf("no curves: %v", err)
	}
	if m.Features.Bands() != len(enhance.DefaultBands())-1 {
		t.Errorf("the model hears %d bands, expected the default ones", m.Features.Bands())
	}
	if narrow := trainNet(filepath.Join(dir, "narrow.sotto"), "--narrow-bands"); narrow.Features.Bands() != 249 {
		t.Errorf("with --narrow-bands the model hears %d bands, expected 249 of one bin each", narrow.Features.Bands())
	}
	other := trainNet(filepath.Join(dir, "other.sotto"), "--mix-seed", "2")
	if reflect.DeepEqual(m.Network, other.Network) {
		t.Error("with another seed of the mixtures the network learned the same")
	}
	if m.Meta["manifest"] != other.Meta["manifest"] || m.Meta["seed"] != other.Meta["seed"] {
		t.Error("with another seed of the mixtures the material or the seed differs")
	}
	in := filepath.Join(timit, "TRAIN", "DR1", "FAAA0", "SX0.WAV")
	sotto(t, "clean", in, "-o", filepath.Join(dir, "out.wav"), "--model", model)
	x, rate, err := audiofile.ReadMono(filepath.Join(dir, "out.wav"))
	if err != nil || rate != 16000 || len(x) != 3*16000 {
		t.Errorf("cleaned %d samples at %d Hz (%v), expected 48000 at 16000", len(x), rate, err)
	}
}

// TestTrainTellsMistakesFromFailures has mistakes in the command line alone.
func TestTrainTellsMistakesFromFailures(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, flag := range []string{"--hours=-1", "--lanes=5", "--weight=vctk=much"} {
		args := []string{"train", "net", "-o", "x", "--speech", "a", "--noise", "b", "--speech-dict", "c", "--noise-dict", "d", flag}
		if code := run(args, strings.NewReader(""), io.Discard, io.Discard); code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", flag, code, exitUsage)
		}
	}
}

func TestTrainSaysWhatIsMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("plain", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		// What can be known first is told before anything is read: "a" does not exist.
		{"train dict --data a -o x --method nmf", "--method"},
		{"train dict --data a -o x --rank 0", "rank 0"},
		{"train dict --data a -o x --rank 1000000000", "rank 1000000000"},
		{"train dict --data a -o x --epochs inf", "+Inf epochs"},
		{"train dict --data a -o x --frames -5", "-5 frames"},
		{"train dict --data a -o plain/x", "plain"},
		{"train dict --data a -o deep/er/x", "a"},
		{"train net -o deep/x --speech a --noise b --speech-dict c --noise-dict d", "c: no such file"},
		{"train net -o x --work plain/y --speech a --noise b --speech-dict c --noise-dict d", "plain"},
		{"train net -o plain/x --speech a --noise b --speech-dict c --noise-dict d", "plain"},
		{"train net -o x --speech a --noise b --speech-dict c --noise-dict d --lanes 5", "5 mixtures"},
		{"train net -o x --speech a --noise b --speech-dict c --noise-dict d --rate nan", "learning rate is NaN"},
		{"train net -o x --speech a --noise b --speech-dict c --noise-dict d --exponent 0", "exponent of the mask is 0"},
		{"train dict -o . --data a", ". is a folder, expected a file"},
		{"train dict -o x", "--data"},
		{"train net -o x --speech a --noise b --speech-dict c", "--noise-dict"},
		{"train dict --data " + t.TempDir() + " -o x", "no audio files"},
		{"train net -o x --speech a --noise b --speech-dict c --noise-dict d --weight vctk=much", "--weight vctk=much: expected a factor"},
	} {
		var stderr bytes.Buffer
		code := run(strings.Fields(c.args), strings.NewReader(""), io.Discard, &stderr)
		if code == exitOK || !strings.Contains(stderr.String(), c.want) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("sotto %s: exit code %d, message %q: expected one line with %q", c.args, code, stderr.String(), c.want)
		}
		if left, err := os.ReadDir("."); err != nil || len(left) != 1 {
			t.Fatalf("sotto %s: left %v beside the file that was there (%v)", c.args, left, err)
		}
	}
}
