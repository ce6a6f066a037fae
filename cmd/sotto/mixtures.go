package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sotto/enhance"
	"sotto/internal/audiofile"
	"sotto/internal/report"
)

// mixture is one clip of a folder to score.
type mixture struct {
	id    string
	snr   float64 // dB; only with hasSNR
	known bool    // whether the manifest gives the SNR
	clean string
	noisy string
	noise string // empty where there is none
}

// manifest is the part of manifest.json that matters here.
type manifest struct {
	Items []struct {
		ID  string   `json:"id"`
		SNR *float64 `json:"snr"`
	} `json:"items"`
}

// listMixtures pairs the files of dir/clean, dir/noisy and dir/noise by name.
func listMixtures(dir string) ([]mixture, error) {
	clean, err := byName(filepath.Join(dir, "clean"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", dir, errNoMixtures, err)
	}
	noisy, err := byName(filepath.Join(dir, "noisy"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", dir, errNoMixtures, err)
	}
	noise, err := byName(filepath.Join(dir, "noise"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	snr, err := readManifest(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(counterparts(noisy, clean, filepath.Join(dir, "clean")), counterparts(clean, noisy, filepath.Join(dir, "noisy"))); err != nil {
		return nil, err
	}
	var all []mixture
	for _, id := range slices.Sorted(maps.Keys(noisy)) {
		m := mixture{id: id, clean: clean[id], noisy: noisy[id], noise: noise[id]}
		m.snr, m.known = snr[id]
		all = append(all, m)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no sound files; %w", dir, errNoMixtures)
	}
	return all, nil
}

// counterparts returns an error unless every file has one of its name among the
// others, which lie in a folder.
func counterparts(files, others map[string]string, folder string) error {
	for _, id := range slices.Sorted(maps.Keys(files)) {
		if _, ok := others[id]; !ok {
			return fmt.Errorf("%s has no counterpart in %s; %w", files[id], folder, errNoMixtures)
		}
	}
	return nil
}

// byName lists the sound files of a folder by their names without extension,
// below the folder and with slashes: speakers in folders of their own may all
// have a clip of one base name.
func byName(dir string) (map[string]string, error) {
	files, err := audiofile.Files(dir)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(files))
	for _, path := range files {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return nil, err
		}
		name := filepath.ToSlash(strings.TrimSuffix(rel, filepath.Ext(rel)))
		if other, taken := names[name]; taken {
			return nil, fmt.Errorf("%s and %s have one name, expected one file of it; move one of them away", other, path)
		}
		names[name] = path
	}
	return names, nil
}

// readManifest returns the signal-to-noise ratios of a manifest by clip, none
// where there is no manifest.
func readManifest(path string) (map[string]float64, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf(`%s: %w; expected {"items": [{"id": "NAME", "snr": DB}, ...]}`, path, err)
	}
	snr := make(map[string]float64, len(m.Items))
	for _, item := range m.Items {
		if item.SNR != nil {
			snr[item.ID] = *item.SNR
		}
	}
	return snr, nil
}

// evaluation is the scoring of a folder.
type evaluation struct {
	meter    *meter
	flags    *evalFlags
	dir      string
	mixtures []mixture
	systems  []string       // what is scored: the noisy clip, and what became of it
	model    *enhance.Model // nil when processed files are scored
	config   enhance.Config
	// processed are the files that another program made, by the names of the clips.
	processed map[string]string
	scores    [][][]float64 // by clip, system and column
}

// scored is what measuring a clip gave: a row of scores for the noisy clip and
// one for the processed one, and why some are missing.
type scored struct {
	rows     [][]float64
	problems []error
}

// scoreClip measures the noisy clip and the processed one.
func (e *evaluation) scoreClip(m mixture) (s scored, err error) {
	noisy, rate, err := audiofile.ReadMono(m.noisy)
	if err != nil {
		return s, err
	}
	r, n, err := e.reference(m)
	if err != nil {
		return s, err
	}
	ests := [][]float32{atScoreRate(noisy, rate), nil}
	path := m.noisy
	if e.model != nil {
		proc, err := newProcessor(e.model, e.config, rate)
		if err != nil {
			return s, err
		}
		ests[1] = atScoreRate(cleanSamples(proc, rate, noisy), rate)
	} else {
		if path, err = e.processedFile(m); err != nil {
			return s, err
		}
		if ests[1], err = audiofile.ReadMonoAt(path, scoreRate); err != nil {
			return s, err
		}
	}
	skip := e.flags.skipSamples()
	for i, path := range []string{m.noisy, path} {
		if err := sameLength(m.clean, path, n, len(ests[i])); err != nil {
			return s, err
		}
		ests[i] = ests[i][skip:]
	}
	s.rows, s.problems = e.meter.measure(r, ests...)
	for i, err := range s.problems {
		s.problems[i] = fmt.Errorf("%s: %w", m.id, err)
	}
	return s, nil
}

// reference reads what a clip is compared with, and returns its full length.
func (e *evaluation) reference(m mixture) (r reference, n int, err error) {
	skip := e.flags.skipSamples()
	if r.clean, err = audiofile.ReadMonoAt(m.clean, scoreRate); err != nil {
		return r, 0, err
	}
	n = len(r.clean)
	if err := e.flags.leaves(n, m.clean); err != nil {
		return r, 0, err
	}
	r.clean = r.clean[skip:]
	if m.noise == "" {
		return r, n, nil
	}
	if r.noise, err = audiofile.ReadMonoAt(m.noise, scoreRate); err != nil {
		return r, 0, err
	}
	if err := sameLength(m.clean, m.noise, n, len(r.noise)); err != nil {
		return r, 0, err
	}
	r.noise = r.noise[skip:]
	return r, n, nil
}

// processedFile finds what another program made of a clip.
func (e *evaluation) processedFile(m mixture) (string, error) {
	if path, ok := e.processed[m.id]; ok {
		return path, nil
	}
	return "", fmt.Errorf("%s: no %s.wav or .flac, expected one per noisy file", e.flags.processed, m.id)
}

// classes returns the known signal-to-noise ratios, rising.
func (e *evaluation) classes() []float64 {
	var all []float64
	for _, m := range e.mixtures {
		if m.known && !slices.Contains(all, m.snr) {
			all = append(all, m.snr)
		}
	}
	slices.Sort(all)
	return all
}

// snrColumn shows the classes so that no two look the same.
func (e *evaluation) snrColumn() report.Column {
	return report.Column{Key: "snr", Title: "SNR dB", Decimals: report.Decimals(e.classes())}
}

// summary returns the table of means per class and over all clips.
func (e *evaluation) summary() *report.Table {
	t := &report.Table{Columns: append([]report.Column{e.snrColumn(), {Key: "system"}, {Key: "clips"}}, e.meter.columns...)}
	row := func(label any, member func(mixture) bool) {
		for s, system := range e.systems {
			values := make([][]float64, len(e.meter.columns))
			n := 0
			for i, m := range e.mixtures {
				if !member(m) {
					continue
				}
				n++
				for c, v := range e.scores[i][s] {
					values[c] = append(values[c], v)
				}
			}
			means := make([]float64, len(values))
			for c, v := range values {
				means[c] = mean(v)
			}
			t.Add(append([]any{label, system, n}, cells(means)...)...)
		}
	}
	for _, snr := range e.classes() {
		row(snr, func(m mixture) bool { return m.known && m.snr == snr })
	}
	row("all", func(mixture) bool { return true })
	return t
}

// perClip returns the table with a row per clip and system.
func (e *evaluation) perClip() *report.Table {
	t := &report.Table{Columns: append([]report.Column{{Key: "clip"}, e.snrColumn(), {Key: "system"}}, e.meter.columns...)}
	for i, m := range e.mixtures {
		var snr any
		if m.known {
			snr = m.snr
		}
		for s, system := range e.systems {
			t.Add(append([]any{m.id, snr, system}, cells(e.scores[i][s])...)...)
		}
	}
	return t
}

// write writes the result.
func (e *evaluation) write(w io.Writer, f report.Format) error {
	if f != report.JSON {
		if e.flags.clips {
			return e.perClip().Write(w, f)
		}
		return e.summary().Write(w, f)
	}
	result := struct {
		Folder    string            `json:"folder"`
		Model     string            `json:"model,omitempty"`
		Processed string            `json:"processed,omitempty"`
		Skip      float64           `json:"skip_s"`
		Means     []json.RawMessage `json:"means"`
		Clips     []json.RawMessage `json:"clips"`
	}{
		Folder: e.dir, Processed: e.flags.processed, Skip: e.flags.skip.Seconds(),
		Means: e.summary().Objects(), Clips: e.perClip().Objects(),
	}
	if e.model != nil {
		result.Model = e.model.Name
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(result)
}
