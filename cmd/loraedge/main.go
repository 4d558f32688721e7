// Command loraedge fine-tunes language models with LoRA. It parses the command
// line, calls the core and prints; it holds no logic of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/job"
	"github.com/loraedge/loraedge/core/train"
	"github.com/loraedge/loraedge/plugins/builtin"
	"github.com/loraedge/loraedge/plugins/host"
)

// version is set by the Makefile.
var version = "development"

// Exit statuses.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

type cli struct {
	Run      runCommand      `cmd:"" help:"Train, as a lora.toml says."`
	Check    checkCommand    `cmd:"" help:"Read everything, train nothing: mistakes, the data as the model sees it, the memory plan."`
	Eval     evalCommand     `cmd:"" help:"Loss and perplexity on the datasets, of the base model and of an adapter."`
	Generate generateCommand `cmd:"" help:"Answer a prompt with a base model, with or without an adapter."`
	Bench    benchCommand    `cmd:"" help:"Measure a training step: each instruction, and its share of what this machine can do."`
	Devices  devicesCommand  `cmd:"" help:"List what training can run on."`
	Plugins  pluginsCommand  `cmd:"" help:"List plugins, or trust one."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

func main() {
	if slices.Equal(os.Args[1:], host.BuiltinArgs()) {
		builtin.Serve()
		return
	}
	os.Exit(run())
}

func run() int {
	var c cli
	parser, err := kong.New(&c, kong.Name("loraedge"), kong.UsageOnError(),
		kong.Description("Fine-tunes language models with LoRA on your own machine. Nothing is sent anywhere."))
	if err != nil {
		fmt.Fprintln(os.Stderr, "loraedge:", err)
		return exitFailed
	}
	args := os.Args[1:]
	if len(args) == 0 {
		args = withoutArguments()
		defer holdConsole()
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "loraedge: %v\nSee loraedge --help.\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	return status(parsed.Run())
}

// status prints an error and what to do, and gives the exit status.
func status(err error) int {
	if text := advice(err); text != "" {
		defer fmt.Fprintln(os.Stderr, text)
	}
	var mistakes config.Errors
	var usage job.UsageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, train.ErrInterrupted), errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "loraedge: interrupted")
		return exitInterrupted
	case errors.As(err, &mistakes):
		fmt.Fprintln(os.Stderr, mistakes)
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "loraedge:", err)
		return exitUsage
	}
	fmt.Fprintln(os.Stderr, "loraedge:", err)
	return exitFailed
}

type versionCommand struct{}

func (versionCommand) Run() error {
	fmt.Println("loraedge", version)
	return nil
}
