package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// postStep is one part of the post-processor: either it trims offsets, or it
// puts special tokens around the text's.
type postStep struct {
	trim           bool
	addPrefixSpace bool // of the pre-tokenizer: a first space is not the text's
	before, after  []int32
}

func parsePost(n node, steps []postStep) ([]postStep, error) {
	if n.null() {
		return steps, nil
	}
	kind, err := n.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "Sequence":
		items, err := n.list("processors")
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if steps, err = parsePost(item, steps); err != nil {
				return nil, err
			}
		}
		return steps, nil
	case "ByteLevel":
		return parseTrim(n, steps)
	case "TemplateProcessing":
		step, err := parseTemplate(n)
		return append(steps, step), err
	case "RobertaProcessing", "BertProcessing":
		if kind == "RobertaProcessing" {
			if steps, err = parseTrim(n, steps); err != nil {
				return nil, err
			}
		}
		before, err := parseTokenPair(n.at("cls"))
		if err != nil {
			return nil, err
		}
		after, err := parseTokenPair(n.at("sep"))
		return append(steps, postStep{before: before, after: after}), err
	}
	return nil, n.unsupported("post-processor", kind)
}

func parseTrim(n node, steps []postStep) ([]postStep, error) {
	trim, err := n.boolOr("trim_offsets", true)
	if err != nil {
		return nil, err
	}
	addPrefix, err := n.boolOr("add_prefix_space", true)
	if trim {
		steps = append(steps, postStep{trim: true, addPrefixSpace: addPrefix})
	}
	return steps, err
}

// parseTokenPair reads ["</s>", 2].
func parseTokenPair(n node) ([]int32, error) {
	var pair []any
	if err := n.decode(&pair, "a token and its id"); err != nil {
		return nil, err
	}
	if len(pair) == 2 {
		if id, ok := pair[1].(float64); ok && id >= 0 && id <= maxID {
			return []int32{int32(id)}, nil
		}
	}
	return nil, n.errorf("is %s, want a token and its id", clip(n.raw))
}

// parseTemplate reads the template for one text: special tokens around one sequence.
func parseTemplate(n node) (step postStep, err error) {
	pieces, err := n.list("single")
	if err != nil {
		return step, err
	}
	seen := false
	for _, p := range pieces {
		fields, err := p.object()
		if err != nil {
			return step, err
		}
		if _, ok := fields["Sequence"]; ok {
			if seen {
				return step, p.errorf("a template with the text twice is not supported")
			}
			seen = true
			continue
		}
		name, err := p.at("SpecialToken").str("id")
		if err != nil {
			return step, err
		}
		ids, err := n.templateIDs(name)
		if err != nil {
			return step, err
		}
		if seen {
			step.after = append(step.after, ids...)
		} else {
			step.before = append(step.before, ids...)
		}
	}
	if !seen {
		return step, n.at("single").errorf("has no place for the text")
	}
	return step, nil
}

func (n node) templateIDs(name string) ([]int32, error) {
	var ids []int32
	tokens := n.at("special_tokens")
	if err := tokens.at(name).at("ids").decode(&ids, "a list of token ids"); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if id < 0 || id > maxID {
			return nil, tokens.at(name).at("ids").errorf("has %d, want 0 to %d", id, maxID)
		}
	}
	return ids, nil
}

// trimOffsets takes as many characters out of a token's range in the input as
// the token's text has spaces at its ends. surface gives the texts that are
// not the vocabulary's own.
func (t *Tokenizer) trimOffsets(input string, tokens []Token, surface map[int]string, addPrefixSpace bool) {
	space := func(r rune) bool { return r == byteChars[' '] || unicode.IsSpace(r) }
	for i := range tokens {
		tok := &tokens[i]
		s, ok := surface[i]
		if !ok {
			s, _ = t.TokenText(tok.ID)
		}
		leading := utf8.RuneCountInString(s) - utf8.RuneCountInString(strings.TrimLeftFunc(s, space))
		trailing := utf8.RuneCountInString(s) - utf8.RuneCountInString(strings.TrimRightFunc(s, space))
		if (i == 0 || tok.Start == 0) && addPrefixSpace && leading == 1 {
			leading = 0
		}
		for ; leading > 0 && tok.Start < tok.End; leading-- {
			_, n := utf8.DecodeRuneInString(input[tok.Start:])
			tok.Start += n
		}
		for ; trailing > 0 && tok.Start < tok.End; trailing-- {
			_, n := utf8.DecodeLastRuneInString(input[:tok.End])
			tok.End -= n
		}
	}
}

// postProcess runs the file's post-processor.
func (t *Tokenizer) postProcess(input string, tokens []Token, surface map[int]string) []Token {
	for _, step := range t.post {
		if step.trim {
			t.trimOffsets(input, tokens, surface, step.addPrefixSpace)
			continue
		}
		if len(step.before)+len(step.after) == 0 {
			continue
		}
		all := make([]Token, 0, len(step.before)+len(tokens)+len(step.after))
		for _, id := range step.before {
			all = append(all, Token{ID: id})
		}
		all = append(all, tokens...)
		for _, id := range step.after {
			all = append(all, Token{ID: id})
		}
		moved := make(map[int]string, len(surface))
		for i, s := range surface {
			moved[i+len(step.before)] = s
		}
		tokens, surface = all, moved
	}
	return tokens
}
