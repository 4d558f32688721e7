package job

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/data/container"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/train"
)

// EvalOptions say what to measure.
type EvalOptions struct {
	Adapter string // folder; "" for that of output_dir, where there is one
	Exact   bool
	JSON    bool
}

// Score is what one model reached.
type Score struct {
	Loss       float64 `json:"loss"`
	Perplexity float64 `json:"perplexity"`
	Exact      *int    `json:"exact_matches,omitempty"`
	Asked      *int    `json:"asked,omitempty"`
}

// Eval measures the base model, and the adapter where there is one, on the test
// datasets, or where there are none on all examples.
func (j *Job) Eval(ctx context.Context, w io.Writer, o EvalOptions) error {
	if err := j.trainable(); err != nil {
		return err
	}
	dir := j.adapterDir(o.Adapter)
	options := lower.Options{Score: j.Plan.Buckets, Decode: []int{1, decodeChunk}, Cache: j.context()}
	if err := j.setPrecision(&options); err != nil {
		return UsageError{err}
	}
	session, err := j.Base.StartWith(j.Device, options, dir)
	if err != nil {
		return UsageError{err}
	}
	defer session.Close()
	batches := j.Plan.Validation(j.toEvaluate())
	scores := map[string]Score{}
	names := []string{"base"}
	if dir != "" {
		names = append(names, "adapter")
	}
	for _, name := range names {
		session.BaseOnly = name == "base"
		if scores[name], err = j.score(ctx, session, batches, o.Exact); err != nil {
			return err
		}
	}
	return printScores(w, names, scores, o.JSON)
}

// toEvaluate are the examples of the test datasets, or all.
func (j *Job) toEvaluate() []int {
	if len(j.Config.TestDatasets) > 0 {
		return j.Held
	}
	all := make([]int, j.Store.Count())
	for i := range all {
		all[i] = i
	}
	return all
}

func (j *Job) score(ctx context.Context, s *model.Session, batches [][]int, exact bool) (Score, error) {
	adapter := float32(1)
	if s.BaseOnly {
		adapter = 0
	}
	loss, err := train.Evaluate(ctx, s, j.Plan.Read(batches), adapter)
	if err != nil {
		return Score{}, err
	}
	score := Score{Loss: loss, Perplexity: math.Exp(loss)}
	if exact {
		var hits, asked int
		if hits, asked, err = j.exactMatches(ctx, s); err != nil {
			return score, err
		}
		score.Exact, score.Asked = &hits, &asked
	}
	return score, nil
}

// exactMatches lets the model answer every record whose last turn is the
// assistant's, and counts the answers that equal it but for outer space.
func (j *Job) exactMatches(ctx context.Context, s *model.Session) (hits, asked int, err error) {
	for _, source := range j.sources {
		if len(j.Config.TestDatasets) > 0 && !source.test {
			continue
		}
		read := 0
		err := eachRecord(source.Files, func(r container.Record) error {
			if read++; source.Limit > 0 && read > source.Limit {
				return nil
			}
			converted, err := j.Formats.Convert(source.Type, source.Columns, []json.RawMessage{r.JSON})
			if err != nil {
				return err
			}
			c := converted[0].Conversation
			n := len(c.Messages)
			if n == 0 || c.Messages[n-1].Role != "assistant" {
				return nil
			}
			asked++
			answer, err := j.answer(ctx, s, conversation.Conversation{Messages: c.Messages[:n-1], Tools: c.Tools, Documents: c.Documents, Fields: c.Fields})
			if err == nil && strings.TrimSpace(answer) == strings.TrimSpace(c.Messages[n-1].Content) {
				hits++
			}
			return err
		})
		if err != nil {
			return 0, 0, err
		}
	}
	return hits, asked, nil
}

func eachRecord(files []string, do func(container.Record) error) error {
	for _, f := range files {
		if err := container.Read(f, do); err != nil {
			return err
		}
	}
	return nil
}

func printScores(w io.Writer, names []string, scores map[string]Score, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent(scores, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, string(text))
		return err
	}
	for _, name := range names {
		s := scores[name]
		line := fmt.Sprintf("%-8s loss %.4f  perplexity %.3f", name, s.Loss, s.Perplexity)
		if s.Exact != nil {
			line += fmt.Sprintf("  exact answers %d of %d", *s.Exact, *s.Asked)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
