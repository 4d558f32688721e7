package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// charsMap is SentencePiece's table of what characters are rewritten to: a trie as a
// double array of the Darts-clone library, whose values are places in one
// string of texts that end with a NUL.
type charsMap struct {
	units []uint32
	texts string
}

// parseCharsMap reads a precompiled_charsmap: the trie's size in bytes, the trie, the
// texts. An empty one is nil.
func parseCharsMap(blob []byte) (*charsMap, error) {
	if len(blob) == 0 {
		return nil, nil
	}
	if len(blob) < 4 {
		return nil, errors.New("the precompiled character map is cut short")
	}
	size := int64(binary.LittleEndian.Uint32(blob))
	if size > int64(len(blob)-4) || size%4 != 0 || size == 0 {
		return nil, errors.New("the precompiled character map says a size of its trie that it does not have")
	}
	m := &charsMap{units: make([]uint32, size/4), texts: string(blob[4+size:])}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(blob[4+4*i:])
	}
	return m, nil
}

// prefixes calls found for every key that s begins with, the shortest first, until
// it returns false.
func (m *charsMap) prefixes(s string, found func(length int, to string) (more bool)) {
	offset := func(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
	at := offset(m.units[0])
	for i := range len(s) {
		at ^= uint32(s[i])
		if s[i] == 0 || int64(at) >= int64(len(m.units)) {
			return
		}
		unit := m.units[at]
		if unit&(1<<31|0xFF) != uint32(s[i]) {
			return
		}
		at ^= offset(unit)
		if unit>>8&1 == 0 || int64(at) >= int64(len(m.units)) {
			continue
		}
		if to, ok := m.text(m.units[at] & (1<<31 - 1)); ok && !found(i+1, to) {
			return
		}
	}
}

func (m *charsMap) text(at uint32) (string, bool) {
	if int64(at) >= int64(len(m.texts)) {
		return "", false
	}
	to, _, _ := strings.Cut(m.texts[at:], "\x00")
	return to, utf8.ValidString(to)
}

// shortest is what the shortest key that s begins with becomes.
func (m *charsMap) shortest(s string) (to string, ok bool) {
	m.prefixes(s, func(_ int, t string) bool {
		to, ok = t, true
		return false
	})
	return to, ok
}

// longest is what the longest key that s begins with becomes, and its length.
func (m *charsMap) longest(s string) (to string, length int) {
	m.prefixes(s, func(n int, t string) bool {
		to, length = t, n
		return true
	})
	return to, length
}

func parsePrecompiled(n node) (normalizer, error) {
	encoded, err := n.strOr("precompiled_charsmap", "")
	if err != nil {
		return nil, err
	}
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, n.at("precompiled_charsmap").errorf("is not base64: %w", err)
	}
	m, err := parseCharsMap(blob)
	if err != nil {
		return nil, n.at("precompiled_charsmap").errorf("%w", err)
	}
	if m == nil {
		return func(t text) (text, error) { return t, nil }, nil
	}
	return m.normalize, nil
}

// normalize rewrites as the Rust library does, which differs from SentencePiece: a
// user-perceived character of less than 6 bytes is rewritten as a whole to what
// the shortest key that it begins with says.
func (m *charsMap) normalize(t text) (text, error) {
	changes := make([]change, 0, len(t.s))
	modified := false
	rewrite := func(from, to string) {
		modified = true
		changes = appendReplacement(changes, from, to)
	}
	for rest := graphemes.FromString(t.s); rest.Next(); {
		cluster := rest.Value()
		if len(cluster) < 6 {
			if to, ok := m.shortest(cluster); ok {
				rewrite(cluster, to)
				continue
			}
		}
		for i, r := range cluster {
			char := cluster[i : i+utf8.RuneLen(r)]
			if to, ok := m.shortest(char); ok {
				rewrite(char, to)
			} else {
				changes = append(changes, change{r, 0})
			}
		}
	}
	if !modified {
		return t, nil
	}
	return t.rewrite(changes, 0), nil
}

// appendReplacement aligns the characters of to with those of from one by one;
// what is too many at the end belongs to the last.
func appendReplacement(changes []change, from, to string) []change {
	have, want := utf8.RuneCountInString(from), utf8.RuneCountInString(to)
	i := 0
	for _, r := range to {
		kind := 0
		if i >= have {
			kind = 1
		}
		changes = append(changes, change{r, kind})
		i++
	}
	if want < have && len(changes) > 0 {
		changes[len(changes)-1].kind += want - have
	}
	return changes
}
