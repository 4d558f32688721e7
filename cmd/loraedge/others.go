package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/job"
)

type generateCommand struct {
	configFlags
	Prompt      string  `required:"" short:"p" help:"What the user says."`
	Adapter     string  `help:"A PEFT adapter folder; else that of output_dir where there is one." type:"path"`
	Base        bool    `help:"The base model without an adapter."`
	MaxTokens   int     `help:"Longest answer, in tokens." default:"256"`
	Temperature float64 `help:"0 takes the likeliest token every time." default:"0"`
	TopP        float64 `help:"Sample among the likeliest that make up this share." default:"1"`
	Seed        uint64  `help:"Repeats an answer." default:"42"`
}

func (g generateCommand) Run(ctx context.Context) error {
	j, done, err := g.open(ctx, false)
	if err != nil {
		return err
	}
	defer done()
	return j.Generate(ctx, os.Stdout, job.GenerateOptions{
		Prompt: g.Prompt, Adapter: g.Adapter, Base: g.Base, MaxTokens: g.MaxTokens,
		Temperature: g.Temperature, TopP: g.TopP, Seed: g.Seed,
	})
}

type pluginsCommand struct {
	List  pluginsListCommand  `cmd:"" help:"List the plugins that were found, and whether they may run."`
	Trust pluginsTrustCommand `cmd:"" help:"Allow a plugin outside this binary to run, as its bytes are now."`
}

type pluginsListCommand struct {
	JSON bool `help:"Print JSON."`
}

func (l pluginsListCommand) Run(ctx context.Context) error {
	h, err := newHost(config.Plugins{})
	if err != nil {
		return err
	}
	defer h.Close()
	all := h.List(ctx)
	if l.JSON {
		return printJSON(all)
	}
	for _, p := range all {
		state := "trusted"
		if !p.Trusted {
			state = "not trusted"
		}
		fmt.Printf("%s  %s, %s\n", p.Name, p.From, state)
		for _, f := range p.Families {
			fmt.Printf("  architecture %s %s: %s\n", f.Name, f.Version, strings.Join(f.ModelTypes, ", "))
		}
		for _, t := range p.Types {
			fmt.Printf("  dataset type %s %s: %s\n", t.Name, t.Version, t.Description)
		}
		if p.Problem != "" {
			fmt.Printf("  %s\n", p.Problem)
		}
	}
	return nil
}

type pluginsTrustCommand struct {
	Path string `arg:"" help:"The plugin's executable." type:"path"`
}

func (t pluginsTrustCommand) Run() error {
	h, err := newHost(config.Plugins{})
	if err != nil {
		return err
	}
	defer h.Close()
	sum, err := h.Trust(t.Path)
	if err != nil {
		return job.UsageError{Err: err}
	}
	fmt.Printf("trusted %s\n  sha256 %s\n", t.Path, sum)
	return nil
}

func printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	return nil
}
