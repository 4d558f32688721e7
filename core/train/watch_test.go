package train

import (
	"context"
	"errors"
	"reflect"
	"testing"
)

// watched trains one step an evaluation with the given losses.
func watched(t *testing.T, m *fakeModel, n *notes, early EarlyStopping) *Trainer {
	tr := trainer(t, m, n)
	tr.Accumulation, tr.Steps, tr.EvalEvery, tr.SaveEvery, tr.Early = 1, 8, 1, 0, early
	return tr
}

func TestEarlyStopping(t *testing.T) {
	for _, c := range []struct {
		name       string
		valid      []float64
		early      EarlyStopping
		stop, best int
		saved      []int
	}{
		{"falls on", []float64{8, 7, 6, 5, 4, 3, 2, 1}, EarlyStopping{Patience: 2}, 8, 8, []int{1, 2, 3, 4, 5, 6, 7, 8}},
		{"rises", []float64{5, 4, 4.1, 4.2}, EarlyStopping{Patience: 2}, 4, 2, []int{1, 2, 4}},
		{"the same is not better", []float64{5, 5, 5}, EarlyStopping{Patience: 2}, 3, 1, []int{1, 3}},
		{"a better one begins the count anew", []float64{5, 6, 4, 6, 3, 6, 6}, EarlyStopping{Patience: 2}, 7, 5, []int{1, 3, 5, 7}},
		{"too little better counts as the best, but not as better", []float64{5, 4.9, 4.8, 4.7}, EarlyStopping{Patience: 2, Threshold: 0.5}, 3, 3, []int{1, 2, 3}},
		{"off", []float64{5, 6, 7, 8, 9, 10, 11, 12}, EarlyStopping{}, 8, 1, []int{8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, n := &fakeModel{valid: c.valid}, &notes{}
			state, err := watched(t, m, n, c.early).Run(context.Background(), State{})
			if err != nil {
				t.Fatal(err)
			}
			var saved []int
			for _, s := range n.saved {
				saved = append(saved, s.Step)
			}
			if state.Step != c.stop || state.Watch.BestStep != c.best || !reflect.DeepEqual(saved, c.saved) {
				t.Errorf("ended at step %d, best %d, saved at %v; wanted %d, %d, %v", state.Step, state.Watch.BestStep, saved, c.stop, c.best, c.saved)
			}
			again := &fakeModel{}
			if _, err := watched(t, again, &notes{}, c.early).Run(context.Background(), state); err != nil || len(again.seen) > 0 {
				t.Errorf("a run that has ended went on for %d micro batches, %v", len(again.seen), err)
			}
		})
	}
}

func TestOverfitSignal(t *testing.T) {
	m := &fakeModel{
		valid: []float64{5, 5.1, 5.2, 5.3, 5.2, 5.3, 5.4, 5.5},
		train: []float64{8, 7, 6, 5, 4, 3, 3.5, 3},
	}
	n := &notes{}
	if _, err := watched(t, m, n, EarlyStopping{}).Run(context.Background(), State{}); err != nil {
		t.Fatal(err)
	}
	var rises []int
	for _, e := range n.evals {
		rises = append(rises, e.Watch.Rises)
	}
	if want := []int{0, 1, 2, 3, 0, 1, 0, 1}; !reflect.DeepEqual(rises, want) {
		t.Errorf("rises %v, wanted %v", rises, want)
	}
}

// A run that is stopped in the middle of an evaluation saves at once, and the
// rest of it decides and saves as if it had not been.
func TestInterruptedInAnEvaluation(t *testing.T) {
	valid := []float64{3, 2, 4, 4.5, 5, 5, 5, 5}
	plateau := &Plateau{Factor: 0.5}
	whole := &notes{}
	tr := watched(t, &fakeModel{valid: valid}, whole, EarlyStopping{Patience: 4})
	tr.Plateau = plateau
	end, err := tr.Run(context.Background(), State{})
	if err != nil {
		t.Fatal(err)
	}
	for batch := 1; batch <= 10; batch++ { // two of each evaluation
		ctx, cancel := context.WithCancel(context.Background())
		m, n := &fakeModel{valid: valid}, &notes{}
		m.stopIn = func() {
			if m.scored == batch {
				cancel()
			}
		}
		first := watched(t, m, n, EarlyStopping{Patience: 4})
		first.Plateau = plateau
		state, err := first.Run(ctx, State{})
		if !errors.Is(err, ErrInterrupted) {
			t.Fatalf("batch %d: error %v", batch, err)
		}
		if last := n.saved[len(n.saved)-1]; last != state || m.scored != batch+1 {
			t.Errorf("batch %d: %d batches scored, saved %+v, wanted %+v", batch, m.scored, last, state)
		}
		m.stopIn, m.scored = nil, 2*state.Watch.Seen
		rest, err := first.Run(context.Background(), state)
		if err != nil {
			t.Fatal(err)
		}
		if rest != end || !reflect.DeepEqual(n.evals, whole.evals) || !reflect.DeepEqual(n.steps[len(n.steps)-1].LearningRate, whole.steps[len(whole.steps)-1].LearningRate) {
			t.Errorf("batch %d: the rest ended at %+v, wanted %+v", batch, rest, end)
		}
	}
}
