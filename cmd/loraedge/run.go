package main

import (
	"context"
	"fmt"
	"os"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/job"
	"github.com/loraedge/loraedge/core/report"
)

// configFlags are those of every command that reads a lora.toml.
type configFlags struct {
	Config string   `arg:"" help:"The lora.toml." default:"lora.toml"`
	Set    []string `help:"Override a key: --set train.learning_rate=1e-4" sep:"none" placeholder:"KEY=VALUE"`
	Device string   `help:"Overrides [device] backend." placeholder:"NAME"`
}

// open reads the configuration and opens the model, and the data where wanted.
func (f configFlags) open(ctx context.Context, withData bool) (*job.Job, func(), error) {
	sets := f.Set
	if f.Device != "" {
		sets = append(sets, fmt.Sprintf("device.backend=%q", f.Device))
	}
	c, err := config.Load(f.Config, sets)
	if err != nil {
		return nil, nil, job.UsageError{Err: err}
	}
	deps, closePlugins, err := newDeps(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	j, err := job.Open(c, deps)
	if err != nil {
		closePlugins()
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, job.UsageError{Err: err}
	}
	done := func() {
		j.Close()
		closePlugins()
	}
	if withData {
		if err := j.Prepare(ctx); err != nil {
			done()
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			return nil, nil, job.UsageError{Err: err}
		}
	}
	return j, done, nil
}

type runCommand struct {
	configFlags
	Resume    bool `help:"Go on from the newest checkpoint in output_dir." xor:"how"`
	Overwrite bool `help:"Replace an earlier run in output_dir." xor:"how"`
}

func (r runCommand) Run(ctx context.Context) error {
	j, done, err := r.open(ctx, false)
	if err != nil {
		return err
	}
	defer done()
	return j.Run(ctx, job.RunOptions{Resume: r.Resume, Overwrite: r.Overwrite})
}

type checkCommand struct {
	configFlags
	Records    int    `help:"How many examples to show." default:"2"`
	DumpTokens string `help:"Write the batches of the run to this folder, for another program to train on." type:"path" placeholder:"DIR"`
}

func (c checkCommand) Run(ctx context.Context) error {
	j, done, err := c.open(ctx, true)
	if err != nil {
		return err
	}
	defer done()
	if c.DumpTokens != "" {
		if err := j.DumpTokens(c.DumpTokens); err != nil {
			return err
		}
	}
	return j.Check(os.Stdout, c.Records, report.Colour(os.Stdout))
}

type evalCommand struct {
	configFlags
	Adapter string `help:"A PEFT adapter folder; else that of output_dir where there is one." type:"path"`
	Data    string `help:"Another data file of the first dataset's type." placeholder:"PATH"`
	Exact   bool   `help:"Also let both write answers and count those that equal the record's."`
	JSON    bool   `help:"Print JSON."`
}

func (e evalCommand) Run(ctx context.Context) error {
	e.Set = append(e.Set, "data.val_set_size=0", "train.eval_steps=0")
	if e.Data != "" {
		e.Set = append(e.Set, fmt.Sprintf("datasets.0.path=%q", e.Data), "test_datasets=[]")
	}
	j, done, err := e.open(ctx, true)
	if err != nil {
		return err
	}
	defer done()
	return j.Eval(ctx, os.Stdout, job.EvalOptions{Adapter: e.Adapter, Exact: e.Exact, JSON: e.JSON})
}
