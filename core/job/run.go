package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/report"
	"github.com/loraedge/loraedge/core/train"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/huggingface"
)

// RunOptions are the choices of the command line.
type RunOptions struct {
	Resume, Overwrite bool
}

// UsageError is a mistake of the user: exit status 2, and nothing was written.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// run is one training run in its output folder.
type run struct {
	*Job
	session     *model.Session
	checkpoints train.Checkpoints
	metrics     *report.Metrics
	identity    map[string]string
	started     time.Time
	evalLoss    float64
	hasEval     bool
	firstLoss   float64
	lastLoss    float64
	tokens      int64 // trained on in this process and before
	seconds     float64
	timed       int               // steps that seconds counts
	samples     map[string]string // answers before training, by prompt
}

// Run prepares the data, trains and writes the output folder, in which nothing is
// changed before data and model are found good.
func (j *Job) Run(ctx context.Context, o RunOptions) error {
	options, err := j.options()
	if err != nil {
		return UsageError{err}
	}
	unlock, err := claim(j.Config.OutputDir.Name, o.Resume, o.Overwrite)
	if err != nil {
		return UsageError{err}
	}
	defer unlock()
	r := &run{
		Job: j, started: time.Now(), samples: map[string]string{},
		checkpoints: train.Checkpoints{
			Dir: j.outputPath(checkpointsDir), Keep: j.Config.Train.SaveTotalLimit, KeepBest: j.Config.Train.EarlyStoppingPatience > 0,
		},
	}
	var baseHash string
	if r.session, baseHash, err = j.begin(ctx, options); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return UsageError{err} // bad data, damaged weights, or a device that cannot hold them
	}
	defer r.session.Close()
	if r.identity, err = j.identity(baseHash); err != nil {
		return err
	}
	if o.Overwrite {
		if err := removeEarlier(j.Config.OutputDir.Name); err != nil {
			return err
		}
	}
	state, keep, err := r.resume(o.Resume)
	if err != nil {
		return UsageError{err}
	}
	if r.metrics, err = report.OpenMetrics(j.outputPath(metricsFile), keep); err != nil {
		return err
	}
	defer r.metrics.Close()
	r.tokens = state.Tokens
	r.announce(options, state)
	if err := r.writeRunFile(""); err != nil {
		return err
	}
	return r.train(ctx, state, options)
}

func (r *run) train(ctx context.Context, state train.State, o lower.Options) error {
	if err := r.sample(ctx, state.Step); err != nil {
		return err
	}
	c := r.Config
	beta1 := c.Train.AdamBeta1
	if c.Train.Optimizer == "sgd" {
		beta1 = c.Train.Momentum
	}
	t := &train.Trainer{
		Model: r.session, Plan: r.Plan, Held: r.Held, Accumulation: c.Train.GradientAccumulationSteps, LayerMajor: o.Micros, Steps: r.Steps,
		Schedule: r.schedule(), Plateau: r.plateau(),
		Early: train.EarlyStopping{Patience: c.Train.EarlyStoppingPatience, Threshold: c.Train.EarlyStoppingThreshold},
		Seed:  uint64(c.Seed), EvalEvery: c.Train.EvalSteps, SaveEvery: c.Train.SaveSteps, Observer: r,
		Optimizer: train.Optimizer{
			Beta1: beta1, Beta2: c.Train.AdamBeta2, Epsilon: c.Train.AdamEpsilon,
			WeightDecay: c.Train.WeightDecay, MaxGradNorm: c.Train.MaxGradNorm,
		},
	}
	if o.Compute == dtype.F16 {
		t.Scaling = &train.Float16Scaling
	}
	state, err := t.Run(ctx, state)
	r.Progress.End()
	if err != nil {
		return r.explain(err)
	}
	return r.finish(ctx, state)
}

// explain adds to an error what is left of the run.
func (r *run) explain(err error) error {
	dir, cp, _ := r.checkpoints.Latest()
	var diverged train.Diverged
	switch {
	case dir == "":
		return err
	case errors.Is(err, train.ErrInterrupted):
		r.Progress.Print("saved at step %d of %d in %s; go on with --resume", cp.Step, r.Steps, dir)
		return train.ErrInterrupted
	case errors.As(err, &diverged):
		return fmt.Errorf("%w. The last checkpoint, of step %d, is kept in %s", err, cp.Step, dir)
	}
	return fmt.Errorf("%w (the checkpoint of step %d is kept in %s; go on with --resume)", err, cp.Step, dir)
}

// identity names what a resumed run must share with the one that it goes on.
func (j *Job) identity(baseHash string) (map[string]string, error) {
	text, err := settingsOf(j.Config)
	identity := map[string]string{"base model": baseHash, "data": j.Store.Hash(), settings: text}
	if n := len(j.Config.TestDatasets); n > 0 {
		identity["test datasets"] = fmt.Sprint(n, " of ", len(j.sources))
	}
	return identity, err
}

// resume loads the newest whole checkpoint, and says how much of the metrics
// to keep. Without a checkpoint a resumed run begins anew.
func (r *run) resume(wanted bool) (train.State, int64, error) {
	if !wanted {
		return train.State{}, 0, nil
	}
	dir, cp, warnings := r.checkpoints.Latest()
	for _, w := range warnings {
		r.Progress.Print("warning: %s", w)
	}
	if dir == "" {
		r.Progress.Print("no checkpoint in %s: the run begins at step 1", r.checkpoints.Dir)
		return train.State{}, 0, nil
	}
	var changed []string
	for _, what := range []string{"base model", "data", "test datasets", settings} {
		if !same(what, cp.Identity[what], r.identity[what]) {
			changed = append(changed, what)
		}
	}
	if len(changed) > 0 {
		return train.State{}, 0, fmt.Errorf("--resume: since the checkpoint %s these have changed: %s. Put them back, or begin anew with --overwrite",
			dir, strings.Join(changed, ", "))
	}
	if err := r.session.LoadState(dir); err != nil {
		return train.State{}, 0, fmt.Errorf("--resume: %w", err)
	}
	r.Progress.Print("resuming after step %d from %s", cp.Step, dir)
	return cp.State, cp.MetricsBytes, nil
}

// Save writes a checkpoint.
func (r *run) Save(state train.State) error {
	if err := r.metrics.Sync(); err != nil {
		return err
	}
	cp := train.Checkpoint{State: state, Identity: r.identity, MetricsBytes: r.metrics.Bytes()}
	return r.checkpoints.Save(cp, func(dir string) error {
		if err := r.session.SaveState(dir); err != nil {
			return err
		}
		if r.Config.Adapter.Kind == "full" {
			return nil
		}
		return r.session.SaveAdapter(dir, r.adapterSettings())
	})
}

func (r *run) adapterSettings() model.AdapterSettings {
	a := r.Config.Adapter
	return model.AdapterSettings{
		BaseModel: r.Config.BaseModel.Text, Rank: a.LoraR, Alpha: a.LoraAlpha, Dropout: a.LoraDropout, UseRSLoRA: a.UseRSLora, UseDoRA: a.UseDora,
	}
}

// takeBest puts the weights of the best evaluation back, where early stopping
// asks for them.
func (r *run) takeBest(state train.State) error {
	patience, w := r.Config.Train.EarlyStoppingPatience, state.Watch
	if patience == 0 || w.BestStep == 0 {
		return nil
	}
	if w.Stopped && state.Step < r.Steps {
		r.Progress.Print("stopped after step %d of %d: no better validation loss in %d evaluations", state.Step, r.Steps, patience)
	}
	if w.BestStep == state.Step {
		return nil
	}
	dir := r.checkpoints.Of(w.BestStep)
	if _, err := train.ReadCheckpoint(dir); err != nil {
		return fmt.Errorf("the weights of step %d, the best, cannot be taken: %w; those of the last step are in %s", w.BestStep, err, r.checkpoints.Of(state.Step))
	}
	if err := r.session.LoadState(dir); err != nil {
		return err
	}
	r.Progress.Print("took the weights of step %d, whose validation loss %.4f was the lowest; those of the last step are in %s", w.BestStep, w.BestLoss, r.checkpoints.Of(state.Step))
	return nil
}

// finish writes the adapter or the model, and the end of the story.
func (r *run) finish(ctx context.Context, state train.State) error {
	if err := r.takeBest(state); err != nil {
		return err
	}
	if err := r.sample(ctx, state.Step); err != nil {
		return err
	}
	dir := r.Config.OutputDir.Name
	var err error
	if r.Config.Adapter.Kind == "full" {
		err = r.session.SaveModel(dir)
	} else if err = r.session.SaveAdapter(dir, r.adapterSettings()); err == nil {
		err = r.session.Base().CopyText(dir)
	}
	if err == nil {
		err = r.writeTemplate()
	}
	if err == nil {
		err = r.writeEnding()
	}
	if err != nil {
		return err
	}
	seconds := time.Since(r.started).Seconds()
	end := report.EndEvent{
		Event: "end", Steps: state.Step, Tokens: state.Tokens, Seconds: seconds,
		PlannedBytes: r.session.Allocated(), PeakBytes: report.PeakBytes(),
	}
	if r.Config.Train.EarlyStoppingPatience > 0 {
		end.BestStep, end.BestEvalLoss = state.Watch.BestStep, state.Watch.BestLoss
	}
	if err := r.metrics.Write(end); err != nil {
		return err
	}
	if err := r.writeRunFile(filepath.Join(dir, r.outputFile())); err != nil {
		return err
	}
	r.Progress.Print("done in %s: %d steps, loss %.4f → %.4f%s", report.Duration(time.Since(r.started)), state.Step, r.firstLoss, r.lastLoss, r.evalText())
	r.Progress.Print("memory: planned %s, process peak %s", report.Bytes(end.PlannedBytes), report.Bytes(end.PeakBytes))
	what := "adapter"
	if r.Config.Adapter.Kind == "full" {
		what = "model"
	}
	r.Progress.Print("the %s is in %s", what, dir)
	return nil
}

// writeTemplate gives the output folder the template that conversations were laid out
// with, where it is another than the one copied from the base model: other programs ask with what they find there.
func (r *run) writeTemplate() error {
	if r.Text.Own == huggingface.DefaultTemplate || !r.usesTemplate() {
		return nil
	}
	return huggingface.WriteChatTemplate(r.Config.OutputDir.Name, r.Text.Template.File(r.Text.Tokenizer))
}

// writeEnding names the token that the template ends an answer with, at which other programs are to stop.
func (r *run) writeEnding() error {
	t := r.Text
	token := t.Template.EndOfTurn(t.Tokenizer)
	id, ok := t.Tokenizer.ID(token)
	if !ok || !r.usesTemplate() {
		return nil
	}
	end := huggingface.Ending{Token: token, ID: int(id), KeepEOS: strings.Contains(t.Template.Source(), "eos_token")}
	return r.Base.Folder.WriteEnding(r.Config.OutputDir.Name, end)
}

func (r *run) outputFile() string {
	if r.Config.Adapter.Kind == "full" {
		return "model.safetensors"
	}
	return "adapter_model.safetensors"
}

// writeRunFile writes run.json; output is the trained file, "" before the end.
func (r *run) writeRunFile(output string) error {
	resolved, err := r.Config.Resolved()
	if err != nil {
		return err
	}
	device := r.Device.Describe()
	record := map[string]any{
		"version": r.Version, "config": resolved, "seed": r.Config.Seed,
		"device": device.Name, "device_detail": device.Detail,
		"base_model_sha256": r.identity["base model"], "data_sha256": r.identity["data"],
		"data": r.Counts, "validation_examples": len(r.Held), "steps": r.Steps, "planned_bytes": r.session.Allocated(),
	}
	if output != "" {
		if record["output_sha256"], err = train.HashFile(output); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.outputPath(runFile), append(text, '\n'), 0o644)
}

func (r *run) announce(o lower.Options, from train.State) {
	c := r.Counts
	device := r.Device.Describe()
	r.Progress.Print("device: %s (%s)", device.Name, device.Detail)
	r.Progress.Print("data: %s", DescribeCounts(c, len(r.Held)))
	for _, text := range r.warnings() {
		r.Progress.Print("warning: %s", text)
	}
	what := fmt.Sprintf("%d adapters", len(r.session.Lowered.Modules))
	if r.Config.Adapter.Kind == "full" {
		what = "all parameters"
	}
	r.Progress.Print("training %s over %d steps from step %d; memory %s, activations %s", what, r.Steps, from.Step+1, report.Bytes(r.session.Lowered.Program.OnDevice()), r.describeKept(o.Keep))
	for _, text := range r.describeCopies(r.session.Lowered, o) {
		r.Progress.Print("%s", text)
	}
}

// DescribeCounts says in words what was read.
func DescribeCounts(c data.Counts, held int) string {
	text := fmt.Sprintf("%d records, %d examples (%d for validation), %d tokens, %d trained", c.Records, c.Examples, held, c.Tokens, c.Trained)
	for _, extra := range []struct {
		n    int
		what string
	}{{c.Cut, "cut to sequence_len"}, {c.Split, "split"}, {c.Dropped, "dropped as too long"}, {c.Repeats, "left out as repeats"}, {c.Untrained, "left out, nothing in them is trained"},
		{c.Pairs, "preference pairs"}, {c.Desirable, "desirable"}, {c.Undesirable, "undesirable"}} {
		if extra.n > 0 {
			text += fmt.Sprintf(", %d %s", extra.n, extra.what)
		}
	}
	return text
}
