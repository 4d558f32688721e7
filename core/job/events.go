package job

import (
	"context"
	"fmt"
	"time"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/generate"
	"github.com/loraedge/loraedge/core/report"
	"github.com/loraedge/loraedge/core/train"
)

// answerTokens is the longest answer to a sample prompt or an evaluated record.
const answerTokens = 64

// risesTold is from how many evaluations on a rising validation loss is told of.
const risesTold = 3

// Stepped writes the step to the metrics and the progress line.
func (r *run) Stepped(e train.StepEvent) error {
	if r.firstLoss == 0 {
		r.firstLoss = e.Loss
	}
	r.lastLoss = e.Loss
	r.tokens += int64(e.Tokens)
	r.seconds += e.Seconds
	r.timed++
	logged := r.Config.Train.LoggingSteps
	if last := e.Step == e.Steps; last || logged > 0 && e.Step%logged == 0 {
		err := r.metrics.Write(report.StepEvent{
			Event: "step", Step: e.Step, Epoch: e.Epoch, Loss: e.Loss, LearningRate: e.LearningRate, GradNorm: e.GradNorm,
			Tokens: r.tokens, TokensPerSecond: e.TokensPerSecond,
		})
		if err != nil {
			return err
		}
	}
	left := time.Duration(r.seconds / float64(r.timed) * float64(e.Steps-e.Step) * float64(time.Second))
	r.Progress.Show(fmt.Sprintf("step %d/%d  epoch %.2f  loss %.4f%s  rate %.2e  %.0f tokens/s  %s left",
		e.Step, e.Steps, e.Epoch, e.Loss, r.evalText(), e.LearningRate, e.TokensPerSecond, report.Duration(left)), e.Step == e.Steps)
	return nil
}

// Evaluated writes the validation loss.
func (r *run) Evaluated(e train.EvalEvent) error {
	r.evalLoss, r.hasEval = e.Loss, true
	if n := e.Watch.Rises; n >= risesTold {
		r.Progress.Print("step %d: validation loss has risen for %d evaluations while training loss falls: the model begins to learn the examples by heart. "+
			"The best was %.4f at step %d. Fewer epochs, a lower learning_rate, lora_dropout or more data help; early_stopping_patience stops in time", e.Step, n, e.Watch.BestLoss, e.Watch.BestStep)
	}
	return r.metrics.Write(report.EvalEvent{Event: "eval", Step: e.Step, EvalLoss: e.Loss})
}

// Rescaled tells that a step is done again.
func (r *run) Rescaled(e train.ScaleEvent) error {
	r.Progress.Print("step %d: loss scale lowered to %g: a gradient overflowed float16; the step is done again", e.Step, e.Scale)
	return r.metrics.Write(report.ScaleEvent{Event: "loss_scale", Step: e.Step, LossScale: e.Scale, Reason: "a gradient overflowed float16"})
}

func (r *run) evalText() string {
	if !r.hasEval {
		return ""
	}
	return fmt.Sprintf("  validation %.4f", r.evalLoss)
}

// sample answers the sample prompts and shows them, after training beside the
// answers before.
func (r *run) sample(ctx context.Context, step int) error {
	for _, prompt := range r.Config.Report.SamplePrompts {
		text, err := r.answer(ctx, r.session, conversation.Conversation{
			Messages: []conversation.Message{{Role: "user", Content: prompt}},
		})
		if err != nil {
			return fmt.Errorf("sample prompt %q: %w", prompt, err)
		}
		if err := r.metrics.Write(report.SampleEvent{Event: "sample", Step: step, Prompt: prompt, Text: text}); err != nil {
			return err
		}
		if before, ok := r.samples[prompt]; ok {
			r.Progress.Print("prompt: %s\n  before: %s\n  after:  %s", prompt, before, text)
		}
		r.samples[prompt] = text
	}
	return nil
}

// answer lets a model go on after a conversation, through the chat template;
// the likeliest token every time.
func (j *Job) answer(ctx context.Context, d generate.Decoder, c conversation.Conversation) (string, error) {
	ids, err := j.Text.Prompt(c)
	if err != nil {
		return "", err
	}
	var answer []int32
	err = generate.Generate(ctx, d, ids, generate.Options{
		MaxTokens: answerTokens, Context: j.context(), Chunk: decodeChunk, Stop: j.Text.Stop,
	}, func(id int32) error {
		answer = append(answer, id)
		return nil
	})
	return j.Text.Tokenizer.Decode(answer, true), err
}
