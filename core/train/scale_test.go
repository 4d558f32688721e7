package train

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// scaleCase is one of testdata/gradscaler.json, which tools/oracle/gradscaler.py
// made with torch.amp.GradScaler.
type scaleCase struct {
	First    float64
	Interval int
	Steps    string    // "1" where the gradients of a step overflow
	Scales   []float64 // after each step
	Applied  int
}

func scaleCases(t *testing.T) []scaleCase {
	t.Helper()
	text, err := os.ReadFile("testdata/gradscaler.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []scaleCase }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// The scale goes as torch's from try to try, until torch's leaves our range.
// What differs: torch leaves a window out whose gradients overflow, this program does it again.
func TestScalesAsTorch(t *testing.T) {
	cases := scaleCases(t)
	for _, c := range cases {
		n := &notes{}
		m := &fakeModel{overflows: func(try int, _ float32) bool { return c.Steps[try] == '1' }}
		tr := trainer(t, m, n)
		tr.Accumulation, tr.Steps, tr.Scaling = 1, c.Applied, &LossScaling{c.First, c.Interval}
		state, err := tr.Run(context.Background(), State{})

		before := append([]float64{c.First}, c.Scales...)
		var diverged Diverged
		if errors.As(err, &diverged) {
			if low := before[len(m.scales)]; low >= minScale || diverged.Step != len(n.steps)+1 || !diverged.Float16 {
				t.Errorf("%s from %g: %v, where torch goes on with %g", c.Steps, c.First, err, low)
			}
		} else if err != nil || len(m.scales) != len(c.Steps) || state.LossScale.Scale != c.Scales[len(c.Scales)-1] || state.Tokens != 2*int64(c.Applied) {
			t.Errorf("%s from %g: %d tries, ended at %+v, %v; wanted scale %g", c.Steps, c.First, len(m.scales), state, err, c.Scales[len(c.Scales)-1])
		}
		for i, scale := range m.scales {
			if float64(scale) != before[i] {
				t.Errorf("%s from %g: scale %g at try %d, torch's is %g", c.Steps, c.First, scale, i+1, before[i])
			}
			if i > 0 && c.Steps[i-1] == '1' && !slices.Equal(m.seen[i], m.seen[i-1]) {
				t.Errorf("%s from %g: try %d saw %v after %v", c.Steps, c.First, i+1, m.seen[i], m.seen[i-1])
			}
		}
	}
	if len(cases) < 5 {
		t.Errorf("only %d cases were read", len(cases))
	}
}

// Gradients beyond 4,000 overflow: the run goes as one without scaling does, and says what it lowered.
func TestOverflowLosesNothing(t *testing.T) {
	plain, scaled := &fakeModel{}, &fakeModel{overflows: func(_ int, scale float32) bool { return scale > 4000 }}
	whole, told := &notes{}, &notes{}
	if _, err := trainer(t, plain, whole).Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	tr := trainer(t, scaled, told)
	tr.Scaling = &LossScaling{1 << 14, 4}
	state, err := tr.Run(context.Background(), State{})
	if err != nil {
		t.Fatal(err)
	}
	// Lowered twice before step 1 and, four steps later, once again.
	if want := []ScaleEvent{{1, 8192}, {1, 4096}, {1, 2048}, {5, 2048}}; !reflect.DeepEqual(told.lower, want) {
		t.Errorf("told of %v, want %v", told.lower, want)
	}
	if want := (ScaleState{2048, 3}); state.LossScale != want {
		t.Errorf("ended at %+v, want %+v", state.LossScale, want)
	}
	if len(told.steps) != len(whole.steps) {
		t.Fatalf("%d steps, want %d", len(told.steps), len(whole.steps))
	}
	for i, e := range told.steps {
		w := whole.steps[i]
		if e.Epoch != w.Epoch || e.Loss != w.Loss || e.LearningRate != w.LearningRate || e.Tokens != w.Tokens || e.GradNorm != w.GradNorm {
			t.Errorf("step %+v, without overflow %+v", e, w)
		}
	}
	if !slices.Equal(plain.scales, []float32{1, 1, 1, 1, 1, 1, 1}) {
		t.Errorf("scales without scaling: %v", plain.scales)
	}
}

// A run that is stopped while a window is done again goes on with the lower scale.
func TestInterruptedInRecovery(t *testing.T) {
	overflows := func(_ int, scale float32) bool { return scale > 4000 }
	scaling := &LossScaling{1 << 14, 100}
	m := &fakeModel{overflows: overflows}
	whole := trainer(t, m, &notes{})
	whole.Scaling = scaling
	if _, err := whole.Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	stopped, n := &fakeModel{overflows: overflows, stop: cancel}, &notes{} // in the second try's first micro batch
	tr := trainer(t, stopped, n)
	tr.Scaling = scaling
	state, err := tr.Run(ctx, State{})
	if want := (State{LossScale: ScaleState{Scale: 8192}}); !errors.Is(err, ErrInterrupted) || state != want || stopped.dropped != 1 {
		t.Fatalf("stopped at %+v, %v, gradients dropped %d times", state, err, stopped.dropped)
	}
	rest := &fakeModel{overflows: overflows}
	tr.Model, tr.Observer = rest, &notes{}
	if state, err = tr.Run(context.Background(), n.saved[0]); err != nil || state.Step != 7 {
		t.Fatalf("ended at %+v, %v", state, err)
	}
	if !slices.Equal(append(slices.Clone(stopped.scales), rest.scales...), m.scales) || !reflect.DeepEqual(rest.seen, m.seen[2:]) {
		t.Errorf("scales %v and %v, in one run %v", stopped.scales, rest.scales, m.scales)
	}
}

// No scale helps against a loss that is not finite, nor against gradients that overflow unscaled.
func TestDivergedWithScaling(t *testing.T) {
	for _, c := range []struct {
		name  string
		model *fakeModel
		tries int
	}{
		{"loss", &fakeModel{lost: 1}, 1},
		{"gradients", &fakeModel{overflows: func(int, float32) bool { return true }}, 1 + 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &notes{}
			tr := trainer(t, c.model, n)
			tr.Scaling = &LossScaling{1 << 16, 100}
			state, err := tr.Run(context.Background(), State{})
			var d Diverged
			if !errors.As(err, &d) || !strings.Contains(err.Error(), `dtype = "bfloat16"`) || state.Step != 0 || len(n.steps)+len(n.saved) != 0 {
				t.Errorf("%v at %+v, told of %v, saved %v", err, state, n.steps, n.saved)
			}
			if len(c.model.scales) != c.tries || len(n.lower) != c.tries-1 {
				t.Errorf("%d tries, told of %v; want %d tries", len(c.model.scales), n.lower, c.tries)
			}
		})
	}
}

// Where all gradients are 0 the scale rises to its limit.
func TestScaleEnds(t *testing.T) {
	l, s := &LossScaling{1 << 16, 1}, ScaleState{}
	for range 300 {
		l.begin(&s)
		l.fitted(&s)
	}
	if s.Scale != maxScale {
		t.Errorf("scale %g", s.Scale)
	}
}

func TestCheckpointOfLossScale(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir()}
	for step, scale := range map[int]ScaleState{1: {}, 2: {Scale: 32768, Good: 7}, 3: {Scale: 0.25}} {
		cp := Checkpoint{State: State{Step: step, LossScale: scale}}
		if err := c.Save(cp, func(dir string) error { return os.WriteFile(filepath.Join(dir, "weights"), nil, 0o644) }); err != nil {
			t.Fatal(err)
		}
		got, err := ReadCheckpoint(c.Of(step))
		if err != nil || got.State != cp.State {
			t.Errorf("read %+v, %v; saved %+v", got.State, err, cp.State)
		}
		text, err := os.ReadFile(filepath.Join(c.Of(step), checkpointState))
		if err != nil || strings.Contains(string(text), "loss_scale") != (scale.Scale > 0) {
			t.Errorf("%v, state.json %s", err, text)
		}
	}
	for _, s := range []ScaleState{{Scale: -2}, {Scale: 3}, {Good: -1}, {Scale: math.Inf(1)}, {Scale: math.NaN()}, {Scale: 1e300}, {Scale: math.Ldexp(1, -140)}} {
		if s.valid() {
			t.Errorf("%+v was taken", s)
		}
	}
}
