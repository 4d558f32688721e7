package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/program"
)

// Model is what the loop trains; model.Session is one.
type Model interface {
	// Step adds the gradients of a batch and returns its Σ weight·CE.
	Step(*data.Batch, *program.Scalars) (float64, error)
	// Score returns a batch's Σ weight·CE.
	Score(*data.Batch, *program.Scalars) (float64, error)
	// Update applies the gradients and returns their norm before clipping.
	Update(*program.Scalars) (float64, error)
	// DropGradients forgets what Step added.
	DropGradients() error
}

// Optimizer holds AdamW's settings.
type Optimizer struct {
	Beta1, Beta2, Epsilon, WeightDecay, MaxGradNorm float64
}

// StepEvent tells of one optimizer step.
type StepEvent struct {
	Step, Steps     int // Step from 1
	Epoch           float64
	Loss            float64
	LearningRate    float64
	GradNorm        float64
	Tokens          int // without padding, in this step
	TokensPerSecond float64
	Seconds         float64 // of this step
}

// EvalEvent tells of an evaluation on the held-out examples.
type EvalEvent struct {
	Step int
	Loss float64
}

// Observer hears what happens. An error stops the run.
type Observer interface {
	Stepped(StepEvent) error
	Evaluated(EvalEvent) error
	// Save writes a checkpoint of the model with this state.
	Save(State) error
}

// State is what, beside the model's own, a checkpoint keeps.
type State struct {
	Step     int      `json:"step"` // steps done
	Position Position `json:"position"`
	Tokens   int64    `json:"tokens"`
}

// Trainer is one run.
type Trainer struct {
	Model        Model
	Plan         *data.Plan
	Held         []int // examples for evaluation
	Accumulation int
	Steps        int
	Schedule     Schedule
	Optimizer    Optimizer
	Seed         uint64
	EvalEvery    int // steps; 0: at the end only
	SaveEvery    int // steps; 0: at the end only
	Observer     Observer
}

// ErrInterrupted says that the run was stopped after a checkpoint was saved.
var ErrInterrupted = errors.New("interrupted")

// Diverged says that the training is lost: the loss or the gradients of a step
// are not finite.
type Diverged struct {
	Step       int
	Loss, Norm float64
	Rate       float64
}

func (d Diverged) Error() string {
	return fmt.Sprintf("the training diverged at step %d: loss %v, gradient norm %v at learning rate %g; the step was not applied. Try a lower learning_rate, more warmup_steps, or a smaller max_grad_norm",
		d.Step, d.Loss, d.Norm, d.Rate)
}

// Run trains from a state to the last step. When ctx ends it saves after the
// micro batch in hand and returns ErrInterrupted.
func (t *Trainer) Run(ctx context.Context, from State) (State, error) {
	c := newCursor(t.Plan, t.Accumulation, from.Position)
	state := from
	for state.Step < t.Steps {
		event, err := t.step(ctx, c, &state)
		if errors.Is(err, ErrInterrupted) {
			if saved := t.Observer.Save(state); saved != nil {
				return state, fmt.Errorf("interrupted: %w", saved)
			}
			return state, err
		}
		if err != nil {
			return state, err
		}
		if err := t.after(event, state); err != nil {
			return state, err
		}
	}
	return state, nil
}

// after tells of a step, and evaluates and saves where it is time.
func (t *Trainer) after(event StepEvent, state State) error {
	if err := t.Observer.Stepped(event); err != nil {
		return err
	}
	last := state.Step == t.Steps
	if len(t.Held) > 0 && (last || t.EvalEvery > 0 && state.Step%t.EvalEvery == 0) {
		loss, err := t.Evaluate()
		if err != nil {
			return err
		}
		if err := t.Observer.Evaluated(EvalEvent{state.Step, loss}); err != nil {
			return err
		}
	}
	if last || t.SaveEvery > 0 && state.Step%t.SaveEvery == 0 {
		return t.Observer.Save(state)
	}
	return nil
}

func (t *Trainer) step(ctx context.Context, c *cursor, state *State) (StepEvent, error) {
	begin := time.Now()
	window, err := c.next()
	if err != nil {
		return StepEvent{}, err
	}
	sc := t.scalars(state.Step, window)
	var loss float64
	tokens := 0
	for _, b := range window {
		if ctx.Err() != nil {
			return StepEvent{}, errors.Join(ErrInterrupted, t.Model.DropGradients())
		}
		sum, err := t.Model.Step(b, sc)
		if err != nil {
			return StepEvent{}, err
		}
		loss += sum * float64(sc.InvN)
		tokens += b.Tokens
	}
	norm, err := t.Model.Update(sc)
	if err != nil {
		return StepEvent{}, err
	}
	rate := t.Schedule.Rate(state.Step)
	if !finite(loss) || !finite(norm) {
		return StepEvent{}, Diverged{state.Step + 1, loss, norm, rate}
	}
	state.Step++
	state.Position = c.at
	state.Tokens += int64(tokens)
	seconds := time.Since(begin).Seconds()
	return StepEvent{
		Step: state.Step, Steps: t.Steps, Epoch: c.progress(), Loss: loss, LearningRate: rate, GradNorm: norm,
		Tokens: tokens, TokensPerSecond: float64(tokens) / seconds, Seconds: seconds,
	}, nil
}

func (t *Trainer) scalars(step int, window []*data.Batch) *program.Scalars {
	var n float64
	for _, b := range window {
		n += b.SumWeights()
	}
	o := t.Optimizer
	return &program.Scalars{
		Seed: t.Seed, DropoutStep: uint32(step), Training: true, Adapter: 1, InvN: float32(1 / n),
		LearningRate: float32(t.Schedule.Rate(step)), Beta1: float32(o.Beta1), Beta2: float32(o.Beta2),
		Epsilon: float32(o.Epsilon), WeightDecay: float32(o.WeightDecay), MaxNorm: float32(o.MaxGradNorm),
	}
}

// Evaluate is the mean loss over the held-out examples.
func (t *Trainer) Evaluate() (float64, error) {
	batches, err := t.Plan.Validation(t.Held)
	if err != nil {
		return 0, err
	}
	return Evaluate(t.Model, batches, 1)
}

// Evaluate is the mean loss over batches; adapter is 1, or 0 for the base alone.
func Evaluate(m Model, batches []*data.Batch, adapter float32) (float64, error) {
	var sum, n float64
	for _, b := range batches {
		loss, err := m.Score(b, &program.Scalars{Adapter: adapter})
		if err != nil {
			return 0, err
		}
		sum += loss
		n += b.SumWeights()
	}
	return sum / n, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
