package job

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/core/generate"
	"github.com/loraedge/loraedge/core/lower"
)

// GenerateOptions say what to answer, and how.
type GenerateOptions struct {
	Prompt            string
	Adapter           string // folder; "" for that of output_dir, where there is one
	Base              bool
	MaxTokens         int
	Temperature, TopP float64
	Seed              uint64
}

// adapterDir is the adapter that a command works with: the one given, else
// that of output_dir, else "".
func (j *Job) adapterDir(given string) string {
	if given != "" {
		return given
	}
	if _, err := os.Stat(j.outputPath("adapter_config.json")); err == nil {
		return j.Config.OutputDir.Name
	}
	return ""
}

// Generate answers a prompt to w, token by token.
func (j *Job) Generate(ctx context.Context, w io.Writer, o GenerateOptions) error {
	dir := j.adapterDir(o.Adapter)
	if o.Base {
		dir = ""
	}
	ids, err := j.Text.Prompt(conversation.Conversation{Messages: []conversation.Message{{Role: "user", Content: o.Prompt}}})
	if err != nil {
		return UsageError{err}
	}
	context := len(ids) + o.MaxTokens
	if m := j.Base.Graph.MaxPositions; m > 0 {
		context = min(context, m)
	}
	options := lower.Options{Decode: []int{1, decodeChunk}, Cache: context}
	if err := j.setPrecision(&options); err != nil {
		return UsageError{err}
	}
	session, err := j.Base.StartWith(j.Device, options, dir)
	if err != nil {
		return UsageError{err}
	}
	defer session.Close()
	stream := j.Text.Tokenizer.NewStream(true)
	err = generate.Generate(ctx, session, ids, generate.Options{
		MaxTokens: o.MaxTokens, Context: context, Chunk: decodeChunk, Temperature: o.Temperature, TopP: o.TopP,
		Seed: o.Seed, Stop: j.Text.Stop,
	}, func(id int32) error {
		_, err := io.WriteString(w, stream.Push(id))
		return err
	})
	fmt.Fprintln(w, stream.Flush())
	return err
}
