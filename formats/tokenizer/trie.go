package tokenizer

import "errors"

// trie finds which strings of a set a text begins with. Its edges are one
// open-addressing hash table: a vocabulary has up to a million of them.
type trie struct {
	edges  []trieEdge
	shift  uint
	values []int32 // by node, noValue where no string ends; node 0 is the root
}

type trieEdge struct {
	key  uint32 // node<<8 | byte, plus 1, so that no key is 0
	next int32
}

const (
	noValue  = -1
	maxNodes = 1<<24 - 1
)

var errTrieFull = errors.New("the vocabulary's tokens are too long: together they have more than 16 million bytes")

func newTrie() *trie {
	return &trie{edges: make([]trieEdge, 1<<8), shift: 32 - 8, values: []int32{noValue}}
}

// slot returns where the edge of a key is or would be.
func (t *trie) slot(key uint32) *trieEdge {
	mask := uint32(len(t.edges) - 1)
	for i := key * 0x9E3779B1 >> t.shift; ; i = (i + 1) & mask {
		if e := &t.edges[i]; e.key == key || e.key == 0 {
			return e
		}
	}
}

// child follows one byte; it is false where no string goes on so.
func (t *trie) child(node int32, b byte) (int32, bool) {
	e := t.slot(uint32(node)<<8 | uint32(b) + 1)
	return e.next, e.key != 0
}

// add gives s a value, unless it has one already.
func (t *trie) add(s string, value int32) error {
	node := int32(0)
	for i := range len(s) {
		key := uint32(node)<<8 | uint32(s[i]) + 1
		e := t.slot(key)
		if e.key == 0 {
			if len(t.values) >= maxNodes {
				return errTrieFull
			}
			*e = trieEdge{key, int32(len(t.values))}
			node = e.next
			t.values = append(t.values, noValue)
			if 2*len(t.values) > len(t.edges) {
				t.grow()
			}
			continue
		}
		node = e.next
	}
	if t.values[node] == noValue {
		t.values[node] = value
	}
	return nil
}

func (t *trie) grow() {
	old := t.edges
	t.edges, t.shift = make([]trieEdge, 2*len(old)), t.shift-1
	for _, e := range old {
		if e.key != 0 {
			*t.slot(e.key) = e
		}
	}
}

// longest returns the value of the longest string that s begins with, and its length.
func (t *trie) longest(s string) (value int32, length int) {
	value = noValue
	node := int32(0)
	for i := range len(s) {
		next, ok := t.child(node, s[i])
		if !ok {
			break
		}
		node = next
		if v := t.values[node]; v != noValue {
			value, length = v, i+1
		}
	}
	return value, length
}
