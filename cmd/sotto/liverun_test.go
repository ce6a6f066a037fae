package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// figure is a line of "sotto live --json".
type figure struct {
	Time    float64 `json:"time"`
	State   string  `json:"state"`
	Event   string  `json:"event"`
	Text    string  `json:"text"`
	Xruns   float64 `json:"xruns"`
	Latency float64 `json:"latency_ms"`
	Drift   float64 `json:"drift_ppm"`
	Load    float64 `json:"load"`
	Output  float64 `json:"output_db"`

	Underruns, Overruns float64
	Dropped             float64 `json:"dropped_hops"`
	Device              float64 `json:"device_xruns"`
}

// liveRun is a "sotto live" that runs as a program of its own.
type liveRun struct {
	command *exec.Cmd
	stderr  bytes.Buffer
	ended   chan struct{}
	mutex   sync.Mutex
	lines   []string
	seen    int // lines that await has gone past.
}

// startLive starts "sotto live" with arguments, until the end of the test.
func startLive(t *testing.T, args ...string) *liveRun {
	t.Helper()
	r := &liveRun{command: exec.Command("sotto", append([]string{"live"}, args...)...), ended: make(chan struct{})}
	out, err := r.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.command.Stderr = &r.stderr
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.mutex.Lock()
			r.lines = append(r.lines, lines.Text())
			r.mutex.Unlock()
		}
	}()
	t.Cleanup(func() { _ = r.command.Process.Kill() })
	return r
}

// await returns the first line after the last one awaited that fits.
func (r *liveRun) await(t *testing.T, what string, within time.Duration, fits func(figure) bool) figure {
	t.Helper()
	for start := time.Now(); time.Since(start) < within; time.Sleep(20 * time.Millisecond) {
		r.mutex.Lock()
		fresh := r.lines[r.seen:]
		r.mutex.Unlock()
		for _, line := range fresh {
			r.seen++
			var f figure
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if fits(f) {
				return f
			}
		}
	}
	_ = r.command.Process.Kill()
	<-r.ended
	t.Fatalf("no %s within %v; standard error: %s; output: %s", what, within, r.stderr.String(), strings.Join(r.lines, "\n"))
	return figure{}
}

// event fits a line that tells of an event.
func event(name string) func(figure) bool { return func(f figure) bool { return f.Event == name } }

// interrupt ends the run as Ctrl-C does, and returns its lines. It must end
// well, and soon.
func (r *liveRun) interrupt(t *testing.T) []string {
	t.Helper()
	if err := r.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	return r.wait(t, 10*time.Second)
}

// wait waits for the end of the run.
func (r *liveRun) wait(t *testing.T, within time.Duration) []string {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(within):
		t.Fatalf("still running after %v", within)
	}
	if err := r.command.Wait(); err != nil {
		t.Fatalf("%v; standard error: %s", err, r.stderr.String())
	}
	return r.lines
}

// figureLines are the lines that hold figures, and no event.
func figureLines(t *testing.T, lines []string) []figure {
	t.Helper()
	var list []figure
	for _, line := range lines {
		var f figure
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if f.Event == "" {
			list = append(list, f)
		}
	}
	return list
}
