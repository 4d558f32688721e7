package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const resumeConfig = `base_model = "model"
output_dir = "out"
[adapter]
lora_r = 2
lora_dropout = 0.1
[[datasets]]
path = "data.jsonl"
type = "completion"
[data]
sequence_len = 64
val_set_size = 2
[train]
max_steps = STEPS
save_steps = SAVE
eval_steps = 4
gradient_accumulation_steps = 2
learning_rate = 1e-2
`

// trained is what a run left.
type trained struct {
	adapter []byte
	losses  []string // step, loss, rate and norm of each step, and the evaluations
}

// newRun is a folder in which to train for so many steps, with a checkpoint
// each `save` steps.
func newRun(t *testing.T, steps, save string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "model"), os.DirFS(tinyModel)); err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("STEPS", steps, "SAVE", save).Replace(resumeConfig)
	if err := writeFiles(dir, map[string]string{"lora.toml": config, "data.jsonl": tinyData(12)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func runToEnd(t *testing.T, dir string, env ...string) trained {
	t.Helper()
	c := command(dir, "run", "lora.toml", "--resume")
	c.Env = append(c.Env, env...)
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return result(t, dir)
}

func result(t *testing.T, dir string) trained {
	t.Helper()
	adapter, err := os.ReadFile(filepath.Join(dir, "out", "adapter_model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return trained{adapter, losses(t, dir)}
}

// losses are the lines of metrics.jsonl without what depends on the clock.
func losses(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "out", "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range bytes.Lines(text) {
		var event map[string]any
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("metrics.jsonl: %v in %q", err, line)
		}
		for _, timed := range []string{"tokens_per_second", "seconds", "peak_bytes"} {
			delete(event, timed)
		}
		plain, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(plain))
	}
	return lines
}

func (want trained) equals(t *testing.T, got trained) {
	t.Helper()
	if !bytes.Equal(want.adapter, got.adapter) {
		t.Error("the adapter's bytes differ")
	}
	if a, b := strings.Join(want.losses, "\n"), strings.Join(got.losses, "\n"); a != b {
		t.Errorf("the metrics differ; wanted\n%s\nfound\n%s", a, b)
	}
}

// A run that is killed at any moment and resumed, again and again, ends in the
// same bytes as one that nothing disturbed.
func TestResumeAfterKill(t *testing.T) {
	const kills, seed = 30, 7
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	whole := newRun(t, "60", "2")
	began := time.Now()
	want := runToEnd(t, whole)
	duration := time.Since(began)
	dir := newRun(t, "60", "2")
	finished, resumed := 0, 0
	for killed := 0; killed < kills; {
		began := time.Now()
		if complete, from := killedRun(t, dir, time.Duration(random.Int64N(int64(duration)))); complete {
			finished++
			if !from { // a whole run in less time than the first one took
				duration = min(duration, time.Since(began))
			}
			want.equals(t, result(t, dir))
			if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
				t.Fatal(err)
			}
		} else {
			killed++
			if from {
				resumed++
			}
		}
		if t.Failed() || finished > 200 {
			t.Fatalf("gave up after %d kills and %d whole runs", killed, finished)
		}
	}
	want.equals(t, runToEnd(t, dir))
	if resumed == 0 {
		t.Error("no run that had resumed was killed: the test shows nothing")
	}
	t.Logf("%d kills of runs of %v, %d of them in runs that had resumed, %d runs ended before they were killed", kills, duration, resumed, finished)
}

// killedRun goes on with a run and kills it after a while; complete says that
// it had ended by itself, resumed that it had found a checkpoint.
func killedRun(t *testing.T, dir string, after time.Duration) (complete, resumed bool) {
	t.Helper()
	c := command(dir, "run", "lora.toml", "--resume")
	var text bytes.Buffer
	c.Stderr = &text
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { c.Process.Kill() })
	err := c.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
		t.Fatalf("%v\n%s", err, text.String())
	}
	return err == nil, strings.Contains(text.String(), "resuming after step")
}

// Ctrl-C and SIGTERM save and say so; --resume goes on to the same bytes.
func TestInterrupt(t *testing.T) {
	want := runToEnd(t, newRun(t, "200", "0"))
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) { interrupt(t, signal, want) })
	}
}

func interrupt(t *testing.T, signal syscall.Signal, want trained) {
	dir := newRun(t, "200", "0")
	c := command(dir, "run", "lora.toml")
	var text bytes.Buffer
	c.Stderr = &text
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, filepath.Join(dir, "out", "metrics.jsonl"))
	if err := c.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	err := c.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Fatalf("wanted exit status %d, found %v\n%s", exitInterrupted, err, text.String())
	}
	if !strings.Contains(text.String(), "go on with --resume") {
		t.Errorf("no word of --resume in:\n%s", text.String())
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "out", "checkpoints", "step-*", "state.json")); len(found) != 1 {
		t.Errorf("wanted one checkpoint, found %q", found)
	}
	want.equals(t, runToEnd(t, dir))
}

// A disk that is full while a checkpoint is written ends the run with a reason
// and leaves the checkpoint before; with space, --resume goes on to the same
// bytes. The limit on a file's size stands for the full disk.
func TestFullDisk(t *testing.T) {
	want := runToEnd(t, newRun(t, "200", "50"))
	dir := newRun(t, "200", "50")
	killAfter(t, dir, filepath.Join("checkpoints", "step-50", "state.json"))
	limited := exec.Command("sh", "-c", `ulimit -f 16; exec "$0" run lora.toml --resume`, command(dir).Path)
	limited.Dir, limited.Env = dir, command(dir).Env
	text, err := limited.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(string(text), "checkpoint") {
		t.Fatalf("wanted exit status %d and a word of the checkpoint, found %v\n%s", exitFailed, err, text)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "out", "checkpoints", "*")); len(found) != 1 || filepath.Base(found[0]) != "step-50" {
		t.Errorf("wanted the checkpoint of step 50 alone, found %q", found)
	}
	want.equals(t, runToEnd(t, dir))
}

// killAfter starts a run and kills it as soon as a file is in its output folder.
func killAfter(t *testing.T, dir, file string) {
	t.Helper()
	c := command(dir, "run", "lora.toml")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, filepath.Join(dir, "out", file))
	c.Process.Kill()
	if c.Wait() == nil {
		t.Fatal("the run ended before it was killed")
	}
}

// waitFor waits until a file of a running program has content.
func waitFor(t *testing.T, c *exec.Cmd, file string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if st, err := os.Stat(file); err == nil && st.Size() > 0 {
			return
		}
		if time.Now().After(deadline) {
			c.Process.Kill()
			t.Fatalf("no %s in a minute", filepath.Base(file))
		}
	}
}

// The same settings give the same bytes, however many threads there are.
func TestSameBytesAgain(t *testing.T) {
	want := runToEnd(t, newRun(t, "12", "0"))
	for _, threads := range []string{"", "1", "2", "3"} {
		t.Run("threads "+threads, func(t *testing.T) {
			var env []string
			if threads != "" {
				env = append(env, "LORAEDGE_CPU_THREADS="+threads)
			}
			want.equals(t, runToEnd(t, newRun(t, "12", "0"), env...))
		})
	}
}
