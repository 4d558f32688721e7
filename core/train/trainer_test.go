package train

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/program"
)

// fakeModel notes what it is asked for; its loss at optimizer step `lost` is not a number.
type fakeModel struct {
	seen    [][]int32 // ids of each micro batch
	updates []float32 // learning rates
	dropped int
	lost    int
	windows []int  // lengths of those that came at once
	stop    func() // called in the third micro batch
	stopIn  func() // called in each batch of an evaluation
	// valid are the validation losses of the evaluations in turn, train the training
	// losses of the steps; 3 and 2 after the last.
	valid, train []float64
	scored       int
	scales       []float32                         // of the updates
	overflows    func(try int, scale float32) bool // whether gradients do in this update, from 0
}

func (m *fakeModel) Step(b *data.Batch, sc *program.Scalars) (float64, error) {
	m.seen = append(m.seen, b.IDs[:b.Tokens])
	if len(m.seen) == 3 && m.stop != nil {
		m.stop()
	}
	if m.lost > 0 && len(m.updates) == m.lost-1 {
		return math.NaN(), nil
	}
	if n := len(m.updates); n < len(m.train) {
		return m.train[n] * b.SumWeights(), nil
	}
	return 2 * b.SumWeights(), nil
}

func (m *fakeModel) StepLayerMajor(window []*data.Batch, sc *program.Scalars) (float64, error) {
	m.windows = append(m.windows, len(window))
	var sum float64
	for _, b := range window {
		one, err := m.Step(b, sc)
		if err != nil {
			return 0, err
		}
		sum += one
	}
	return sum, nil
}

func (m *fakeModel) Score(b *data.Batch, sc *program.Scalars) (float64, error) {
	if m.stopIn != nil {
		m.stopIn()
	}
	m.scored++
	if n := (m.scored - 1) / 2; n < len(m.valid) { // an evaluation is two batches
		return m.valid[n] * b.SumWeights(), nil
	}
	return 3 * b.SumWeights(), nil
}

func (m *fakeModel) Update(sc *program.Scalars) (float64, error) {
	m.updates = append(m.updates, sc.LearningRate)
	m.scales = append(m.scales, sc.LossScale)
	if m.overflows != nil && m.overflows(len(m.scales)-1, sc.LossScale) {
		return math.Inf(1), nil
	}
	return 1, nil
}

func (m *fakeModel) DropGradients() error {
	m.dropped++
	return nil
}

// notes are what an observer heard.
type notes struct {
	full  error // what Save answers
	steps []StepEvent
	evals []EvalEvent
	saved []State
	lower []ScaleEvent
}

func (n *notes) Stepped(e StepEvent) error   { n.steps = append(n.steps, e); return nil }
func (n *notes) Evaluated(e EvalEvent) error { n.evals = append(n.evals, e); return nil }
func (n *notes) Rescaled(e ScaleEvent) error { n.lower = append(n.lower, e); return nil }
func (n *notes) Save(s State) error          { n.saved = append(n.saved, s); return n.full }

// fiveExamples is a plan of five examples of two tokens, one a batch.
func fiveExamples(t *testing.T) *data.Plan {
	t.Helper()
	store, err := data.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	for i := range int32(5) {
		if err := store.Add(data.Example{IDs: []int32{i, i + 1}, Weights: []float32{1, 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Finish(); err != nil {
		t.Fatal(err)
	}
	return &data.Plan{Store: store, Train: []int{0, 1, 2, 3, 4}, Shuffle: true, Capacity: 2, Size: 1, Buckets: []int{2}}
}

func trainer(t *testing.T, m *fakeModel, n *notes) *Trainer {
	return &Trainer{
		Model: m, Plan: fiveExamples(t), Held: []int{0, 1}, Accumulation: 2, Steps: 7, EvalEvery: 3, SaveEvery: 2, Observer: n,
		Schedule: Schedule{Kind: "linear", Base: 1, Total: 7},
	}
}

func TestRun(t *testing.T) {
	m, n := &fakeModel{}, &notes{}
	state, err := trainer(t, m, n).Run(context.Background(), State{})
	if err != nil {
		t.Fatal(err)
	}
	// Five batches are three windows, of 2, 2 and 1; seven steps are two epochs and a window.
	if want := (Position{Epoch: 2, Batch: 2}); state.Step != 7 || state.Position != want || state.Tokens != 24 {
		t.Errorf("ended at %+v", state)
	}
	if len(n.steps) != 7 || n.steps[2].Epoch != 1 || n.steps[2].Tokens != 2 || n.steps[6].Loss != 2 {
		t.Errorf("steps %+v", n.steps)
	}
	var evaluated []int
	for _, e := range n.evals {
		evaluated = append(evaluated, e.Step)
		if e.Loss != 3 {
			t.Errorf("evaluation %+v", e)
		}
	}
	if want := []int{3, 6, 7}; !reflect.DeepEqual(evaluated, want) {
		t.Errorf("evaluations at %v, wanted %v", evaluated, want)
	}
	var saved []int
	for _, s := range n.saved {
		saved = append(saved, s.Step)
	}
	if want := []int{2, 4, 6, 7}; !reflect.DeepEqual(saved, want) {
		t.Errorf("saved at %v, wanted %v", saved, want)
	}
}

// From each state that was saved the same batches follow.
// Whole windows go to the model at once where it takes so many; the last window
// of an epoch, which is shorter, does not.
func TestLayerMajor(t *testing.T) {
	m, n := &fakeModel{}, &notes{}
	tr := trainer(t, m, n)
	tr.LayerMajor = 2
	state, err := tr.Run(context.Background(), State{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{2, 2, 2, 2, 2}; !slices.Equal(m.windows, want) || state.Tokens != 24 || len(m.updates) != 7 {
		t.Errorf("windows %v, want %v; ended at %+v after %d updates", m.windows, want, state, len(m.updates))
	}
}

func TestRunGoesOn(t *testing.T) {
	m, n := &fakeModel{}, &notes{}
	whole := trainer(t, m, n)
	if _, err := whole.Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	for _, from := range n.saved {
		again := &fakeModel{}
		rest := *whole
		rest.Model, rest.Observer = again, &notes{}
		if _, err := rest.Run(context.Background(), from); err != nil {
			t.Fatal(err)
		}
		done := int(from.Tokens) / 2
		if !reflect.DeepEqual(append([][]int32{}, again.seen...), append([][]int32{}, m.seen[done:]...)) {
			t.Errorf("from step %d: saw %v, wanted %v", from.Step, again.seen, m.seen[done:])
		}
		if !reflect.DeepEqual(append([]float32{}, again.updates...), append([]float32{}, m.updates[from.Step:]...)) {
			t.Errorf("from step %d: rates %v, wanted %v", from.Step, again.updates, m.updates[from.Step:])
		}
	}
}

func TestInterruptedInTheMiddleOfAWindow(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	m, n := &fakeModel{stop: cancel}, &notes{}
	state, err := trainer(t, m, n).Run(ctx, State{})
	if !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error %v", err)
	}
	want := State{Step: 1, Position: Position{Batch: 2}, Tokens: 4, Watch: Watch{TrainSum: 2, TrainSteps: 1}}
	if state != want || len(n.saved) != 1 || n.saved[0] != want || m.dropped != 1 || len(m.updates) != 1 {
		t.Errorf("state %+v, saved %+v, gradients dropped %d times, %d updates", state, n.saved, m.dropped, len(m.updates))
	}
}

// Where nothing could be saved, the run failed; it was not just interrupted.
func TestInterruptedWithoutRoom(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	full := errors.New("no space left on device")
	_, err := trainer(t, &fakeModel{stop: cancel}, &notes{full: full}).Run(ctx, State{})
	if errors.Is(err, ErrInterrupted) || !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

func TestPositionBeyondTheData(t *testing.T) {
	_, err := trainer(t, &fakeModel{}, &notes{}).Run(context.Background(), State{Step: 1, Position: Position{Batch: 99}})
	if err == nil || !strings.Contains(err.Error(), "goes on at batch 99 of epoch 0, which has only 5") {
		t.Errorf("error %v", err)
	}
}

// A lost step is told of and not saved: the checkpoint before it stays the last.
func TestDiverged(t *testing.T) {
	m, n := &fakeModel{lost: 4}, &notes{}
	state, err := trainer(t, m, n).Run(context.Background(), State{})
	var d Diverged
	if !errors.As(err, &d) || d.Step != 4 || !math.IsNaN(d.Loss) {
		t.Fatalf("error %v", err)
	}
	if state.Step != 3 || len(n.steps) != 3 || len(n.saved) != 1 || n.saved[0].Step != 2 {
		t.Errorf("state %+v, %d steps told, saved %+v", state, len(n.steps), n.saved)
	}
}

func TestSteps(t *testing.T) {
	plan := fiveExamples(t)
	for _, c := range []struct {
		epochs       float64
		accumulation int
		want         int
	}{{1, 1, 5}, {2, 2, 6}, {1.5, 2, 5}, {0.01, 2, 1}, {1, 100, 1}} {
		if got := Steps(plan, c.accumulation, c.epochs); got != c.want {
			t.Errorf("%v epochs of 5 batches, %d a step: %d steps, wanted %d", c.epochs, c.accumulation, got, c.want)
		}
	}
}
