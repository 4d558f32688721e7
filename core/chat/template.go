package chat

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/loraedge/loraedge/core/chat/jinja"
	"github.com/loraedge/loraedge/core/conversation"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

//go:embed builtin/*.jinja
var builtinFiles embed.FS

// Version goes up when the same input comes out as other text, tokens or weights;
// what is kept of them is keyed by it.
const Version = 4

// Builtins are the names of the layouts that come with the program.
func Builtins() []string { return []string{"alpaca", "chatml", "llama3", "mistral"} }

// Special holds the texts of a tokenizer's special tokens, as
// tokenizer_config.json names them: "bos_token", "eos_token", …
type Special map[string]string

// Template lays conversations out as text. It is safe for concurrent use.
type Template struct {
	jinja   *jinja.Template
	source  string
	special Special
	// around says that the text holds no special tokens of the model's own, so
	// that the tokenizer's go around it.
	around bool
	// lead is findLead, once.
	lead func() string
	// shortIDs is findShortIDs, once.
	shortIDs func() bool
}

// New reads a template of the model's own or of a file; name is for errors.
func New(name, source string, special Special) (*Template, error) {
	t, err := jinja.Parse(name, source)
	if err != nil {
		return nil, fmt.Errorf("chat template %w", err)
	}
	made := &Template{jinja: t, source: source, special: special}
	made.lead, made.shortIDs = sync.OnceValue(made.findLead), sync.OnceValue(made.findShortIDs)
	return made, nil
}

// Builtin returns the layout of a name in Builtins.
func Builtin(name string, special Special) (*Template, error) {
	if !slices.Contains(Builtins(), name) {
		return nil, fmt.Errorf("there is no built-in chat template %q, only %q", name, Builtins())
	}
	source, err := builtinFiles.ReadFile("builtin/" + name + ".jinja")
	if err != nil {
		return nil, err
	}
	t, err := New(name, string(source), special)
	if err != nil {
		return nil, err
	}
	t.around = true
	return t, nil
}

// Source is the template's text.
func (t *Template) Source() string { return t.source }

// File is the template's text for a model's folder: a model is to be asked with
// the layout that it was trained with. Other programs add no token to what a template writes,
// so that it writes the tokens before the text that Tokenize adds here.
func (t *Template) File(tok *tokenizer.Tokenizer) string {
	samples, err := t.Render(probe, Options{})
	if err != nil || len(samples) == 0 || !t.around {
		return t.source
	}
	tokens, err := tok.Encode(samples[0].Text)
	before, _ := tok.Around()
	if err != nil || startsWith(tokens, before) {
		return t.source
	}
	var lead strings.Builder
	for _, id := range before {
		text, _ := tok.TokenText(id)
		if text == t.special["bos_token"] {
			lead.WriteString("{{ bos_token }}")
		} else {
			fmt.Fprintf(&lead, "{{ %q }}", text)
		}
	}
	return lead.String() + t.source
}

// rendering is a text and what the template's generation blocks wrote of it.
type rendering struct {
	text        string
	generations []jinja.Span
}

// render lays out the messages. With fields, a template may lay out the
// record's fields instead.
func (t *Template) render(c conversation.Conversation, messages []any, fields, prompt bool) (rendering, error) {
	vars := map[string]any{
		"messages":              messages,
		"tools":                 nil,
		"documents":             nil,
		"add_generation_prompt": prompt,
	}
	for name, token := range t.special {
		vars[name] = token
	}
	for name, text := range map[string]string{"tools": c.Tools, "documents": c.Documents} {
		if text == "" {
			continue
		}
		var err error
		if vars[name], err = jinja.ParseJSON(text); err != nil {
			return rendering{}, fmt.Errorf("%s are not JSON: %w", name, err)
		}
	}
	if fields && len(c.Fields) > 0 {
		d := jinja.NewDict()
		for k, v := range c.Fields {
			d.Set(k, v)
		}
		vars["fields"] = d
	}
	text, spans, err := t.jinja.Execute(vars)
	if err != nil {
		return rendering{}, fmt.Errorf("chat template %w", err)
	}
	return rendering{text, spans}, nil
}

// values brings messages into the form that templates expect.
func values(messages []conversation.Message) ([]any, error) {
	all := make([]any, len(messages))
	for i, m := range messages {
		d := jinja.NewDict("role", m.Role, "content", m.Content)
		if m.ToolCalls != "" {
			calls, err := toolCalls(m.ToolCalls)
			if err != nil {
				return nil, fmt.Errorf("message %d: tool_calls are not JSON: %w", i+1, err)
			}
			d.Set("tool_calls", calls)
		}
		for key, text := range map[string]string{"name": m.Name, "tool_call_id": m.ToolCallID, "reasoning_content": m.Reasoning} {
			if text != "" {
				d.Set(key, text)
			}
		}
		all[i] = d
	}
	return all, nil
}

// toolCalls reads the calls of a message. OpenAI's format holds the arguments
// as text of JSON; templates expect them as values.
func toolCalls(text string) (any, error) {
	v, err := jinja.ParseJSON(text)
	if err != nil {
		return nil, err
	}
	list, ok := v.(*jinja.List)
	if !ok {
		return v, nil
	}
	for _, call := range list.Items {
		d, ok := call.(*jinja.Dict)
		if !ok {
			continue
		}
		if f, ok := d.Get("function"); ok {
			if inner, ok := f.(*jinja.Dict); ok {
				d = inner
			}
		}
		if args, ok := d.Get("arguments"); ok {
			if s, ok := args.(string); ok && json.Valid([]byte(s)) {
				if parsed, err := jinja.ParseJSON(s); err == nil {
					d.Set("arguments", parsed)
				}
			}
		}
	}
	return v, nil
}
