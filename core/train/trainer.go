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
	// StepLayerMajor is Step of all batches of a window, which have the same number of rows.
	StepLayerMajor([]*data.Batch, *program.Scalars) (float64, error)
	// Score returns a batch's Σ weight·CE.
	Score(*data.Batch, *program.Scalars) (float64, error)
	// Update applies the gradients and returns their norm before clipping.
	Update(*program.Scalars) (float64, error)
	// DropGradients forgets what Step added.
	DropGradients() error
}

// Optimizer holds the optimizer's settings; SGD takes its momentum as Beta1.
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
	Step  int
	Loss  float64
	Watch Watch // with this evaluation taken in
}

// Observer hears what happens. An error stops the run.
type Observer interface {
	Stepped(StepEvent) error
	Evaluated(EvalEvent) error
	Rescaled(ScaleEvent) error
	// Save writes a checkpoint of the model with this state.
	Save(State) error
}

// State is what, beside the model's own, a checkpoint keeps.
type State struct {
	Step     int      `json:"step"` // steps done
	Position Position `json:"position"`
	Tokens   int64    `json:"tokens"`
	Watch    Watch    `json:"watch,omitzero"`
	// LossScale is that of the next step, where there is loss scaling.
	LossScale ScaleState `json:"loss_scale,omitzero"`
}

// Trainer is one run.
type Trainer struct {
	Model        Model
	Plan         *data.Plan
	Held         []int // examples for evaluation
	Accumulation int
	LayerMajor   int // micro batches of a window that the model takes at once; 0 or 1 is none
	Steps        int
	Schedule     Schedule
	Plateau      *Plateau // instead of the schedule; nil for none
	Early        EarlyStopping
	Optimizer    Optimizer
	Scaling      *LossScaling // for products in float16; nil for none
	Seed         uint64
	EvalEvery    int // steps; 0: at the end only
	SaveEvery    int // steps; 0: at the end only
	Observer     Observer

	validation [][]int // batches of Held, once they are planned
}

// ErrInterrupted says that the run was stopped after a checkpoint was saved.
var ErrInterrupted = errors.New("interrupted")

// Diverged says that the training is lost: the loss or the gradients of a step
// are not finite.
type Diverged struct {
	Step       int
	Loss, Norm float64
	Rate       float64
	Float16    bool // products were in float16
}

func (d Diverged) Error() string {
	text := fmt.Sprintf("the training diverged at step %d: loss %v, gradient norm %v at learning rate %g; the step was not applied. Try a lower learning_rate, more warmup_steps, or a smaller max_grad_norm",
		d.Step, d.Loss, d.Norm, d.Rate)
	if d.Float16 {
		text += "; or [device] dtype = \"bfloat16\" or \"float32\", for float16 holds nothing above 65504, and no loss scale helped"
	}
	return text
}

// Run trains from a state to the last step, or to where it stops early. When
// ctx ends it saves after the micro batch in hand, or in the middle of an
// evaluation, and returns ErrInterrupted.
func (t *Trainer) Run(ctx context.Context, from State) (State, error) {
	c := newCursor(t.Plan, t.Accumulation, from.Position)
	state := from
	for state.Watch.Pending || state.Step < t.Steps && !state.Watch.Stopped {
		err := t.advance(ctx, c, &state)
		if errors.Is(err, ErrInterrupted) {
			if saved := t.Observer.Save(state); saved != nil {
				return state, fmt.Errorf("interrupted: %w", saved)
			}
			return state, ErrInterrupted
		}
		if err != nil {
			return state, err
		}
	}
	return state, nil
}

// advance does a step, and what follows it: telling of it, evaluating and
// saving where it is time. An evaluation that was interrupted comes first.
func (t *Trainer) advance(ctx context.Context, c *cursor, state *State) error {
	if !state.Watch.Pending {
		event, err := t.step(ctx, c, state)
		if err != nil {
			return err
		}
		if err := t.Observer.Stepped(event); err != nil {
			return err
		}
	}
	best := false
	if state.Watch.Pending || t.evaluationDue(state.Step) {
		state.Watch.Pending = true
		if err := t.evaluate(ctx, state); err != nil {
			if ctx.Err() != nil {
				return ErrInterrupted
			}
			return err
		}
		best = t.Early.Patience > 0 && state.Watch.BestStep == state.Step
	}
	if best || state.Watch.Stopped || state.Step == t.Steps || t.SaveEvery > 0 && state.Step%t.SaveEvery == 0 {
		return t.Observer.Save(*state)
	}
	return nil
}

func (t *Trainer) step(ctx context.Context, c *cursor, state *State) (StepEvent, error) {
	begin := time.Now()
	window, err := c.next()
	if err != nil {
		return StepEvent{}, err
	}
	rate, tokens := t.rate(state), 0
	for _, b := range window {
		tokens += b.Tokens
	}
	loss, norm, err := t.update(ctx, window, rate, state)
	if err != nil {
		return StepEvent{}, err
	}
	state.Step++
	state.Position = c.at
	state.Tokens += int64(tokens)
	state.Watch.stepped(loss)
	seconds := time.Since(begin).Seconds()
	return StepEvent{
		Step: state.Step, Steps: t.Steps, Epoch: c.progress(), Loss: loss, LearningRate: rate, GradNorm: norm,
		Tokens: tokens, TokensPerSecond: float64(tokens) / seconds, Seconds: seconds,
	}, nil
}

// update trains on a window, again with a lower loss scale while gradients overflow.
func (t *Trainer) update(ctx context.Context, window []*data.Batch, rate float64, state *State) (loss, norm float64, err error) {
	sc := t.scalars(state.Step, rate, window)
	for {
		sc.LossScale = float32(t.Scaling.begin(&state.LossScale))
		sum, err := t.gradients(ctx, window, sc)
		if err != nil {
			return 0, 0, err
		}
		loss = sum * float64(sc.InvN)
		if norm, err = t.Model.Update(sc); err != nil {
			return 0, 0, err
		}
		if finite(loss) && finite(norm) {
			t.Scaling.fitted(&state.LossScale)
			return loss, norm, nil
		}
		if !finite(loss) || !t.Scaling.lower(&state.LossScale) {
			return 0, 0, Diverged{state.Step + 1, loss, norm, rate, t.Scaling != nil}
		}
		if err := t.Observer.Rescaled(ScaleEvent{state.Step + 1, state.LossScale.Scale}); err != nil {
			return 0, 0, err
		}
	}
}

// gradients adds those of a window and returns its Σ weight·CE.
func (t *Trainer) gradients(ctx context.Context, window []*data.Batch, sc *program.Scalars) (float64, error) {
	if t.LayerMajor > 1 && len(window) == t.LayerMajor && sameRows(window) {
		if ctx.Err() != nil {
			return 0, ErrInterrupted
		}
		return t.Model.StepLayerMajor(window, sc)
	}
	var sum float64
	for _, b := range window {
		if ctx.Err() != nil {
			return 0, errors.Join(ErrInterrupted, t.Model.DropGradients())
		}
		one, err := t.Model.Step(b, sc)
		if err != nil {
			return 0, err
		}
		sum += one
	}
	return sum, nil
}

func sameRows(window []*data.Batch) bool {
	for _, b := range window {
		if len(b.IDs) != len(window[0].IDs) {
			return false
		}
	}
	return true
}

// rate is the learning rate of the next step.
func (t *Trainer) rate(state *State) float64 {
	switch {
	case t.Plateau == nil:
		return t.Schedule.Rate(state.Step)
	case state.Watch.Plateau.Seen:
		return state.Watch.Plateau.Rate
	}
	return t.Schedule.Base
}

func (t *Trainer) scalars(step int, rate float64, window []*data.Batch) *program.Scalars {
	var n float64
	for _, b := range window {
		n += b.SumWeights()
	}
	o := t.Optimizer
	return &program.Scalars{
		Seed: t.Seed, DropoutStep: uint32(step), Training: true, Adapter: 1, InvN: float32(1 / n),
		LearningRate: float32(rate), Beta1: float32(o.Beta1), Beta2: float32(o.Beta2),
		Epsilon: float32(o.Epsilon), WeightDecay: float32(o.WeightDecay), MaxNorm: float32(o.MaxGradNorm),
	}
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
