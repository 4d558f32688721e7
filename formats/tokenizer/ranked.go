package tokenizer

import "fmt"

// rankedModel is the byte-level BPE of tiktoken: there is no list of merges. Two tokens merge where
// together they are one, that of the lowest rank first. tokens are in the order of their
// ranks; the first has the id first.
func rankedModel(tokens [][]byte, first int32) (*bpe, error) {
	m := &bpe{vocab: make(vocab, len(tokens)), byteLevel: true, unk: -1, ignoreMerges: true}
	raw := make(map[string]int32, len(tokens))
	for i, b := range tokens {
		if len(b) == 0 || len(b) > maxTokenBytes {
			return nil, fmt.Errorf("token %d has %d bytes, want 1 to %d", i, len(b), maxTokenBytes)
		}
		if other, twice := raw[string(b)]; twice {
			return nil, fmt.Errorf("tokens %d and %d are both %q", other-first, i, b)
		}
		raw[string(b)] = first + int32(i)
		m.vocab[string(appendByteChars(nil, string(b)))] = first + int32(i)
	}
	for b := range 256 {
		id, ok := raw[string([]byte{byte(b)})]
		if !ok {
			return nil, fmt.Errorf("has no token for the byte 0x%02X", b)
		}
		m.bytes[b] = id
	}
	m.merges = newPairTable(3 * len(tokens))
	for rank, s := range tokens {
		for at := 1; at < len(s); at++ {
			left, ok := raw[string(s[:at])]
			if !ok {
				continue
			}
			if right, ok := raw[string(s[at:])]; ok {
				m.merges.put(left, right, uint32(rank), first+int32(rank))
			}
		}
	}
	return m, nil
}
