package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/enhance"
)

// TestNetResumes kills a run half-way and expects the resumed run to end in the
// same weights as one that was left alone.
func TestNetResumes(t *testing.T) {
	whole, in := smallRun(12)
	var loss, resumedLoss float64
	want, _, err := Net(t.Context(), whole, in, func(p Progress) { loss = p.Loss.Total })
	if err != nil {
		t.Fatal(err)
	}
	in.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	ctx, kill := context.WithCancel(t.Context())
	_, _, err = Net(ctx, whole, in, func(p Progress) {
		if p.Step == 5 {
			kill()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a killed run returned %v", err)
	}
	resumed := 0
	got, _, err := Net(t.Context(), whole, in, func(p Progress) {
		resumed++
		resumedLoss = p.Loss.Total
	})
	if err != nil {
		t.Fatal(err)
	}
	if resumed > 7 {
		t.Errorf("the resumed run took %d steps, expected the remaining 7 at most", resumed)
	}
	if math.Abs(resumedLoss-loss) > 1e-5 {
		t.Errorf("the smoothed loss is %g after a resume, %g without a kill", resumedLoss, loss)
	}
	for i, w := range want.Network.GRU[0].WeightHH {
		if g := got.Network.GRU[0].WeightHH[i]; math.Abs(float64(g-w)) > 1e-5 {
			t.Fatalf("weight %d is %g after a resume, %g without a kill", i, g, w)
		}
	}
}

// TestNetKeepsAStepCancelledInValidation interrupts a run while it validates:
// the steps before must not be lost.
func TestNetKeepsAStepCancelledInValidation(t *testing.T) {
	cfg, in := smallRun(4)
	in.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	ctx, kill := context.WithCancel(t.Context())
	cfg.ValidateEvery = 0
	validations := 0
	in.Validate = func(ctx context.Context, _ *enhance.Model) (*Scores, error) {
		if validations++; validations == 2 {
			kill()
		}
		return &Scores{}, ctx.Err()
	}
	if _, _, err := Net(ctx, cfg, in, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("a killed run returned %v", err)
	}
	steps := 0
	if _, _, err := Net(t.Context(), cfg, in, func(Progress) { steps++ }); err != nil {
		t.Fatal(err)
	}
	if steps != 2 {
		t.Errorf("the resumed run took %d steps, expected the remaining 2", steps)
	}
}

// TestNetTellsOfALostCheckpoint interrupts a run whose checkpoint cannot be
// written any more: that must not look like an interruption that can go on.
func TestNetTellsOfALostCheckpoint(t *testing.T) {
	cfg, in := smallRun(4)
	dir := filepath.Join(t.TempDir(), "work")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	in.Checkpoint = filepath.Join(dir, "checkpoint")
	ctx, kill := context.WithCancel(t.Context())
	_, _, err := Net(ctx, cfg, in, func(Progress) {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		kill()
	})
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("error %v, expected one about the checkpoint that is not context.Canceled", err)
	}
}

// TestNetFailsEarlyWhereItCannotSave expects no training towards a checkpoint
// that cannot be written.
func TestNetFailsEarlyWhereItCannotSave(t *testing.T) {
	cfg, in := smallRun(2)
	in.Checkpoint = filepath.Join(t.TempDir(), "missing", "checkpoint")
	steps := 0
	if _, _, err := Net(t.Context(), cfg, in, func(Progress) { steps++ }); err == nil || steps > 0 {
		t.Errorf("%d steps, error %v: expected an error before the first", steps, err)
	}
}

// TestNetResumesOnlyItsOwnRun changes settings between a run and the one that
// would go on from its checkpoint.
func TestNetResumesOnlyItsOwnRun(t *testing.T) {
	cfg, in := smallRun(1)
	in.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	if _, _, err := Net(t.Context(), cfg, in, nil); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*NetConfig){
		"grid":             func(c *NetConfig) { c.Grid = enhance.LowLatencyGrid() },
		"shape":            func(c *NetConfig) { c.Shape.Hidden++ },
		"features":         func(c *NetConfig) { c.Cues.Floor = true },
		"kind of features": func(c *NetConfig) { c.NarrowBands = true },
		"exponent":         func(c *NetConfig) { c.Exponent = 1 },
		"workers":          func(c *NetConfig) { c.Workers = 1 },
		"segment":          func(c *NetConfig) { c.Segment /= 2 },
		"seed":             func(c *NetConfig) { c.Seed++ },
		"mixtures":         func(c *NetConfig) { c.MixSeed = c.Seed + 1 },
	} {
		other := &netTrainer{cfg: cfg, in: in}
		change(&other.cfg)
		if err := other.resume(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("another %s: error %v, expected one that says so", want, err)
		}
	}
	cfg.Rate /= 2
	if _, _, err := Net(t.Context(), cfg, in, nil); err != nil {
		t.Errorf("another rate: %v", err)
	}
}

// TestNetResumesOnlyOnItsOwnInputs goes on from a finished checkpoint with other
// recordings, dictionaries and models to start from: what came of the old ones is
// not theirs.
func TestNetResumesOnlyOnItsOwnInputs(t *testing.T) {
	cfg, in := secondRun(t)
	in.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	if _, _, err := Net(t.Context(), cfg, in, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*NetInputs){
		"recordings": func(in *NetInputs) { in.Meta = map[string]string{ManifestKey: "another"} },
		"dictionary": func(in *NetInputs) {
			other := *in.Speech
			other.W = slices.Clone(other.W)
			other.W[0] += 0.5
			in.Speech = &other
		},
		"start": func(in *NetInputs) { in.Start = nil },
	} {
		other := in
		change(&other)
		if _, _, err := Net(t.Context(), cfg, other, nil); err == nil || !strings.Contains(err.Error(), "delete it to start again") {
			t.Errorf("another %s: error %v, expected one that says what to do", name, err)
		}
	}
	if _, _, err := Net(t.Context(), cfg, in, nil); err != nil {
		t.Errorf("the same inputs: %v", err)
	}
}

// TestNetValidatesItsLastWeights interrupts the validation after the last step: the
// run that goes on has no step to take, but still to score what came of them.
func TestNetValidatesItsLastWeights(t *testing.T) {
	cfg, in := smallRun(3)
	in.Checkpoint = filepath.Join(t.TempDir(), "checkpoint")
	ctx, kill := context.WithCancel(t.Context())
	in.Validate = func(ctx context.Context, _ *enhance.Model) (*Scores, error) {
		kill()
		return &Scores{}, ctx.Err()
	}
	if _, _, err := Net(ctx, cfg, in, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("a killed run returned %v", err)
	}
	var last Progress
	_, history, err := Net(t.Context(), cfg, in, func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if len(history) != 1 || history[0].Step != 3 || last.Scores == nil || last.Remaining != 0 {
		t.Errorf("history %+v and last report %+v, expected the scores of step 3", history, last)
	}
}
