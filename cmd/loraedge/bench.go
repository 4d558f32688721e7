package main

import (
	"context"
	"os"

	"github.com/loraedge/loraedge/core/job"
)

type benchCommand struct {
	configFlags
	Steps int  `help:"Run the step so often; the fastest counts." default:"5"`
	JSON  bool `help:"Print JSON."`
}

func (b benchCommand) Run(ctx context.Context) error {
	j, done, err := b.open(ctx, true)
	if err != nil {
		return err
	}
	defer done()
	r, err := j.Bench(ctx, job.BenchOptions{Steps: max(1, b.Steps)})
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(r)
	}
	return r.Print(os.Stdout)
}
