package chat

import (
	"slices"
	"strings"
	"testing"
)

func TestProblems(t *testing.T) {
	tok := loadTokenizer(t, "llama3") // has <|eot|>, <s> and </s>
	const (
		plain    = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}<|eot|>{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
		marked   = "{% for m in messages %}{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|eot|>{% endgeneration %}{% else %}{{ m.content }}<|eot|>{% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
		inside   = "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}assistant: {{ m.content }}<|eot|>{% endgeneration %}{% else %}{{ m.content }}<|eot|>{% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
		noBlocks = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|eot|>{% generation %}{% endgeneration %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
	)
	eot := Options{EndOfTurn: []string{"<|eot|>"}}
	for _, c := range []struct {
		name, source string
		options      Options
		want         []string
		says         string
	}{
		{"none", plain, eot, nil, ""},
		{"none with blocks", marked, eot, nil, ""},
		{"inputs too", plain, Options{TrainOnInputs: true}, nil, ""},
		{"inputs too, with lines between", strings.ReplaceAll(plain, "<|eot|>", "<|eot|>\n"), Options{TrainOnInputs: true}, nil, ""},
		{"no generation prompt", strings.ReplaceAll(plain, "{% if add_generation_prompt %}assistant: {% endif %}", ""), eot, []string{NoPrompt}, `has to write "assistant: " itself`},
		{"of another model", strings.ReplaceAll(plain, "eot", "im_end"), Options{}, []string{ForeignTokens}, "<|im_end|>, which"},
		{"marks as plain text", "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %}{{ m.content }}<|eot|>{% endif %}{% endfor %}", eot, nil, ""},
		{"two bos", "{{ bos_token }}" + plain, eot, []string{DoubleBOS}, "<s> twice"},
		{"no such role", plain, Options{RolesToTrain: []string{"tool"}}, []string{NothingTrained}, "roles_to_train"},
		{"empty blocks", noBlocks, eot, []string{NothingTrained}, "generation blocks"},
		{"open end", strings.ReplaceAll(marked, "<|eot|>{% endgeneration %}", "{% endgeneration %}; <|eot|>"), eot, []string{EndUntrained}, "does not learn to stop"},
		{"end left out as asked", plain, Options{EndOfTurn: eot.EndOfTurn, TrainOnEOS: "none"}, nil, ""},
		{"prompt in the block", inside, eot, []string{PromptTrained}, `"assistant: " of the generation prompt`},
		{"another prompt", strings.ReplaceAll(plain, "assistant:", "Assistant:"), eot, []string{PromptDiffers}, "Assistant: "},
		{"a template that refuses", "{{ raise_exception('no') }}", eot, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var kinds []string
			text := ""
			for _, p := range mustNew(t, c.name, c.source).Problems(tok, c.options) {
				kinds = append(kinds, p.Kind)
				text += p.Text + "\n"
			}
			if !slices.Equal(kinds, c.want) || !strings.Contains(text, c.says) {
				t.Errorf("problems %q %s\nwant %q, saying %q", kinds, text, c.want, c.says)
			}
		})
	}
}

func TestEndOfTurn(t *testing.T) {
	for _, c := range []struct{ template, tokenizer, want string }{
		{"llama3", "llama3", "<|eot|>"},
		{"mistral", "llama2", "</s>"},
	} {
		if got := mustNew(t, c.template, loadTemplate(t, c.template)).EndOfTurn(loadTokenizer(t, c.tokenizer)); got != c.want {
			t.Errorf("%s: %q, want %q", c.template, got, c.want)
		}
	}
}
