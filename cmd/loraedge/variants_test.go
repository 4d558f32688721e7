package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Whatever a variant or optimizer keeps is in the checkpoint.
func TestResumeOfVariants(t *testing.T) {
	for name, settings := range map[string][]string{
		"dora with dropout": {"adapter.use_dora=true"},
		"8-bit moments":     {"adapter.lora_r=256", "train.optimizer=adamw_8bit"},
		"pissa":             {"adapter.init=pissa"},
		"momentum":          {"train.optimizer=sgd", "train.momentum=0.9"},
		"noise":             {"train.neftune_noise_alpha=5"},
		"plateau":           {"train.lr_scheduler=reduce_lr_on_plateau", "train.eval_steps=1", "train.plateau_patience=0", "train.plateau_factor=0.5", "train.plateau_threshold=0.5"},
		"early stopping":    {"train.eval_steps=1", "train.early_stopping_patience=4", "train.early_stopping_threshold=9"},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(dir string, status int, extra ...string) {
				t.Helper()
				args := append([]string{"run", "lora.toml", "--set", "train.save_total_limit=0"}, extra...)
				for _, s := range settings {
					args = append(args, "--set", s)
				}
				text, err := command(dir, args...).CombinedOutput()
				if got := exitCode(err); got != status {
					t.Fatalf("exit status %d, wanted %d: %v\n%s", got, status, err, text)
				}
			}
			whole, parts := newRun(t, "6", "1"), newRun(t, "6", "1")
			run(whole, 0)
			want := result(t, whole)
			run(parts, 0)
			// Goes on from a checkpoint in the middle: the later ones are lost.
			for step := 4; step <= 6; step++ {
				if err := os.RemoveAll(filepath.Join(parts, "out", "checkpoints", fmt.Sprintf("step-%d", step))); err != nil {
					t.Fatal(err)
				}
			}
			run(parts, 0, "--resume")
			want.equals(t, result(t, parts))
		})
	}
}

// A run that stops early ends with the weights of its best evaluation.
func TestEarlyStopping(t *testing.T) {
	dir := newRun(t, "99", "0")
	text, err := command(dir, "run", "lora.toml", "--set", "train.eval_steps=1", "--set", "train.learning_rate=0.1", "--set", "train.lr_scheduler=constant",
		"--set", "adapter.lora_alpha=200", "--set", "train.early_stopping_patience=2", "--set", "train.save_total_limit=1").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var end struct {
		Steps    int
		BestStep int     `json:"best_step"`
		BestLoss float64 `json:"best_eval_loss"`
	}
	best, bestLoss := 0, math.Inf(1)
	got := result(t, dir)
	for _, line := range got.losses {
		var e struct {
			Event    string
			Step     int
			EvalLoss float64 `json:"eval_loss"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == "eval" && e.EvalLoss < bestLoss {
			best, bestLoss = e.Step, e.EvalLoss
		}
		if e.Event == "end" {
			if err := json.Unmarshal([]byte(line), &end); err != nil {
				t.Fatal(err)
			}
		}
	}
	if end.BestStep != best || end.BestLoss != bestLoss || end.Steps != best+2 {
		t.Errorf("ended after step %d with the weights of step %d (%v); the best is step %d (%v)", end.Steps, end.BestStep, end.BestLoss, best, bestLoss)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "out", "checkpoints", fmt.Sprintf("step-%d", best), "adapter_model.safetensors"))
	if err != nil || !bytes.Equal(kept, got.adapter) {
		t.Errorf("the adapter is not that of the best checkpoint (%v)", err)
	}
	for _, words := range []string{"no better validation loss in 2 evaluations", fmt.Sprintf("took the weights of step %d", best)} {
		if !bytes.Contains(text, []byte(words)) {
			t.Errorf("no %q in\n%s", words, text)
		}
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}
