package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"sotto/enhance"
	"sotto/internal/atomicfile"
	"sotto/internal/safetensors"
)

// checkpointState is what a checkpoint holds beside the tensors.
type checkpointState struct {
	Config NetConfig
	Step   int
	// ParamSteps are the optimiser's, by parameter. Early checkpoints lack them:
	// all parameters had been at every step.
	ParamSteps []int
	EMASteps   int
	// Best holds the scores of the best model so far, if there is one.
	Best    *Scores
	Smooth  lossTerms
	History []HistoryPoint
	// Inputs is the fingerprint of what the run trains from. Early checkpoints lack
	// it and go on with whatever they are given.
	Inputs string
}

// save writes the run's state to the checkpoint, beside it first and renamed
// when complete, so that a kill leaves the old one or the new one. The best
// model goes into a file of its own next to it.
func (t *netTrainer) save() error {
	if t.in.Checkpoint == "" {
		return nil
	}
	state := checkpointState{
		Config: t.cfg, Step: t.step, ParamSteps: t.opt.Steps, EMASteps: t.ema.Steps,
		Best: t.scores, Smooth: t.smooth, History: t.history, Inputs: t.in.fingerprint(),
	}
	meta, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	file := &safetensors.File{Metadata: map[string]string{"state": string(meta)}}
	err = t.eachTensor(func(name string, data []float32) error {
		file.Tensors = append(file.Tensors, safetensors.Tensor{Name: name, Shape: []int{len(data)}, Data: data})
		return nil
	})
	if err != nil {
		return err
	}
	if t.best != nil {
		if err := t.best.Save(t.bestPath()); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(t.in.Checkpoint, func(w io.Writer) error { return safetensors.Write(w, file) }); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

func (t *netTrainer) bestPath() string { return t.in.Checkpoint + ".best" }

// eachTensor visits everything that a resumed run needs: weights, moments,
// averages, feature statistics and the recurrent states.
func (t *netTrainer) eachTensor(visit func(name string, data []float32) error) error {
	var failed error
	do := func(name string, data []float32) {
		if failed == nil {
			failed = visit(name, data)
		}
	}
	do("features.mean", t.spec.Mean)
	do("features.std", t.spec.Std)
	for i, p := range t.params {
		do("value/"+p.Name, p.Value)
		do("m/"+p.Name, t.opt.M[i])
		do("v/"+p.Name, t.opt.V[i])
		do("average/"+p.Name, t.ema.Value[i])
	}
	for i, w := range t.works {
		for l, g := range w.net.gru {
			do(fmt.Sprintf("state/%d/%d", i, l), g.State.Data)
		}
	}
	return failed
}

// resume loads the checkpoint; a missing one starts a new run.
func (t *netTrainer) resume() error {
	if t.in.Checkpoint == "" {
		return nil
	}
	f, err := os.Open(t.in.Checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	defer f.Close()
	file, err := safetensors.Read(f)
	if errors.Is(err, safetensors.ErrRead) { // of a disk, say: the run may be whole
		return fmt.Errorf("train: checkpoint %s: %w", t.in.Checkpoint, err)
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint %s: %w; delete it to start again", t.in.Checkpoint, err)
	}
	var state checkpointState
	if err := json.Unmarshal([]byte(file.Metadata["state"]), &state); err != nil {
		return fmt.Errorf("train: checkpoint %s has no readable state: %w; delete it to start again", t.in.Checkpoint, err)
	}
	if differs := state.Config.differs(&t.cfg); differs != "" {
		return fmt.Errorf("train: checkpoint %s belongs to a run of another %s: use its settings, or another file", t.in.Checkpoint, differs)
	}
	if state.Inputs != "" && state.Inputs != t.in.fingerprint() {
		return fmt.Errorf("train: checkpoint %s belongs to a run of other dictionaries, recordings or another model to start from: use those, or delete it to start again", t.in.Checkpoint)
	}
	if err := t.eachTensor(func(name string, data []float32) error { return fill(file, name, data) }); err != nil {
		return fmt.Errorf("train: checkpoint %s: %w; delete it to start again", t.in.Checkpoint, err)
	}
	t.step, t.opt.Steps, t.ema.Steps = state.Step, state.ParamSteps, state.EMASteps
	if len(t.opt.Steps) != len(t.params) {
		t.opt.Steps = slices.Repeat([]int{state.Step}, len(t.params))
	}
	t.smooth, t.history = state.Smooth, state.History
	t.net.speech.refresh()
	t.net.noise.refresh()
	if t.scores = state.Best; t.scores != nil {
		if t.best, err = enhance.Load(t.bestPath()); err != nil {
			return fmt.Errorf("train: best model of checkpoint %s: %w; delete the checkpoint to start again", t.in.Checkpoint, err)
		}
	}
	return nil
}

// fingerprint is a checksum of the dictionaries, of the model to start from and of
// the list of recordings: without it a run whose inputs were made anew would be
// taken for finished.
func (in *NetInputs) fingerprint() string {
	h := sha256.New()
	values := func(v []float32) {
		fmt.Fprintln(h, len(v))
		_ = binary.Write(h, binary.LittleEndian, v) // a hash takes everything
	}
	values(in.Speech.W)
	values(in.Noise.W)
	fmt.Fprintln(h, in.Meta[ManifestKey])
	if m := in.Start; m != nil {
		_, _ = m.WriteTo(h) // and a model that was read can be written
	}
	return hex.EncodeToString(h.Sum(nil))
}

// differs names the first setting that a run must share with the one it goes on
// from, or is empty. What is left out, such as the rates and the hours, may
// change on the way.
func (c *NetConfig) differs(d *NetConfig) string {
	switch {
	case c.Grid != d.Grid:
		return "grid"
	case c.Shape != d.Shape:
		return "shape"
	case c.Cues != d.Cues || c.NarrowBands != d.NarrowBands:
		return "kind of features"
	case c.Exponent != d.Exponent:
		return "exponent"
	case c.Lanes != d.Lanes || c.Segment != d.Segment || c.Workers != d.Workers:
		return "batch, segment or number of workers"
	case c.Seed != d.Seed:
		return "seed"
	case c.MixtureSeed() != d.MixtureSeed():
		return "seed of the mixtures"
	}
	return ""
}

func fill(file *safetensors.File, name string, data []float32) error {
	tensor, ok := file.Get(name)
	if !ok || len(tensor.Data) != len(data) {
		return fmt.Errorf("tensor %s is missing or has another size than %d", name, len(data))
	}
	copy(data, tensor.Data)
	return nil
}
