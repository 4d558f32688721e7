package tokenizer

import "strings"

// Decode returns the text of ids. Ids outside the vocabulary are left out, as are
// special tokens where skipSpecial is set.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		s, ok := t.TokenText(id)
		if !ok || skipSpecial && t.IsSpecial(id) {
			continue
		}
		texts = append(texts, s)
	}
	if t.decoder == nil {
		return strings.Join(texts, " ")
	}
	return strings.Join(t.decoder(texts), "")
}
