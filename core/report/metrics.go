package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// Metrics appends events to metrics.jsonl.
type Metrics struct {
	file  *os.File
	bytes int64
}

// OpenMetrics opens the file, cut to keep bytes (0 to begin anew).
func OpenMetrics(path string, keep int64) (*Metrics, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	if err = f.Truncate(keep); err == nil {
		_, err = f.Seek(keep, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return &Metrics{f, keep}, nil
}

// Event is a line of metrics.jsonl: fields in the order of the struct.
type Event any

// StepEvent, EvalEvent, ScaleEvent, SampleEvent and EndEvent are the lines' forms.
type StepEvent struct {
	Event           string  `json:"event"` // "step"
	Step            int     `json:"step"`
	Epoch           float64 `json:"epoch"`
	Loss            float64 `json:"loss"`
	LearningRate    float64 `json:"learning_rate"`
	GradNorm        float64 `json:"grad_norm"`
	Tokens          int64   `json:"tokens"` // so far
	TokensPerSecond float64 `json:"tokens_per_second"`
}

type EvalEvent struct {
	Event    string  `json:"event"` // "eval"
	Step     int     `json:"step"`
	EvalLoss float64 `json:"eval_loss"`
}

type ScaleEvent struct {
	Event     string  `json:"event"` // "loss_scale"
	Step      int     `json:"step"`  // done again with this scale
	LossScale float64 `json:"loss_scale"`
	Reason    string  `json:"reason"`
}

type SampleEvent struct {
	Event  string `json:"event"` // "sample"
	Step   int    `json:"step"`
	Prompt string `json:"prompt"`
	Text   string `json:"text"`
}

type EndEvent struct {
	Event        string  `json:"event"` // "end"
	Steps        int     `json:"steps"`
	Tokens       int64   `json:"tokens"`
	Seconds      float64 `json:"seconds"`
	PlannedBytes int64   `json:"planned_bytes"`
	PeakBytes    int64   `json:"peak_bytes"` // of the process; 0 where unknown
	// The evaluation whose weights were taken, with early stopping.
	BestStep     int     `json:"best_step,omitempty"`
	BestEvalLoss float64 `json:"best_eval_loss,omitempty"`
}

// Write appends one event.
func (m *Metrics) Write(e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	line = append(line, '\n')
	if _, err := m.file.Write(line); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	m.bytes += int64(len(line))
	return nil
}

// Bytes is the length of the file so far.
func (m *Metrics) Bytes() int64 { return m.bytes }

// Sync makes what was written last.
func (m *Metrics) Sync() error { return m.file.Sync() }

// Close closes the file.
func (m *Metrics) Close() error { return m.file.Close() }
