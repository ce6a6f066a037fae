// Package pulsetest runs a PulseAudio server of its own for a test: two null sinks stand in for a microphone and a loudspeaker.
//
//	server := pulsetest.Start(t)                       // skips the test where pulseaudio is not installed
//	playing := server.Play(t, pulsetest.Microphone, rate, noisy)
//	recording := server.Record(t, pulsetest.Speaker+".monitor", rate)
//	...
//	heard := recording.Stop()
//
// What is played into the sink [Microphone] is heard on its monitor, which is the server's default source; the sink [Speaker]
// is its default sink. Start changes the process's environment, so that code under test and programs that it starts find this
// server and no other, by the native protocol and through ALSA; tests that use it cannot be parallel.
package pulsetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The sinks that every server has, at 48 kHz.
const (
	Microphone = "mic"
	Speaker    = "spk"
)

// startTimeout is generous: a loaded machine takes a second or two.
const startTimeout = 20 * time.Second

// alsaConfig sends ALSA's default devices to the server.
const alsaConfig = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"

// Server is a PulseAudio server.
type Server struct {
	home    string
	command *exec.Cmd
	ended   chan struct{}
	output  bytes.Buffer
}

// Start runs a server until the end of the test. It skips the test, naming the package, where PulseAudio is not installed.
func Start(t testing.TB) *Server {
	t.Helper()
	for _, program := range []string{"pulseaudio", "pactl", "paplay", "parec"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no %s: install pulseaudio and pulseaudio-utils to run this test (make deps)", program)
		}
	}
	// Not t.TempDir: the name of a socket holds 107 bytes, and a test's name may be long.
	home, err := os.MkdirTemp("", "pulse") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{home: home}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(home)
	})
	if err := os.WriteFile(filepath.Join(home, ".asoundrc"), []byte(alsaConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Env() {
		key, value, _ := strings.Cut(e, "=")
		t.Setenv(key, value)
	}
	for _, e := range os.Environ() {
		if key, _, _ := strings.Cut(e, "="); strings.HasPrefix(key, "PULSE_") {
			t.Setenv(key, "")    // so that the test's end restores it;
			_ = os.Unsetenv(key) // set but empty means something else to the server.
		}
	}
	s.Restart(t)
	return s
}

// Env returns what a program must have in its environment, as KEY=VALUE, to find the server. Start has set it for this
// process. Nothing whose name begins with PULSE_ may be set besides.
func (s *Server) Env() []string {
	return []string{"XDG_RUNTIME_DIR=" + s.home, "HOME=" + s.home, "XDG_CONFIG_HOME=" + filepath.Join(s.home, ".config")}
}

// Restart starts the server, which must not be running, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.output.Reset()
	args := []string{
		"--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "-n", "-L", "module-native-protocol-unix",
		"-L", "module-null-sink sink_name=" + Microphone + " rate=48000",
		"-L", "module-null-sink sink_name=" + Speaker + " rate=48000",
	}
	s.command = exec.Command("pulseaudio", args...)
	s.command.Env = append(cleanEnv(), s.Env()...)
	s.command.Stdout, s.command.Stderr = &s.output, &s.output
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		_ = command.Wait()
		close(ended)
	}(s.command, s.ended)
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if _, err := s.pactl("info"); err == nil {
			break
		}
		if time.Since(start) > startTimeout {
			s.Kill()
			t.Fatalf("pulseaudio does not answer after %v; it said: %s", startTimeout, s.output.String())
		}
	}
	raise(s.command.Process.Pid) // not before: it lowers itself at its start.
	for _, args := range [][]string{{"set-default-source", Microphone + ".monitor"}, {"set-default-sink", Speaker}} {
		if out, err := s.pactl(args...); err != nil {
			t.Fatalf("pactl %s: %v: %s", args, err, out)
		}
	}
}

// cleanEnv is the process's environment without what the server's own replaces.
func cleanEnv() []string {
	var env []string
	for _, e := range os.Environ() {
		key, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(key, "PULSE_") && !strings.HasPrefix(key, "XDG_") && key != "HOME" {
			env = append(env, e)
		}
	}
	return env
}

// Kill ends the server at once, as a crash does, and waits until it is gone.
func (s *Server) Kill() {
	if s.command == nil || s.command.Process == nil {
		return
	}
	_ = s.command.Process.Kill()
	<-s.ended
	_ = os.Remove(filepath.Join(s.home, "pulse", "native"))
	_ = os.Remove(filepath.Join(s.home, "pulse", "pid"))
}

func (s *Server) pactl(args ...string) (string, error) { return s.client("pactl", args...).output() }

// List returns the lines of "pactl list short KIND", with KIND sources, sinks, modules and so on.
func (s *Server) List(t testing.TB, kind string) []string {
	t.Helper()
	out, err := s.pactl("list", "short", kind)
	if err != nil {
		t.Fatalf("pactl list short %s: %v: %s", kind, err, out)
	}
	return strings.Split(strings.TrimSpace(out), "\n")
}

// Load loads a module of the server.
func (s *Server) Load(t testing.TB, module ...string) {
	t.Helper()
	if out, err := s.pactl(append([]string{"load-module"}, module...)...); err != nil {
		t.Fatalf("pactl load-module %s: %v: %s", module, err, out)
	}
}

// client is a program of the server's user.
type client struct {
	command *exec.Cmd
	errors  bytes.Buffer
}

func (s *Server) client(program string, args ...string) *client {
	c := &client{command: exec.Command(program, args...)}
	c.command.Env = append(cleanEnv(), s.Env()...)
	c.command.Stderr = &c.errors
	return c
}

func (c *client) output() (string, error) {
	out, err := c.command.Output()
	if err != nil {
		return string(out) + c.errors.String(), err
	}
	return string(out), nil
}

// Playing is a sound that is being played.
type Playing struct {
	client *client
	done   chan error
}

// Play starts to play mono samples into a sink. It returns at once; the playing ends with the samples, or with the test.
func (s *Server) Play(t testing.TB, sink string, rate int, x []float32) *Playing {
	t.Helper()
	p := &Playing{done: make(chan error, 1), client: s.client("paplay", "--raw", "--device="+sink, "--latency-msec=20",
		"--format=float32le", "--channels=1", fmt.Sprintf("--rate=%d", rate))}
	p.client.command.Stdin = bytes.NewReader(encode(x))
	if err := p.client.command.Start(); err != nil {
		t.Fatal(err)
	}
	raise(p.client.command.Process.Pid)
	go func() { p.done <- p.client.command.Wait() }()
	t.Cleanup(func() { _ = p.client.command.Process.Kill() })
	return p
}

// Wait waits until all has been played.
func (p *Playing) Wait() error {
	if err := <-p.done; err != nil {
		return fmt.Errorf("paplay: %w: %s", err, p.client.errors.String())
	}
	return nil
}

// Recording is a recording that is under way.
type Recording struct {
	client *client
	mutex  sync.Mutex
	bytes  []byte
	done   chan struct{}
}

// Record starts to record a source as mono samples until Stop, or the end of the test. It returns when the first sample has
// come.
func (s *Server) Record(t testing.TB, source string, rate int) *Recording {
	t.Helper()
	r := &Recording{done: make(chan struct{}), client: s.client("parec", "--raw", "--device="+source, "--latency-msec=10",
		"--format=float32le", "--channels=1", fmt.Sprintf("--rate=%d", rate))}
	pipe, err := r.client.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.client.command.Start(); err != nil {
		t.Fatal(err)
	}
	raise(r.client.command.Process.Pid)
	t.Cleanup(func() { r.Stop() })
	first := make(chan struct{})
	go r.collect(pipe, first)
	select {
	case <-first:
	case <-time.After(startTimeout):
		t.Fatalf("parec records nothing from %s: %s", source, r.client.errors.String())
	}
	return r
}

// collect reads until the program ends.
func (r *Recording) collect(pipe io.Reader, first chan struct{}) {
	defer close(r.done)
	buf := make([]byte, 1<<14)
	for {
		n, err := pipe.Read(buf)
		r.mutex.Lock()
		if len(r.bytes) == 0 && n > 0 {
			close(first)
		}
		r.bytes = append(r.bytes, buf[:n]...)
		r.mutex.Unlock()
		if err != nil {
			return
		}
	}
}

// Len returns how many samples have been recorded so far.
func (r *Recording) Len() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.bytes) / 4
}

// Stop ends the recording and returns it. Stopping again returns the same.
func (r *Recording) Stop() []float32 {
	err := r.client.command.Process.Signal(os.Interrupt)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		<-r.done
		_ = r.client.command.Wait()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return decode(r.bytes)
}

func encode(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func decode(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}
