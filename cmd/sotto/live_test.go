package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/assets"
	"sotto/internal/audiofile"
	"sotto/internal/metrics/sisdr"
	"sotto/internal/pulsetest"
	"sotto/internal/resample"
	"sotto/internal/testsig"
)

// liveModel returns what to give to --model: the built-in one, or in a build
// without any an untrained one that lets everything pass.
func liveModel(t *testing.T) string {
	t.Helper()
	if assets.DefaultModel() != nil {
		return assets.Default
	}
	path := filepath.Join(t.TempDir(), "keep.safetensors")
	if err := knownModel("keep", 10).Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// runSotto runs the program and returns what it printed.
func runSotto(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("sotto", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sotto %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// deskVoice is a recording of the benchmark at 48 kHz.
type deskVoice struct{ noisy, clean []float32 }

// benchClip joins clips of the benchmark until they last so long.
func benchClip(t *testing.T, length time.Duration) deskVoice {
	t.Helper()
	root := testsig.Shared(t, "bench")
	files, err := audiofile.Files(filepath.Join(root, "noisy"))
	if err != nil {
		t.Fatal(err)
	}
	var c deskVoice
	read := func(path string) []float32 {
		x, err := audiofile.ReadMonoAt(path, 48000)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for _, file := range files {
		if len(c.noisy) >= int(length.Seconds()*48000) {
			break
		}
		noisy, clean := read(file), read(filepath.Join(root, "clean", filepath.Base(file)))
		n := min(len(noisy), len(clean))
		c.noisy, c.clean = append(c.noisy, noisy[:n]...), append(c.clean, clean[:n]...)
	}
	return c
}

// cleaned returns what "sotto clean" makes of 48 kHz sound.
func cleaned(t *testing.T, model string, x []float32) []float32 {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out.wav")
	if err := audiofile.WriteMono(in, x, 48000, audiofile.Float32); err != nil {
		t.Fatal(err)
	}
	runSotto(t, "clean", in, "-o", out, "--model", model)
	y, err := audiofile.ReadMonoAt(out, 48000)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// liveLength is how long the long run lasts.
func liveLength() time.Duration {
	if testing.Short() || os.Getenv("CI") != "" {
		return 20 * time.Second
	}
	return time.Minute
}

// TestLive runs live on real audio and holds it against "sotto clean" of the
// same audio. One sink of two channels is the desk: a voice is played into its
// left channel, which sotto hears, and sotto plays into the right one. A
// recording of both has input and output on one clock.
func TestLive(t *testing.T) {
	notUnderRace(t)
	withinTries(t, measureLive)
}

// measureLive is a run of live.
func measureLive(t *testing.T) (idle float64, complaint string) {
	t.Helper()
	server := startServer(t)
	length := liveLength()
	voice, model := benchClip(t, length), liveModel(t)
	server.Load(t, "module-null-sink", "sink_name=desk", "rate=48000", "channels=2", "channel_map=front-left,front-right")
	for sink, side := range map[string]string{"voice": "front-left", "clean": "front-right"} {
		server.Load(t, "module-remap-sink", "sink_name="+sink, "master=desk", "channels=1", "channel_map=mono",
			"master_channel_map="+side, "remix=no")
	}
	busy := watchIdle()
	run := startLive(t, "--json", "--model", model, "--input", "desk.monitor", "--channel", "1", "--output", "clean",
		"--duration", (length + time.Second).String())
	run.await(t, "start", 20*time.Second, event("started"))
	desk := recordDesk(t)
	server.Play(t, "voice", 48000, voice.noisy)
	all := figureLines(t, run.wait(t, length+30*time.Second))
	input, output := desk.stop(t)
	idle = busy()

	first := slices.IndexFunc(all, func(f figure) bool { return f.Time >= 1 })
	last := all[len(all)-1]
	xruns := last.Xruns - all[first].Xruns
	expected := cleaned(t, model, input)
	lag, reference := follow(expected, output, 0, 0.25), heardVoice(voice, input)
	live, offline, noisy := deskScore(t, reference, bend(output, lag)), deskScore(t, reference, expected), deskScore(t, reference, input)
	measured, reported := 1000*median(slices.Clone(lag[len(lag)/2:])), medianLatency(all[len(all)/2:])
	t.Logf("%.0f s, %s, machine %.0f %% idle", last.Time, filepath.Base(model), 100*idle)
	t.Logf("SI-SDR %.2f dB live, %.2f dB by sotto clean, %.2f dB noisy", live, offline, noisy)
	t.Logf("xruns: %.0f after the first second, %.0f in it; in all %.0f underruns, %.0f overruns, %.0f dropped hops, %.0f by the device",
		xruns, all[first].Xruns, last.Underruns, last.Overruns, last.Dropped, last.Device)
	t.Logf("latency %.1f ms measured, %.1f ms reported; load %.1f %%, drift %.0f ppm", measured, reported, 100*last.Load, last.Drift)
	d := measured - reported
	switch {
	case xruns > 0:
		complaint = fmt.Sprintf("%.0f xruns after the first second, want 0", xruns)
	case live < offline-1:
		complaint = fmt.Sprintf("SI-SDR %.2f dB live, want at most 1 dB less than the %.2f dB of sotto clean", live, offline)
	case d < -5 || d > 5:
		complaint = fmt.Sprintf("reported latency %.1f ms, measured %.1f ms: more than 5 ms apart", reported, measured)
	}
	return idle, complaint
}

// heardVoice returns the clean voice as it was at every sample of the
// recording in which the noisy one is heard: both at 48 kHz.
func heardVoice(voice deskVoice, input []float32) []float32 {
	const second = 48000
	at, _ := correlate(voice.noisy[second:3*second], input)
	return bend(voice.clean, follow(input, voice.noisy, 1-at/second, 0.1))
}

// deskScore returns the SI-SDR in dB of x against a reference, from 5 s on,
// both at 48 kHz.
func deskScore(t *testing.T, reference, x []float32) float64 {
	t.Helper()
	n := min(len(reference), len(x))
	a, b := resample.Convert(reference[:n], 48000, 16000), resample.Convert(x[:n], 48000, 16000)
	s, err := sisdr.Score(a[5*16000:], b[5*16000:])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func medianLatency(list []figure) float64 {
	var x []float64
	for _, f := range list {
		x = append(x, f.Latency)
	}
	return median(x)
}

// TestLiveRestart kills the sound server in mid-run: sotto says so, waits, and
// cleans again.
func TestLiveRestart(t *testing.T) {
	server := startServer(t)
	voice, model := benchClip(t, 8*time.Second), liveModel(t)
	run := startLive(t, "--json", "--model", model, "--input", "mic.monitor", "--output", "spk")
	run.await(t, "start", 20*time.Second, event("started"))
	server.Play(t, pulsetest.Microphone, 48000, voice.noisy)
	run.await(t, "sound", 10*time.Second, func(f figure) bool { return f.Output > -60 })
	server.Kill()
	lost := run.await(t, "loss", 10*time.Second, event("lost"))
	if !strings.Contains(lost.Text, "waiting") {
		t.Errorf("a loss is told as %q", lost.Text)
	}
	run.await(t, "waiting line", 10*time.Second, func(f figure) bool { return f.State == "waiting" || f.State == "opening" })
	server.Restart(t)
	raiseServer(t)
	run.await(t, "return", 20*time.Second, event("resumed"))
	busy := watchIdle()
	recording := server.Record(t, pulsetest.Speaker+".monitor", 48000)
	server.Play(t, pulsetest.Microphone, 48000, voice.noisy)
	run.await(t, "sound after the return", 10*time.Second, func(f figure) bool { return f.State == "running" && f.Output > -60 })
	time.Sleep(3 * time.Second)
	heard := recording.Stop()
	idle := busy()
	r := resemblance(cleaned(t, model, voice.noisy), heard)
	lines := figureLines(t, run.interrupt(t))
	t.Logf("lost: %s; %d lines; correlation after the return %.2f", lost.Text, len(lines), r)
	if r < 0.5 {
		failUnlessBusy(t, idle, "after the return, correlation %.2f with what sotto clean gives, want 0.5 or more", r)
	}
}

// TestLiveVirtualMicrophone finds the source that sotto offers, records the
// clean voice from it, and sees it gone afterwards. It records to files, too.
func TestLiveVirtualMicrophone(t *testing.T) {
	server := startServer(t)
	voice, model, dir := benchClip(t, 8*time.Second), liveModel(t), t.TempDir()
	run := startLive(t, "--no-tui", "--model", model, "--virtual-mic", "--record", dir)
	offered := func() bool {
		return slices.ContainsFunc(server.List(t, "sources"), func(line string) bool {
			return strings.Fields(line)[1] == "sotto"
		})
	}
	for start := time.Now(); !offered(); time.Sleep(100 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("no source called sotto among %v; %s", server.List(t, "sources"), run.stderr.String())
		}
	}
	busy := watchIdle()
	recording := server.Record(t, "sotto", 48000)
	server.Play(t, pulsetest.Microphone, 48000, voice.noisy)
	time.Sleep(5 * time.Second)
	heard := recording.Stop()
	idle := busy()
	r := resemblance(cleaned(t, model, voice.noisy), heard)
	t.Logf("correlation of the virtual microphone with what sotto clean gives: %.2f", r)
	lines := run.interrupt(t)
	line := regexp.MustCompile(`^\d\d:\d\d:\d\d  in -?[\d.]+ dB  out -?[\d.]+ dB  reduction -?[\d.]+ dB  latency -?[\d.]+ ms  load \d+ %  xruns \d+  drift -?\d+ ppm$`)
	if len(lines) < 3 || !line.MatchString(lines[2]) {
		t.Errorf("lines of the wrong form: %q", lines)
	}
	if offered() {
		t.Error("the source outlives the run")
	}
	if list := strings.Join(server.List(t, "modules"), "\n"); strings.Contains(list, "sotto") {
		t.Errorf("modules outlive the run: %s", list)
	}
	checkRecording(t, dir)
	if r < 0.5 {
		failUnlessBusy(t, idle, "the virtual microphone has correlation %.2f with what sotto clean gives, want 0.5 or more", r)
	}
}

// checkRecording finds one pair of files of equal length, with sound in them.
func checkRecording(t *testing.T, dir string) {
	t.Helper()
	files, err := audiofile.Files(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("recordings %v, %v; want two", files, err)
	}
	var samples [2]int
	for i, suffix := range []string{"-clean.wav", "-noisy.wav"} {
		a, err := audiofile.ReadAll(files[i])
		if err != nil || !strings.HasSuffix(files[i], suffix) {
			t.Fatalf("%s: %v; want a name that ends in %s", files[i], err, suffix)
		}
		samples[i] = len(a.Channels[0])
		if loudest := slices.Max(a.Channels[0]); loudest < 0.01 || samples[i] < a.SampleRate {
			t.Errorf("%s: %d samples, the highest %.3f", files[i], samples[i], loudest)
		}
	}
	if samples[0] != samples[1] {
		t.Errorf("the two recordings have %d and %d samples, want as many", samples[0], samples[1])
	}
}

// TestDevices lists a server's devices.
func TestDevices(t *testing.T) {
	startServer(t)
	var list []struct {
		Name    string `json:"name"`
		API     string `json:"interface"`
		Inputs  int    `json:"inputs"`
		Outputs int    `json:"outputs"`
		In      bool   `json:"default_input"`
		Out     bool   `json:"default_output"`
		Rate    int    `json:"rate"`
	}
	if err := json.Unmarshal([]byte(runSotto(t, "devices", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		if d.API == "PulseAudio" {
			got = append(got, fmt.Sprint(d.Name, " ", d.Inputs, d.Outputs, d.In, d.Out, d.Rate))
		}
	}
	want := []string{
		"mic.monitor 2 0 true false 48000", "spk.monitor 2 0 false false 48000",
		"mic 0 2 false false 48000", "spk 0 2 false true 48000",
	}
	if !slices.Equal(got, want) {
		t.Errorf("devices %q, want %q", got, want)
	}
	if text := runSotto(t, "devices"); !regexp.MustCompile(`(?m)^ *\d+  PulseAudio +mic.monitor +2 +- +48000  in `).MatchString(text) {
		t.Errorf("the table lacks the microphone: %s", text)
	}
}

// TestBenchLoopback measures the round trip from the loudspeaker's sink to its
// monitor.
func TestBenchLoopback(t *testing.T) {
	notUnderRace(t)
	withinTries(t, measureLoopback)
}

// measureLoopback is a run of the measurement.
func measureLoopback(t *testing.T) (idle float64, complaint string) {
	t.Helper()
	startServer(t)
	busy := watchIdle()
	var got struct {
		Without  float64 `json:"without_ms"`
		With     float64 `json:"with_ms"`
		Reported float64 `json:"reported_ms"`
	}
	out := runSotto(t, "bench", "--loopback", "--json", "--model", liveModel(t), "--input", "spk.monitor", "--output", "spk")
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	idle = busy()
	t.Logf("round trip %.1f ms without sotto, %.1f ms with it, which it reports as %.1f ms; machine %.0f %% idle",
		got.Without, got.With, got.Reported, 100*idle)
	if got.With < 16 {
		t.Errorf("round trip %.1f ms with sotto; the algorithm alone takes 16 ms", got.With)
	}
	switch d := got.With - got.Reported; {
	case got.With < got.Without: // a host that stops the machine in the first measurement makes that one late
		complaint = fmt.Sprintf("round trip %.1f ms with sotto, %.1f ms without: want more with it", got.With, got.Without)
	case d < -5 || d > 5:
		complaint = fmt.Sprintf("reported latency %.1f ms, measured %.1f ms: more than 5 ms apart", got.Reported, got.With)
	}
	return idle, complaint
}
