package tokenizer

import (
	"bytes"
	"strings"
)

func parseBPE(n node, byteLevel bool) (model, error) {
	m := &bpe{byteLevel: byteLevel, unk: -1}
	var err error
	if m.vocab, err = parseVocab(n.at("vocab")); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		key  string
		into *bool
	}{{"fuse_unk", &m.fuseUnk}, {"byte_fallback", &m.byteFallback}, {"ignore_merges", &m.ignoreMerges}} {
		if *f.into, err = n.boolOr(f.key, false); err != nil {
			return nil, err
		}
	}
	if m.prefix, err = n.strOr("continuing_subword_prefix", ""); err != nil {
		return nil, err
	}
	if m.suffix, err = n.strOr("end_of_word_suffix", ""); err != nil {
		return nil, err
	}
	if err := m.parseUnknown(n); err != nil {
		return nil, err
	}
	if dropout := n.at("dropout"); !dropout.null() {
		var p float64
		if err := dropout.decode(&p, "a number"); err != nil {
			return nil, err
		}
		if p != 0 {
			return nil, dropout.errorf("is %v: BPE dropout is not supported, set it to null", p)
		}
	}
	if byteLevel {
		// A character of the alphabet is looked up as it is; its own bytes
		// never come into it.
		m.byteFallback = false
		for b := range 256 {
			m.bytes[b] = m.idOr(string(byteChars[b]), -1)
		}
	} else {
		m.bytes = *findBytes(m.vocab)
	}
	return m, m.parseMerges(n.at("merges"))
}

func (m *bpe) parseUnknown(n node) error {
	token, err := n.strOr("unk_token", "")
	if err != nil || token == "" {
		return err
	}
	id, ok := m.vocab[token]
	if !ok {
		return n.at("unk_token").errorf("%q is not in model.vocab", token)
	}
	m.unk = id
	return nil
}

func (m *bpe) parseMerges(n node) error {
	pairs, err := decodeMerges(n)
	if err != nil {
		return err
	}
	m.merges = newPairTable(len(pairs))
	for rank, p := range pairs {
		left, ok := m.vocab[p[0]]
		if !ok {
			return n.errorf("merge %d: %q is not in model.vocab", rank, p[0])
		}
		right, ok := m.vocab[p[1]]
		if !ok {
			return n.errorf("merge %d: %q is not in model.vocab", rank, p[1])
		}
		if len(p[1]) < len(m.prefix) {
			return n.errorf("merge %d: %q lacks the prefix %q", rank, p[1], m.prefix)
		}
		id, ok := m.vocab[p[0]+p[1][len(m.prefix):]]
		if !ok {
			return n.errorf("merge %d: the token %q that it makes is not in model.vocab", rank, p[0]+p[1][len(m.prefix):])
		}
		m.merges.put(left, right, uint32(rank), id)
	}
	return nil
}

// decodeMerges reads both forms of merges: "a b" and ["a", "b"].
func decodeMerges(n node) ([][2]string, error) {
	if inside, ok := bytes.CutPrefix(n.raw, []byte("[")); ok && bytes.HasPrefix(bytes.TrimLeft(inside, " \t\r\n"), []byte("[")) {
		return decodePairs(n)
	}
	var lines []string
	if err := n.decode(&lines, "a list of pairs"); err != nil {
		return nil, err
	}
	pairs := make([][2]string, 0, len(lines))
	for i, line := range lines {
		if strings.HasPrefix(line, "#version") {
			continue
		}
		left, right, ok := strings.Cut(line, " ")
		if !ok || strings.Contains(right, " ") {
			return nil, n.errorf("merge %d is %q, want two tokens with a space between", i, line)
		}
		pairs = append(pairs, [2]string{left, right})
	}
	return pairs, nil
}

func decodePairs(n node) ([][2]string, error) {
	var lists [][]string
	if err := n.decode(&lists, "a list of pairs"); err != nil {
		return nil, err
	}
	pairs := make([][2]string, len(lists))
	for i, l := range lists {
		if len(l) != 2 {
			return nil, n.errorf("merge %d has %d tokens, want 2", i, len(l))
		}
		pairs[i] = [2]string{l[0], l[1]}
	}
	return pairs, nil
}
