package train

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/program"
)

// EarlyStopping ends a run whose validation loss no longer gets better, as
// Transformers' EarlyStoppingCallback with load_best_model_at_end. Patience 0
// is off.
type EarlyStopping struct {
	Patience  int     // evaluations in a row without a better loss, at which the run stops
	Threshold float64 // how much lower a loss must be to count as better
}

// Watch is what the evaluations of a run have seen and decided; a checkpoint
// keeps it, so that a resumed run decides the same.
type Watch struct {
	// Pending says that the evaluation after State.Step was interrupted.
	Pending bool `json:"pending,omitempty"`
	Seen    int  `json:"seen,omitempty"` // evaluations

	BestStep int     `json:"best_step,omitempty"` // of the lowest loss, 0 for none
	BestLoss float64 `json:"best_loss,omitempty"`
	Bad      int     `json:"bad,omitempty"` // evaluations in a row without a better loss
	Stopped  bool    `json:"stopped,omitempty"`

	Loss float64 `json:"loss,omitempty"` // of the last evaluation
	// TrainSum over TrainSteps is the mean training loss since the last
	// evaluation, TrainLoss that of the steps before it.
	TrainSum   float64 `json:"train_sum,omitempty"`
	TrainSteps int     `json:"train_steps,omitempty"`
	TrainLoss  float64 `json:"train_loss,omitempty"`
	// Rises is for how many evaluations in a row the validation loss has risen while
	// the training loss fell.
	Rises int `json:"rises,omitempty"`

	Plateau PlateauState `json:"plateau,omitzero"`
}

// stepped takes in the training loss of a step.
func (w *Watch) stepped(loss float64) {
	w.TrainSum += loss
	w.TrainSteps++
}

// evaluated takes in the loss of the evaluation after step.
func (w *Watch) evaluated(step int, loss float64, early EarlyStopping) {
	if w.Seen == 0 || w.BestLoss-loss > early.Threshold {
		w.Bad = 0
	} else {
		w.Bad++
	}
	w.Stopped = early.Patience > 0 && w.Bad >= early.Patience
	if w.Seen == 0 || loss < w.BestLoss {
		w.BestStep, w.BestLoss = step, loss
	}
	mean := w.TrainLoss
	if w.TrainSteps > 0 {
		mean = w.TrainSum / float64(w.TrainSteps)
	}
	if w.Seen > 0 && loss > w.Loss && mean < w.TrainLoss {
		w.Rises++
	} else {
		w.Rises = 0
	}
	w.Loss, w.TrainLoss, w.TrainSum, w.TrainSteps = loss, mean, 0, 0
	w.Pending = false
	w.Seen++
}

// evaluationDue says whether an evaluation follows the step just done.
func (t *Trainer) evaluationDue(step int) bool {
	return len(t.Held) > 0 && (step == t.Steps || t.EvalEvery > 0 && step%t.EvalEvery == 0)
}

// evaluate runs an evaluation that is due and draws the conclusions.
func (t *Trainer) evaluate(ctx context.Context, state *State) error {
	loss, err := t.Evaluate(ctx)
	if err != nil {
		return err
	}
	if !finite(loss) {
		return fmt.Errorf("the validation loss after step %d is %v: the training diverged; try a lower learning_rate", state.Step, loss)
	}
	state.Watch.evaluated(state.Step, loss, t.Early)
	if t.Plateau != nil {
		t.Plateau.step(&state.Watch.Plateau, loss, t.Schedule.Base)
	}
	return t.Observer.Evaluated(EvalEvent{Step: state.Step, Loss: loss, Watch: state.Watch})
}

// Evaluate is the mean loss over the held-out examples. It ends with ctx's
// error soon after ctx does.
func (t *Trainer) Evaluate(ctx context.Context) (float64, error) {
	if t.validation == nil {
		t.validation = t.Plan.Validation(t.Held)
	}
	return Evaluate(ctx, t.Model, t.Plan.Read(t.validation), 1)
}

// Evaluate is the mean loss over batches; adapter is 1, or 0 for the base alone.
func Evaluate(ctx context.Context, m Model, batches iter.Seq2[*data.Batch, error], adapter float32) (float64, error) {
	var sum, n float64
	for b, err := range batches {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return 0, err
		}
		loss, err := m.Score(b, &program.Scalars{Adapter: adapter})
		if err != nil {
			return 0, err
		}
		sum += loss
		n += b.SumWeights()
	}
	return sum / n, nil
}
