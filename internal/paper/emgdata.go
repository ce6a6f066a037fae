package paper

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sotto/internal/paper/mat5"
)

// Recording is one file of muscle activity: rectified envelopes of all channels,
// and for every sample which movement was made for the how manieth time (0:
// rest).
type Recording struct {
	// Subject is who made the movements: the file's name up to the first
	// underscore or point.
	Subject string
	// Channels are channels x samples.
	Channels [][]float32
	// Movement and Repetition count from 1; both are 0 at rest.
	Movement, Repetition []int
}

// LoadEMG reads the recordings in a folder: CSV files, plain or compressed by
// gzip, with columns ch1, ch2, ..., restimulus and rerepetition; or the original
// MAT-files of Ninapro with the matrices emg, restimulus and rerepetition.
func LoadEMG(ctx context.Context, folder string) ([]*Recording, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var out []*Recording
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		read := readerFor(entry.Name())
		if read == nil {
			continue
		}
		path := filepath.Join(folder, entry.Name())
		r, err := readRecording(path, read)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r.Subject = entry.Name()[:strings.IndexAny(entry.Name(), "_.")]
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no recordings, expected .csv, .csv.gz or .mat files of Ninapro", folder)
	}
	return out, nil
}

// readerFor returns how to read a file of some name, nil if it is none of ours.
func readerFor(name string) func(io.Reader) (*Recording, error) {
	switch lower := strings.ToLower(name); {
	case strings.HasPrefix(name, "."):
		return nil
	case strings.HasSuffix(lower, ".mat"):
		return readMAT
	case strings.HasSuffix(lower, ".csv"):
		return readCSV
	case strings.HasSuffix(lower, ".csv.gz"):
		return func(r io.Reader) (*Recording, error) {
			z, err := gzip.NewReader(r)
			if err != nil {
				return nil, err
			}
			return readCSV(z)
		}
	}
	return nil
}

func readRecording(path string, read func(io.Reader) (*Recording, error)) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	r, err := read(f)
	if err != nil {
		return nil, err
	}
	return r, r.check()
}

// check says what is wrong with a recording, if anything.
func (r *Recording) check() error {
	if len(r.Channels) == 0 || len(r.Movement) == 0 {
		return errors.New("no channels or no samples")
	}
	for i, c := range r.Channels {
		for t, v := range c {
			if !(v >= 0 && v <= math.MaxFloat32) {
				return fmt.Errorf("channel %d is %v at sample %d, expected a rectified envelope: finite, 0 or more", i+1, v, t)
			}
		}
	}
	return nil
}

// csvColumns are where a table holds what.
type csvColumns struct {
	channels             []int
	movement, repetition int
}

func columnsOf(header []string) (c csvColumns, err error) {
	for i := 1; ; i++ {
		at := slices.Index(header, "ch"+strconv.Itoa(i))
		if at < 0 {
			break
		}
		c.channels = append(c.channels, at)
	}
	c.movement, c.repetition = slices.Index(header, "restimulus"), slices.Index(header, "rerepetition")
	if len(c.channels) == 0 || c.movement < 0 || c.repetition < 0 {
		return c, fmt.Errorf("columns are %s; expected ch1, ch2, ..., restimulus and rerepetition", strings.Join(header, ", "))
	}
	return c, nil
}

func readCSV(r io.Reader) (*Recording, error) {
	t := csv.NewReader(io.LimitReader(r, mat5.MaxBytes))
	t.ReuseRecord = true
	header, err := t.Read()
	if err != nil {
		return nil, err
	}
	c, err := columnsOf(header)
	if err != nil {
		return nil, err
	}
	rec := &Recording{Channels: make([][]float32, len(c.channels))}
	for {
		row, err := t.Read()
		if err == io.EOF {
			return rec, nil
		}
		if err != nil {
			return nil, err
		}
		for i, at := range c.channels {
			v, err := strconv.ParseFloat(row[at], 32)
			if err != nil {
				return nil, err
			}
			rec.Channels[i] = append(rec.Channels[i], float32(v))
		}
		for _, label := range []struct {
			to *[]int
			at int
		}{{&rec.Movement, c.movement}, {&rec.Repetition, c.repetition}} {
			v, err := strconv.Atoi(row[label.at])
			if err != nil {
				return nil, err
			}
			*label.to = append(*label.to, v)
		}
	}
}

func readMAT(r io.Reader) (*Recording, error) {
	m, err := mat5.Read(r, "emg", "restimulus", "rerepetition")
	if err != nil {
		return nil, err
	}
	emg, movement, repetition := m["emg"], m["restimulus"], m["rerepetition"]
	if emg == nil || movement == nil || repetition == nil {
		return nil, errors.New("expected the matrices emg, restimulus and rerepetition of Ninapro")
	}
	if len(movement.Data) != emg.Rows || len(repetition.Data) != emg.Rows {
		return nil, fmt.Errorf("emg has %d samples, restimulus %d and rerepetition %d, expected as many",
			emg.Rows, len(movement.Data), len(repetition.Data))
	}
	rec := &Recording{}
	for j := range emg.Cols {
		x := make([]float32, emg.Rows)
		for i := range x {
			x[i] = float32(emg.At(i, j))
		}
		rec.Channels = append(rec.Channels, x)
	}
	for i := range emg.Rows {
		rec.Movement = append(rec.Movement, int(movement.Data[i]))
		rec.Repetition = append(rec.Repetition, int(repetition.Data[i]))
	}
	return rec, nil
}
