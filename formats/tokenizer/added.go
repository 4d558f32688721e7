package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is a token that is recognised in the text as it stands, before
// the model sees it.
type addedToken struct {
	id         int32
	content    string
	special    bool
	normalized bool // matched in the normalized text
	singleWord bool // only where no word character touches it
	lstrip     bool // takes the spaces before it along
	rstrip     bool // and those after it
}

func parseAdded(n node) ([]addedToken, error) {
	if n.at("added_tokens").null() {
		return nil, nil
	}
	items, err := n.list("added_tokens")
	if err != nil {
		return nil, err
	}
	all := make([]addedToken, 0, len(items))
	for _, item := range items {
		t, err := parseAddedToken(item)
		if err != nil {
			return nil, err
		}
		if t.content != "" {
			all = append(all, t)
		}
	}
	return all, nil
}

func parseAddedToken(n node) (t addedToken, err error) {
	if t.content, err = n.str("content"); err != nil {
		return t, err
	}
	var id int32
	if err := n.at("id").decode(&id, "a token id"); err != nil {
		return t, err
	}
	if id < 0 || id > maxID {
		return t, n.at("id").errorf("is %d, want 0 to %d", id, maxID)
	}
	t.id = id
	if t.special, err = n.boolOr("special", false); err != nil {
		return t, err
	}
	return t, t.parseRules(n, !t.special)
}

// parseRules reads how a token is found in a text.
func (t *addedToken) parseRules(n node, normalized bool) (err error) {
	for _, f := range []struct {
		key      string
		into     *bool
		fallback bool
	}{
		{"normalized", &t.normalized, normalized},
		{"single_word", &t.singleWord, false},
		{"lstrip", &t.lstrip, false},
		{"rstrip", &t.rstrip, false},
	} {
		if *f.into, err = n.boolOr(f.key, f.fallback); err != nil {
			return err
		}
	}
	return nil
}

// addedSet finds added tokens in a text: leftmost first, the longest of those
// that begin at one place.
type addedSet struct {
	patterns *trie
	tokens   []*addedToken // by the trie's values
	first    [256]bool     // some pattern begins with the byte
}

// newAddedSet makes a set of tokens, each searched as pattern(token). Of two that
// are searched alike the first counts.
func newAddedSet(tokens []*addedToken, pattern func(*addedToken) (string, error)) (*addedSet, error) {
	set := &addedSet{patterns: newTrie(), tokens: tokens}
	for i, t := range tokens {
		p, err := pattern(t)
		if err != nil {
			return nil, err
		}
		if p == "" {
			continue
		}
		if err := set.patterns.add(p, int32(i)); err != nil {
			return nil, fmt.Errorf("added_tokens: %w", err)
		}
		set.first[p[0]] = true
	}
	return set, nil
}

// next finds the first token in s[from:].
func (set *addedSet) next(s string, from int) (start, end int, t *addedToken) {
	for i := from; i < len(s); i++ {
		if !set.first[s[i]] {
			continue
		}
		if v, n := set.patterns.longest(s[i:]); n > 0 {
			return i, i + n, set.tokens[v]
		}
	}
	return 0, 0, nil
}

// split hands out the parts of t in order: plain text (token nil) or a token. No special token
// is found across one of breaks, which are places in the input.
func (set *addedSet) split(t text, breaks []int, emit func(part text, token *addedToken) error) error {
	if len(set.tokens) == 0 {
		return emit(t, nil)
	}
	done := 0
	for from := 0; ; {
		start, end, token := set.next(t.s, from)
		if token == nil {
			break
		}
		if token.special && crosses(t.source(start, end), breaks) {
			from = start + 1
			continue
		}
		from = end
		if token.singleWord && touchesWord(t.s, start, end) {
			continue
		}
		if token.lstrip {
			start = max(done, len(strings.TrimRightFunc(t.s[:start], unicode.IsSpace)))
		}
		if token.rstrip {
			end = len(t.s) - len(strings.TrimLeftFunc(t.s[end:], unicode.IsSpace))
		}
		// A token whose content begins with a space may begin within the
		// spaces that the one before took.
		start = max(start, done)
		if done < start {
			if err := emit(t.slice(done, start), nil); err != nil {
				return err
			}
		}
		if start < end {
			if err := emit(t.slice(start, end), token); err != nil {
				return err
			}
		}
		done = max(done, end)
	}
	if done < len(t.s) {
		return emit(t.slice(done, len(t.s)), nil)
	}
	return nil
}

// crosses says whether one of breaks lies inside a range.
func crosses(in span, breaks []int) bool {
	i, _ := slices.BinarySearch(breaks, in.start+1)
	return i < len(breaks) && breaks[i] < in.end
}

func touchesWord(s string, start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:start])
	after, _ := utf8.DecodeRuneInString(s[end:])
	return start > 0 && isWord(before) || end < len(s) && isWord(after)
}
