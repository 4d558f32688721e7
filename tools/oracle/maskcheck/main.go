// Command maskcheck compares ids and trained tokens of whole conversations
// with what Transformers and Axolotl make of them (tools/oracle/masks.py).
//
//	go run ./tools/oracle/maskcheck FILE
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/loraedge/loraedge/core/chat"
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

// line is a model, or a conversation of the model before it.
type line struct {
	Model, Tokenizer, Template string
	Special                    chat.Special
	Ends                       []string
	Marked                     bool
	TrainOnEOS                 string

	Messages []struct {
		Role, Content string
		Calls         json.RawMessage `json:"tool_calls"`
		CallID        string          `json:"tool_call_id"`
		Name          string
	}
	Tools json.RawMessage
	// A conversation is one sample, or has several.
	sample
	Samples []sample
	Error   string
}

// sample is a text in tokens and which of them are trained.
type sample struct {
	IDs  []int32
	Mask []int
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: maskcheck FILE")
		os.Exit(2)
	}
	different, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
	}
	if err != nil || different > 0 {
		os.Exit(1)
	}
}

// model is what conversations are laid out with.
type model struct {
	line
	template  *chat.Template
	tokenizer *tokenizer.Tokenizer
	counts    map[string]int
}

func check(path string) (different int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var m *model
	report := func() {
		if m != nil {
			fmt.Printf("%s: %v\n", m.Model, m.counts)
		}
	}
	for d := json.NewDecoder(bufio.NewReader(f)); ; {
		var l line
		if err := d.Decode(&l); err == io.EOF {
			report()
			return different, nil
		} else if err != nil {
			return different, err
		}
		if l.Model != "" {
			report()
			m = &model{line: l, counts: map[string]int{}}
			if m.template, err = chat.New("template", l.Template, l.Special); err != nil {
				return different, err
			}
			if m.tokenizer, err = tokenizer.Load(l.Tokenizer); err != nil {
				return different, err
			}
			continue
		}
		verdict := m.compare(l)
		m.counts[verdict]++
		if verdict != "same" && verdict != "both refuse" {
			different++
		}
	}
}

// compare returns a word for how a conversation compares.
func (m *model) compare(l line) string {
	var c conversation.Conversation
	for _, t := range l.Messages {
		c.Messages = append(c.Messages, conversation.Message{Role: t.Role, Content: t.Content, ToolCalls: string(t.Calls), ToolCallID: t.CallID, Name: t.Name})
	}
	if string(l.Tools) != "null" {
		c.Tools = string(l.Tools)
	}
	samples, err := m.template.Render(c, chat.Options{EndOfTurn: m.Ends, TrainOnEOS: m.TrainOnEOS})
	switch {
	case l.Error != "" && err != nil:
		return "both refuse"
	case l.Error != "":
		fmt.Printf("%s: the oracle refuses: %s\n", samples[0].Text, l.Error)
		return "only the oracle refuses"
	case err != nil:
		fmt.Println(err)
		return "only we refuse"
	}
	want := l.Samples
	if want == nil {
		want = []sample{l.sample}
	}
	if len(samples) != len(want) {
		fmt.Printf("%d samples, the oracle %d, of %q\n", len(samples), len(want), samples[len(samples)-1].Text)
		return "another number of samples"
	}
	for i, s := range samples {
		if verdict := m.compareSample(s, want[i]); verdict != "same" {
			return verdict
		}
	}
	return "same"
}

func (m *model) compareSample(got chat.Sample, want sample) string {
	tokens, err := chat.Tokenize(m.tokenizer, got)
	if err != nil {
		fmt.Println(err)
		return "only we refuse"
	}
	if !slices.Equal(tokens.IDs, want.IDs) {
		fmt.Printf("ids of %q\n got %v\nwant %v\n", got.Text, tokens.IDs, want.IDs)
		return "other ids"
	}
	more, less := 0, 0
	for i, w := range tokens.Weights {
		if int(w) != want.Mask[i] {
			text := func(ids []int32) string { return m.tokenizer.Decode(ids, false) }
			fmt.Printf("trained %v, the oracle %d: %q after %q\n", w, want.Mask[i], text(want.IDs[i:i+1]), text(want.IDs[max(0, i-6):i]))
			if w > 0 {
				more++
			} else {
				less++
			}
		}
	}
	switch {
	case less > 0:
		return "fewer trained"
	case more > 0:
		return "more trained"
	}
	return "same"
}
