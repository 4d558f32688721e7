package job

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/train"
)

// dumped is a micro batch for other programs: tools/oracle/streams.py reads it.
type dumped struct {
	IDs       []int32   `json:"ids"`
	Weights   []float32 `json:"weights"` // of the token after
	Positions []int32   `json:"positions"`
	Documents [][2]int  `json:"documents"` // half open
}

// DumpTokens writes the batches of the run to dir: tokens.jsonl, a line an
// optimizer step, and valid.jsonl, so that another program can train on the
// same tokens in the same order.
func (j *Job) DumpTokens(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	windows := train.Windows(j.Plan, j.Config.Train.GradientAccumulationSteps)
	err := writeLines(filepath.Join(dir, "tokens.jsonl"), func(write func([]*data.Batch) error) error {
		for range j.Steps {
			window, err := windows()
			if err != nil {
				return err
			}
			if err := write(window); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(j.Held) == 0 {
		return err
	}
	return writeLines(filepath.Join(dir, "valid.jsonl"), func(write func([]*data.Batch) error) error {
		batches, err := j.Plan.Window(j.Plan.Validation(j.Held))
		if err != nil {
			return err
		}
		return write(batches)
	})
}

func writeLines(path string, lines func(write func([]*data.Batch) error) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	e := json.NewEncoder(f)
	err = lines(func(batches []*data.Batch) error {
		var line []dumped
		for _, b := range batches {
			line = append(line, dump(b))
		}
		return e.Encode(line)
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}

func dump(b *data.Batch) dumped {
	d := dumped{IDs: b.IDs, Weights: b.Weights, Positions: b.Positions}
	for row := 0; row < b.Tokens; row = int(b.Last[row]) + 1 {
		d.Documents = append(d.Documents, [2]int{row, int(b.Last[row]) + 1})
	}
	return d
}
