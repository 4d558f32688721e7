package tokenizer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// parseBertNormalizer is BERT's own: control characters go, ideographs get spaces
// around them, accents and capitals go.
func parseBertNormalizer(n node) (normalizer, error) {
	clean, err := n.boolOr("clean_text", true)
	if err != nil {
		return nil, err
	}
	chinese, err := n.boolOr("handle_chinese_chars", true)
	if err != nil {
		return nil, err
	}
	lower, err := n.boolOr("lowercase", true)
	if err != nil {
		return nil, err
	}
	strip, err := n.boolOr("strip_accents", lower)
	if err != nil {
		return nil, err
	}
	var steps []normalizer
	if clean {
		steps = append(steps, cleanText)
	}
	if chinese {
		steps = append(steps, spaceIdeographs)
	}
	if strip {
		steps = append(steps, formNormalizer(norm.NFD), func(t text) (text, error) {
			return t.filter(func(r rune) bool { return !unicode.Is(bertMarks, r) }), nil
		})
	}
	if lower {
		steps = append(steps, lowercase)
	}
	return inTurn(steps), nil
}

func cleanText(t text) (text, error) {
	t = t.filter(func(r rune) bool { return !unicode.Is(bertControls, r) })
	return t.mapRunes(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}), nil
}

func spaceIdeographs(t text) (text, error) {
	if !strings.ContainsFunc(t.s, isIdeograph) {
		return t, nil
	}
	changes := make([]change, 0, len(t.s))
	for _, r := range t.s {
		if isIdeograph(r) {
			changes = append(changes, change{' ', 0}, change{r, 1}, change{' ', 1})
		} else {
			changes = append(changes, change{r, 0})
		}
	}
	return t.rewrite(changes, 0), nil
}

// isIdeograph knows the blocks that BERT takes for Chinese.
func isIdeograph(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3400 <= r && r <= 0x4DBF || 0x20000 <= r && r <= 0x2A6DF ||
		0x2A700 <= r && r <= 0x2B73F || 0x2B740 <= r && r <= 0x2B81F || 0x2B920 <= r && r <= 0x2CEAF ||
		0xF900 <= r && r <= 0xFAFF || 0x2F800 <= r && r <= 0x2FA1F
}

// nmt is the clean-up of SentencePiece's "nmt" rules.
func nmt(t text) (text, error) {
	t = t.filter(func(r rune) bool {
		return !(0x01 <= r && r <= 0x08 || r == 0x0B || 0x0E <= r && r <= 0x1F || r == 0x7F || r == 0x8F || r == 0x9F)
	})
	return t.mapRunes(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r == '\f', r == '\r', r == 0x1680, 0x200B <= r && r <= 0x200F,
			r == 0x2028, r == 0x2029, r == 0x2581, r == 0xFEFF, r == 0xFFFD:
			return ' '
		}
		return r
	}), nil
}
