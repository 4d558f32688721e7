package tokenizer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// normalizer rewrites the text before it is cut into words.
type normalizer func(text) (text, error)

func parseNormalizer(n node) (normalizer, error) {
	if n.null() {
		return nil, nil
	}
	kind, err := n.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "Sequence":
		all, err := sequence(n, "normalizers", parseNormalizer)
		return inTurn(all), err
	case "NFC":
		return formNormalizer(norm.NFC), nil
	case "NFD":
		return formNormalizer(norm.NFD), nil
	case "NFKC":
		return formNormalizer(norm.NFKC), nil
	case "NFKD":
		return formNormalizer(norm.NFKD), nil
	case "Lowercase":
		return lowercase, nil
	case "StripAccents":
		return func(t text) (text, error) { return t.filter(func(r rune) bool { return !unicode.Is(accents, r) }), nil }, nil
	case "BertNormalizer":
		return parseBertNormalizer(n)
	case "Nmt":
		return nmt, nil
	case "Precompiled":
		return parsePrecompiled(n)
	case "ByteLevel":
		return func(t text) (text, error) { return t.byteChars(), nil }, nil
	case "Strip":
		return parseStrip(n)
	case "Prepend":
		prefix, err := n.str("prepend")
		if err != nil {
			return nil, err
		}
		return func(t text) (text, error) { return t.prepend(prefix), nil }, nil
	case "Replace":
		return parseReplace(n)
	}
	return nil, n.unsupported("normalizer", kind)
}

// inTurn runs each normalizer on what the one before it made.
func inTurn(all []normalizer) normalizer {
	return func(t text) (text, error) {
		for _, f := range all {
			var err error
			if t, err = f(t); err != nil {
				return t, err
			}
		}
		return t, nil
	}
}

func formNormalizer(form norm.Form) normalizer {
	return func(t text) (text, error) { return normalForm(t, form), nil }
}

func parseStrip(n node) (normalizer, error) {
	left, err := n.boolOr("strip_left", false)
	if err != nil {
		return nil, err
	}
	right, err := n.boolOr("strip_right", false)
	if err != nil {
		return nil, err
	}
	return func(t text) (text, error) {
		start, end := 0, len(t.s)
		if left {
			start = end - len(strings.TrimLeftFunc(t.s, unicode.IsSpace))
		}
		if right {
			end = max(start, len(strings.TrimRightFunc(t.s, unicode.IsSpace)))
		}
		return t.slice(start, end), nil
	}, nil
}

func parseReplace(n node) (normalizer, error) {
	m, content, err := n.replacement()
	return func(t text) (text, error) {
		var found []span
		err := m.matches(t.s, func(start, end int) { found = append(found, span{start, end}) })
		return t.replace(found, content), err
	}, err
}

// replacement reads what is replaced and by what.
func (n node) replacement() (m matcher, content string, err error) {
	if m, err = n.matcher("pattern"); err == nil {
		content, err = n.str("content")
	}
	return m, content, err
}

func lowercase(t text) (text, error) {
	if !strings.ContainsFunc(t.s, func(r rune) bool { return unicode.ToLower(r) != r }) {
		return t, nil
	}
	changes := make([]change, 0, len(t.s))
	for _, r := range t.s {
		if r == 'İ' { // the one character whose lower case is two
			changes = append(changes, change{'i', 0}, change{'\u0307', 1})
			continue
		}
		changes = append(changes, change{unicode.ToLower(r), 0})
	}
	return t.rewrite(changes, 0), nil
}
