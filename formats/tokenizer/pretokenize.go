package tokenizer

import (
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
	// byteLevel says that words still have to be written in GPT-2's byte alphabet. A
	// BPE model looks single bytes up as they are, which saves the rewriting.
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
	if kind == "Sequence" {
		_, err := sequence(n, "pretokenizers", func(item node) (struct{}, error) { return struct{}{}, p.parse(item) })
		return err
	}
	p.writeBytes()
	s, err := parsePreTokenizer(n, kind)
	if err != nil {
		return err
	}
	p.byteLevel = kind == "ByteLevel"
	p.all = append(p.all, s)
	return nil
}

// writeBytes makes the byte alphabet a step of its own, if it is due.
func (p *preTokenizers) writeBytes() {
	if p.byteLevel {
		p.all = append(p.all, func(t text, emit func(text) error) error { return emit(t.byteChars()) })
		p.byteLevel = false
	}
}

func parsePreTokenizer(n node, kind string) (splitter, error) {
	switch kind {
	case "ByteLevel":
		return parseByteLevel(n)
	case "Metaspace":
		return parseMetaspace(n)
	case "Split":
		return parseSplit(n)
	case "Whitespace":
		return cutAt(words{}, "Removed", true), nil
	case "WhitespaceSplit":
		return cutAt(class(unicode.IsSpace), "Removed", false), nil
	case "BertPreTokenizer":
		return chain([]splitter{
			cutAt(class(unicode.IsSpace), "Removed", false), cutAt(class(isPunctuation), "Isolated", false)}), nil
	case "Digits":
		single, err := n.boolOr("individual_digits", false)
		if single {
			return cutAt(class(isNumber), "Isolated", false), err
		}
		return cutAt(class(isNumber), "Contiguous", false), err
	case "Punctuation":
		behavior, err := n.behavior("Isolated")
		return cutAt(class(isPunctuation), behavior, false), err
	case "CharDelimiterSplit":
		delimiter, err := n.str("delimiter")
		return cutAt(literal(delimiter), "Removed", false), err
	case "FixedLength":
		return parseFixedLength(n)
	case "UnicodeScripts":
		return cutScripts, nil
	}
	return nil, n.unsupported("pre-tokenizer", kind)
}

// parseFixedLength cuts after every so many characters.
func parseFixedLength(n node) (splitter, error) {
	length, err := n.intOr("length", 5)
	if err == nil && length == 0 {
		err = n.at("length").errorf("is 0, want 1 or more characters")
	}
	return func(t text, emit func(text) error) error {
		start, count := 0, 0
		for i := range t.s {
			if count == length {
				if err := emit(t.slice(start, i)); err != nil {
					return err
				}
				start, count = i, 0
			}
			count++
		}
		if start == len(t.s) {
			return nil
		}
		return emit(t.slice(start, len(t.s)))
	}, err
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

// metaspace reads what stands for a space, and whether one is put before a text:
// "always", "first" or "never".
func (n node) metaspace() (replacement, scheme string, err error) {
	if replacement, err = n.strOr("replacement", spaceSymbol); err != nil {
		return "", "", err
	}
	if utf8.RuneCountInString(replacement) != 1 {
		return "", "", n.at("replacement").errorf("is %q, want one character", replacement)
	}
	if scheme, err = n.strOr("prepend_scheme", "always"); err != nil {
		return "", "", err
	}
	if scheme != "always" && scheme != "first" && scheme != "never" {
		return "", "", n.at("prepend_scheme").errorf("is %q, want always, first or never", scheme)
	}
	addPrefix, err := n.boolOr("add_prefix_space", true)
	if !addPrefix {
		scheme = "never"
	}
	return replacement, scheme, err
}

func parseMetaspace(n node) (splitter, error) {
	replacement, scheme, err := n.metaspace()
	if err != nil {
		return nil, err
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
