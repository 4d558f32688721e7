package chat

import (
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/conversation"
)

func weight(w float64) *float64 { return &w }

var twoTurns = conversation.Conversation{Messages: []conversation.Message{
	{Role: "user", Content: "Hi"}, {Role: "assistant", Content: "Hello"},
	{Role: "user", Content: "2+2?"}, {Role: "assistant", Content: "4"},
}}

// trained returns the trained parts of a sample.
func trained(s Sample) []string {
	parts := []string{}
	for _, p := range s.Spans {
		parts = append(parts, s.Text[p.Start:p.End])
	}
	return parts
}

var generationTag = strings.NewReplacer("endgeneration", "endif", "add_generation_prompt", "add_generation_prompt", "generation", "if true")

// withoutGeneration makes blocks that mark nothing of the generation blocks of
// a template, so that its space stays as it is.
func withoutGeneration(source string) string { return generationTag.Replace(source) }

func TestFindsTurnsWithoutGenerationBlocks(t *testing.T) {
	for _, c := range []struct {
		template string
		want     []string
	}{
		{"llama3", []string{"Hello<|eot|>", "4<|eot|>"}},
		{"qwen2", []string{"Hello<|eot|>", "4<|eot|>"}},
		{"mistral", []string{" Hello</s>", " 4</s>"}},
		{"zephyr", []string{"Hello</s>", "4</s>"}},
		{"smollm", []string{"Hello<|eot|>", "4<|eot|>"}},
	} {
		source := withoutGeneration(loadTemplate(t, c.template))
		if strings.Contains(source, "generation %") {
			t.Fatalf("%s still has generation blocks", c.template)
		}
		samples, err := mustNew(t, c.template, source).Render(twoTurns, Options{})
		if err != nil || len(samples) != 1 {
			t.Errorf("%s: %d samples, %v, want one", c.template, len(samples), err)
			continue
		}
		if got := trained(samples[0]); !slices.Equal(got, c.want) {
			t.Errorf("%s: trained %q, want %q", c.template, got, c.want)
		}
	}
}

func TestExpandsWhereEarlierTurnsAreRewritten(t *testing.T) {
	c := conversation.Conversation{Messages: []conversation.Message{
		{Role: "user", Content: "Hi"}, {Role: "assistant", Content: "<think>\na\n</think>\n\nHello"},
		{Role: "user", Content: "2+2?"}, {Role: "assistant", Content: "<think>\nb\n</think>\n\n4"},
	}}
	samples, err := mustNew(t, "thinking", withoutGeneration(loadTemplate(t, "thinking"))).Render(c, Options{})
	if err != nil || len(samples) != 2 {
		t.Fatalf("%d samples, %v, want 2", len(samples), err)
	}
	for i, want := range []string{"<think>\na\n</think>\n\nHello<|eot|>", "<think>\nb\n</think>\n\n4<|eot|>"} {
		if got := trained(samples[i]); len(got) != 1 || got[0] != want {
			t.Errorf("sample %d: trained %q, want %q", i, got, want)
		}
	}
	if strings.Contains(samples[1].Text, "a\n</think>") {
		t.Errorf("the second sample still has the first thought: %q", samples[1].Text)
	}
}

// Mistral Nemo's template writes the system message only before a last message of the user, so that the
// prompt is no beginning of the text with its answer. A call has no text of its own to look for, and this answer says what the user said.
func TestAPromptThatTheAnswerShortens(t *testing.T) {
	const source = `{% for m in messages %}{% if m.role == 'user' %}[U]{% if loop.last and messages[0].role == 'system' %}{{ messages[0].content }} {% endif %}{{ m.content }}[/U]` +
		`{% elif m.role == 'tool' %}[R]{{ m.content }}[/R]{% elif m.role == 'assistant' %}{% for c in m.tool_calls or [] %}[C]{{ c.function.name }}{% endfor %}{{ m.content }}</s>{% endif %}{% endfor %}`
	samples, err := mustNew(t, "shortens", source).Render(conversation.Conversation{Messages: []conversation.Message{
		{Role: "system", Content: "Be brief."}, {Role: "user", Content: "both"}, {Role: "assistant", ToolCalls: `[{"function": {"name": "f"}}]`}, {Role: "tool", Content: "3"},
		{Role: "assistant", Content: "three"}, {Role: "user", Content: "same"}, {Role: "assistant", Content: "same"},
	}}, Options{})
	if err != nil || len(samples) != 1 {
		t.Fatalf("%d samples, %v, want one", len(samples), err)
	}
	if got, want := trained(samples[0]), []string{"[C]f</s>", "three</s>", "same</s>"}; !slices.Equal(got, want) {
		t.Errorf("trained %q of %q, want %q", got, samples[0].Text, want)
	}
}

func TestTheLastAnswerEnds(t *testing.T) {
	tok := loadTokenizer(t, "gpt2")
	eos, _ := tok.ID("</s>")
	for name, source := range map[string]string{
		"only turns that others follow are closed": "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if not loop.last %}</s>\n{% endif %}{% endfor %}" +
			"{% if add_generation_prompt %}</s>\nassistant: {% endif %}",
		"a generation prompt at every end": "{% for m in messages %}<<{{ m.role }}>>{{ m.content }}</s>{% endfor %}<<assistant>>",
	} {
		samples, err := mustNew(t, name, source).Render(twoTurns, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			tokens, err := Tokenize(tok, s)
			if err != nil {
				t.Fatal(err)
			}
			last := -1
			for i, w := range tokens.Weights {
				if w != 0 {
					last = i
				}
			}
			if last < 0 || tokens.IDs[last] != eos {
				t.Errorf("%s: the last trained token of %q is %d, want %d", name, s.Text, last, eos)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	weighted := conversation.Conversation{Messages: slices.Clone(twoTurns.Messages)}
	weighted.Messages[1].Weight = weight(0)
	weighted.Messages[3].Weight = weight(0.5)
	source := loadTemplate(t, "smollm")
	outside := strings.ReplaceAll(source, "+ '<|eot|>' }}{% endgeneration %}", "}}{% endgeneration %}{{ '<|eot|>' }}")
	eot := []string{"<|eot|>"}
	holding := conversation.Conversation{Messages: []conversation.Message{
		{Role: "user", Content: "What does <|eot|> do?"}, {Role: "assistant", Content: "It ends a turn, as <|eot|> here."},
	}}
	all := "<|im_start|>system\nYou are small.<|eot|>\n<|im_start|>user\nHi<|eot|>\n<|im_start|>assistant\nHello<|eot|>\n" +
		"<|im_start|>user\n2+2?<|eot|>\n<|im_start|>assistant\n4<|eot|>\n"
	for _, c := range []struct {
		name, source string
		conversation conversation.Conversation
		options      Options
		want         []string
	}{
		{"default", source, twoTurns, Options{}, []string{"Hello<|eot|>", "4<|eot|>"}},
		{"users too", source, twoTurns, Options{RolesToTrain: []string{"user", "assistant"}}, []string{"Hi<|eot|>", "Hello<|eot|>", "2+2?<|eot|>", "4<|eot|>"}},
		{"users only", source, twoTurns, Options{RolesToTrain: []string{"user"}}, []string{"Hi<|eot|>", "2+2?<|eot|>"}},
		{"the last turn", source, twoTurns, Options{LastTurnOnly: true}, []string{"4<|eot|>"}},
		{"the last turn without blocks", withoutGeneration(source), twoTurns, Options{LastTurnOnly: true, EndOfTurn: eot}, []string{"4<|eot|>"}},
		{"the last user's turn", source, twoTurns, Options{LastTurnOnly: true, RolesToTrain: []string{"user"}}, []string{"2+2?<|eot|>"}},
		{"the last weight", source, weighted, Options{LastTurnOnly: true}, []string{"4<|eot|>"}},
		{"weights", source, weighted, Options{}, []string{"4<|eot|>"}},
		{"inputs", source, twoTurns, Options{TrainOnInputs: true}, []string{all}},
		{"end of turn outside of the block", outside, twoTurns, Options{EndOfTurn: eot}, []string{"Hello<|eot|>", "4<|eot|>"}},
		{"no end of turn", source, twoTurns, Options{EndOfTurn: eot, TrainOnEOS: "none"}, []string{"Hello", "4"}},
		{"the last end of turn", source, twoTurns, Options{EndOfTurn: eot, TrainOnEOS: "last"}, []string{"Hello", "4", "<|eot|>"}},
		{"all ends of turn", source, twoTurns, Options{EndOfTurn: eot, TrainOnEOS: "all"},
			[]string{"<|eot|>", "<|eot|>", "Hello", "<|eot|>", "<|eot|>", "4", "<|eot|>"}},
		{"all ends of turn but those in a message's own text", source, holding, Options{EndOfTurn: eot, TrainOnEOS: "all"},
			[]string{"<|eot|>", "<|eot|>", "It ends a turn, as <|eot|> here.", "<|eot|>"}},
	} {
		samples, err := mustNew(t, "smollm", c.source).Render(c.conversation, c.options)
		if err != nil || len(samples) != 1 {
			t.Errorf("%s: %d samples, %v", c.name, len(samples), err)
			continue
		}
		if got := trained(samples[0]); !slices.Equal(got, c.want) {
			t.Errorf("%s: trained %q, want %q", c.name, got, c.want)
		}
	}
	samples, _ := mustNew(t, "smollm", source).Render(weighted, Options{})
	if w := samples[0].Spans[0].Weight; w != 0.5 {
		t.Errorf("the weight of the last turn is %v, want 0.5", w)
	}
}

func TestBuiltins(t *testing.T) {
	const instruction = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n"
	const withInput = "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\n"
	record := func(input string) conversation.Conversation {
		return conversation.Conversation{
			Fields:   map[string]string{"instruction": "Add.", "input": input, "output": "3"},
			Messages: []conversation.Message{{Role: "user", Content: "Add.\n" + input}, {Role: "assistant", Content: "3"}},
		}
	}
	system := conversation.Conversation{Messages: append([]conversation.Message{{Role: "system", Content: "Be brief."}}, twoTurns.Messages[:2]...)}
	for _, c := range []struct {
		builtin, name string
		conversation  conversation.Conversation
		prompt        bool
		text          string
		trained       []string
	}{
		{"alpaca", "record", record(""), false, instruction + "Add.\n\n### Response:\n3</s>", []string{"3</s>"}},
		{"alpaca", "record with input", record("1 and 2"), false, withInput + "Add.\n\n### Input:\n1 and 2\n\n### Response:\n3</s>", []string{"3</s>"}},
		{"alpaca", "prompt", record("1 and 2"), true, withInput + "Add.\n\n### Input:\n1 and 2\n\n### Response:\n", []string{}},
		{"alpaca", "messages", twoTurns, false, instruction + "Hi\n\n### Response:\nHello</s>\n\n### Instruction:\n2+2?\n\n### Response:\n4</s>", []string{"Hello</s>", "4</s>"}},
		{"alpaca", "system", system, false, "Be brief.\n\n### Instruction:\nHi\n\n### Response:\nHello</s>", []string{"Hello</s>"}},
		{"chatml", "messages", twoTurns, false,
			"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n4<|im_end|>\n",
			[]string{"Hello<|im_end|>", "4<|im_end|>"}},
		{"chatml", "prompt", conversation.Conversation{Messages: twoTurns.Messages[:1]}, true,
			"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", []string{}},
	} {
		tmpl, err := Builtin(c.builtin, special)
		if err != nil {
			t.Fatal(err)
		}
		samples, err := tmpl.Render(c.conversation, Options{AddGenerationPrompt: c.prompt})
		if err != nil || len(samples) != 1 {
			t.Fatalf("%s %s: %d samples, %v", c.builtin, c.name, len(samples), err)
		}
		if samples[0].Text != c.text {
			t.Errorf("%s %s:\n got %q\nwant %q", c.builtin, c.name, samples[0].Text, c.text)
		}
		if got := trained(samples[0]); !slices.Equal(got, c.trained) {
			t.Errorf("%s %s: trained %q, want %q", c.builtin, c.name, got, c.trained)
		}
	}
	if _, err := Builtin("vicuna", special); err == nil {
		t.Error("there is a built-in vicuna")
	}
}

func TestTokenizeAddsWhatTheTextLacks(t *testing.T) {
	tok := loadTokenizer(t, "llama3") // its post-processor puts <s> before a text
	alpaca, err := Builtin("alpaca", special)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := alpaca.Render(twoTurns, Options{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := mustNew(t, "own", "{{ bos_token }}{{ messages[0].content }}").Render(twoTurns, Options{AddGenerationPrompt: true})
	if err != nil {
		t.Fatal(err)
	}
	bos, _ := tok.ID("<s>")
	eos, _ := tok.ID("</s>")
	for _, c := range []struct {
		name       string
		sample     Sample
		first, end int32
		count      int // of bos and eos
		last       float32
	}{
		{"text", PlainSample("The river", "</s>"), bos, eos, 2, 1},
		{"text that ends by itself", PlainSample("The river</s>\n", "</s>"), bos, -1, 2, 1},
		{"no eos", PlainSample("The river", ""), bos, -1, 1, 1},
		{"alpaca has its own eos", samples[0], bos, eos, 3, 1},
		{"a template has its own bos", own[0], bos, -1, 1, 0},
	} {
		got, err := Tokenize(tok, c.sample)
		if err != nil {
			t.Fatal(err)
		}
		n := len(got.IDs)
		count := 0
		for _, id := range got.IDs {
			if id == bos || id == eos {
				count++
			}
		}
		if got.IDs[0] != c.first || c.end >= 0 && got.IDs[n-1] != c.end || count != c.count {
			t.Errorf("%s: ids %v, want the first %d, the last %d and %d of bos and eos", c.name, got.IDs, c.first, c.end, c.count)
		}
		if got.Weights[0] != 0 || got.Weights[n-1] != c.last {
			t.Errorf("%s: weights %v, want the first 0 and the last %v", c.name, got.Weights, c.last)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	if _, err := New("my.jinja", "{% if %}", nil); err == nil || !strings.Contains(err.Error(), "chat template my.jinja:1:") {
		t.Errorf("got %v", err)
	}
	_, err := mustNew(t, "m", "\n{{ raise_exception('No.') }}").Render(twoTurns, Options{})
	if err == nil || err.Error() != "chat template m:2: No." {
		t.Errorf("got %v", err)
	}
	if _, err := mustNew(t, "m", "x").Render(conversation.Conversation{}, Options{}); err == nil {
		t.Error("an empty conversation renders")
	}
	bad := conversation.Conversation{Messages: []conversation.Message{{Role: "assistant", ToolCalls: "["}}}
	if _, err := mustNew(t, "m", "x").Render(bad, Options{}); err == nil || !strings.Contains(err.Error(), "message 1: tool_calls are not JSON") {
		t.Errorf("got %v", err)
	}
}

func TestTemplatesGetAllOfARecord(t *testing.T) {
	c := conversation.Conversation{
		Tools: `[{"name": "f"}]`, Documents: `[{"title": "Rivers"}]`,
		Messages: []conversation.Message{
			{Role: "user", Content: "Hi", Name: "Ann"},
			{Role: "assistant", Reasoning: "Hm.", ToolCalls: `[{"id": "7", "function": {"name": "f", "arguments": "{\"b\": 1, \"a\": 2}"}}]`},
			{Role: "tool", Content: "3", ToolCallID: "7", Name: "f"},
		},
	}
	const source = "{{ tools[0].name }} {{ documents[0].title }} {{ messages[0].name }} {{ messages[1].reasoning_content }} " +
		"{{ messages[1].tool_calls[0].function.arguments }} {{ messages[2].tool_call_id }} {{ messages[2].name }} " +
		"{{ messages[1].name is defined }} {{ 'tool_calls' in messages[0] }} {{ bos_token }}"
	text, err := mustNew(t, "all", source).layOut(c, false)
	if want := "f Rivers Ann Hm. {'b': 1, 'a': 2} 7 f False False <s>"; err != nil || text != want {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
	c.Documents = "{"
	if _, err := mustNew(t, "all", source).layOut(c, false); err == nil || !strings.Contains(err.Error(), "documents are not JSON") {
		t.Errorf("got %v", err)
	}
}
