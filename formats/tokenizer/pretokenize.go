package tokenizer

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitter is one pre-tokenizer: it cuts a piece of text into smaller ones
// and hands each, unless it is empty, to emit.
type splitter func(t text, emit func(text) error) error

// chain runs each splitter on the pieces of the one before it.
func chain(all []splitter) splitter {
	switch len(all) {
	case 0:
		return func(t text, emit func(text) error) error { return emit(t) }
	case 1:
		return all[0]
	}
	rest := chain(all[1:])
	return func(t text, emit func(text) error) error {
		return all[0](t, func(piece text) error { return rest(piece, emit) })
	}
}

// gpt2Pattern is the word pattern of GPT-2 (Radford et al. 2019), which the
// ByteLevel pre-tokenizer implies.
const gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

// preTokenizers is what the file's pre_tokenizer comes to.
type preTokenizers struct {
	all []splitter
	// byteLevel says that words go to the model as bytes, each written as a
	// character of GPT-2's byte alphabet.
	byteLevel bool
}

func (p *preTokenizers) parse(n node) error {
	if n.null() {
		return nil
	}
	kind, err := n.kind()
	if err != nil {
		return err
	}
	if p.byteLevel {
		return n.errorf("a %s pre-tokenizer after ByteLevel is not supported", kind)
	}
	if kind == "Sequence" {
		items, err := n.list("pretokenizers")
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := p.parse(item); err != nil {
				return err
			}
		}
		return nil
	}
	s, err := p.parseOne(n, kind)
	if err != nil {
		return err
	}
	p.all = append(p.all, s)
	return nil
}

func (p *preTokenizers) parseOne(n node, kind string) (splitter, error) {
	switch kind {
	case "ByteLevel":
		p.byteLevel = true
		return parseByteLevel(n)
	case "Metaspace":
		return parseMetaspace(n)
	case "Split":
		return parseSplit(n)
	case "Whitespace":
		return cutAt(words{}, "Removed", true), nil
	case "WhitespaceSplit":
		return cutAt(class(unicode.IsSpace), "Removed", false), nil
	case "Digits":
		single, err := n.boolOr("individual_digits", false)
		if single {
			return cutAt(class(unicode.IsNumber), "Isolated", false), err
		}
		return cutAt(class(unicode.IsNumber), "Contiguous", false), err
	case "Punctuation":
		behavior, err := n.behavior("Isolated")
		return cutAt(class(isPunctuation), behavior, false), err
	case "CharDelimiterSplit":
		delimiter, err := n.str("delimiter")
		return cutAt(literal(delimiter), "Removed", false), err
	}
	return nil, n.unsupported("pre-tokenizer", kind)
}

func parseSplit(n node) (splitter, error) {
	m, err := n.matcher("pattern")
	if err != nil {
		return nil, err
	}
	behavior, err := n.behavior("")
	if err != nil {
		return nil, err
	}
	invert, err := n.boolOr("invert", false)
	return cutAt(m, behavior, invert), err
}

func parseByteLevel(n node) (splitter, error) {
	addPrefix, err := n.boolOr("add_prefix_space", true)
	if err != nil {
		return nil, err
	}
	useRegex, err := n.boolOr("use_regex", true)
	if err != nil {
		return nil, err
	}
	cut := chain(nil)
	if useRegex {
		m, err := compilePattern(gpt2Pattern)
		if err != nil {
			return nil, err
		}
		cut = cutAt(m, "Isolated", false)
	}
	return func(t text, emit func(text) error) error {
		if addPrefix && !strings.HasPrefix(t.s, " ") {
			t = t.prepend(" ")
		}
		return cut(t, emit)
	}, nil
}

func parseMetaspace(n node) (splitter, error) {
	replacement, err := n.strOr("replacement", "▁")
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(replacement) != 1 {
		return nil, n.at("replacement").errorf("is %q, want one character", replacement)
	}
	scheme, err := n.strOr("prepend_scheme", "always")
	if err != nil {
		return nil, err
	}
	if scheme != "always" && scheme != "first" && scheme != "never" {
		return nil, n.at("prepend_scheme").errorf("is %q, want always, first or never", scheme)
	}
	addPrefix, err := n.boolOr("add_prefix_space", true)
	if err != nil {
		return nil, err
	}
	if !addPrefix {
		scheme = "never"
	}
	split, err := n.boolOr("split", true)
	if err != nil {
		return nil, err
	}
	cut := chain(nil)
	if split {
		cut = cutAt(literal(replacement), "MergedWithNext", false)
	}
	return func(t text, emit func(text) error) error {
		var spaces []span
		_ = literal(" ").matches(t.s, func(start, end int) { spaces = append(spaces, span{start, end}) })
		t = t.replace(spaces, replacement)
		wanted := scheme == "always" || scheme == "first" && t.s != "" && t.source(0, len(t.s)).start == 0
		if wanted && !strings.HasPrefix(t.s, replacement) {
			t = t.prepend(replacement)
		}
		return cut(t, emit)
	}, nil
}

// cut is a part of a text: a match of the delimiter or what lies between two.
type cut struct {
	span
	match bool
}

// cutAt splits at every match of m; behavior says what becomes of the matches.
// With invert, the matches are the pieces and what lies between the delimiters.
func cutAt(m matcher, behavior string, invert bool) splitter {
	if behavior == "Isolated" {
		return isolate(m)
	}
	join := joiners[behavior]
	return func(t text, emit func(text) error) error {
		cuts, err := findCuts(m, t.s, invert)
		if err != nil {
			return err
		}
		if join != nil {
			cuts = join(cuts)
		}
		for _, c := range cuts {
			if c.start < c.end && !(behavior == "Removed" && c.match) {
				if err := emit(t.slice(c.start, c.end)); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// isolate is cutAt where every match is a piece of its own: the common case,
// done without a list of the parts.
func isolate(m matcher) splitter {
	return func(t text, emit func(text) error) error {
		var failed error
		last := 0
		piece := func(start, end int) {
			if start < end && failed == nil {
				failed = emit(t.slice(start, end))
			}
		}
		err := m.matches(t.s, func(start, end int) {
			piece(last, start)
			piece(start, end)
			last = end
		})
		if err != nil {
			return err
		}
		piece(last, len(t.s))
		return failed
	}
}

func findCuts(m matcher, s string, invert bool) ([]cut, error) {
	var cuts []cut
	last := 0
	err := m.matches(s, func(start, end int) {
		if last < start {
			cuts = append(cuts, cut{span{last, start}, invert})
		}
		cuts = append(cuts, cut{span{start, end}, !invert})
		last = end
	})
	if last < len(s) {
		cuts = append(cuts, cut{span{last, len(s)}, invert})
	}
	return cuts, err
}

// joiners says, by the name of a behavior, how parts are joined into pieces.
var joiners = map[string]func([]cut) []cut{
	"Isolated":           nil,
	"Removed":            nil,
	"Contiguous":         joinAlike,
	"MergedWithPrevious": joinPrevious,
	"MergedWithNext":     joinNext,
}

func joinAlike(cuts []cut) []cut {
	var out []cut
	for _, c := range cuts {
		if n := len(out); n > 0 && out[n-1].match == c.match {
			out[n-1].end = c.end
			continue
		}
		out = append(out, c)
	}
	return out
}

func joinPrevious(cuts []cut) []cut {
	var out []cut
	previous := false
	for _, c := range cuts {
		if n := len(out); n > 0 && c.match && !previous {
			out[n-1].end = c.end
		} else {
			out = append(out, c)
		}
		previous = c.match
	}
	return out
}

func joinNext(cuts []cut) []cut {
	var out []cut
	for i := 0; i < len(cuts); i++ {
		c := cuts[i]
		if c.match && i+1 < len(cuts) && !cuts[i+1].match {
			c.end = cuts[i+1].end
			i++
		}
		out = append(out, c)
	}
	return out
}

// behavior reads the field "behavior"; fallback, unless empty, is for a file without it.
func (n node) behavior(fallback string) (string, error) {
	b, err := n.strOr("behavior", fallback)
	if err != nil {
		return "", err
	}
	if _, ok := joiners[b]; !ok {
		return "", n.at("behavior").errorf("is %q, want Isolated, Removed, Contiguous, MergedWithPrevious or MergedWithNext", b)
	}
	return b, nil
}

// matcher reads a pattern: {"String": s} or {"Regex": s}.
func (n node) matcher(key string) (matcher, error) {
	p := n.at(key)
	fields, err := p.object()
	if err != nil {
		return nil, err
	}
	if _, ok := fields["String"]; ok {
		s, err := p.str("String")
		return literal(s), err
	}
	if _, ok := fields["Regex"]; ok {
		s, err := p.str("Regex")
		if err != nil {
			return nil, err
		}
		m, err := compilePattern(s)
		if err != nil {
			return nil, p.at("Regex").errorf("%w", err)
		}
		return m, nil
	}
	return nil, p.errorf("has neither String nor Regex: %s", fmt.Sprint(mapKeys(fields)))
}
