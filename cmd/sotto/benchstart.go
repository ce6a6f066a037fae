package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"sotto/enhance"
)

const (
	// firstHopFlag makes a run of bench end after its first hop.
	firstHopFlag = "first-hop"
	// starts is how often the program is started to time it.
	starts = 5
)

// startTimes starts the program anew, several times, and returns how long each
// took from its start to its first processed hop: sorted, in ms.
func startTimes(ctx context.Context, f *benchFlags) ([]float64, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var times []float64
	for range starts {
		cmd := exec.CommandContext(ctx, self, "bench", "--"+firstHopFlag, "--model", f.model,
			"--atten", strconv.FormatFloat(f.atten, 'g', -1, 64), "--rate", strconv.Itoa(f.rate), "--latency", f.latency)
		took, err := firstLine(cmd)
		if err != nil {
			return nil, fmt.Errorf("cannot time the start of %s: %w", self, err)
		}
		times = append(times, milliseconds(took))
	}
	slices.Sort(times)
	return times, nil
}

// firstLine runs a command and returns the time until it has written a line.
func firstLine(cmd *exec.Cmd) (time.Duration, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, readErr := bufio.NewReader(out).ReadString('\n')
	took := time.Since(start)
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, complaint.String())
	}
	return took, readErr
}

// firstHop processes a hop and says so: the other end of startTimes.
func (a *app) firstHop(m *enhance.Model, cfg enhance.Config, rate int) error {
	e, err := enhance.New(m, nativeRate(rate), cfg)
	if err != nil {
		return err
	}
	hop := make([]float32, e.Hop())
	e.Process(hop, hop)
	_, err = fmt.Fprintln(a.out, "ready")
	return err
}

// residentMemory returns the memory that the process occupies in MB, 0 on
// systems that do not tell in /proc.
func residentMemory() float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kB, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseFloat(kB, 64)
	if err != nil {
		return 0
	}
	return n * 1024 / 1e6
}
