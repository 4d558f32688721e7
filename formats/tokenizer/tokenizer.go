package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"
)

// Token is one token of a text: its id, and the bytes text[Start:End] that it
// stands for, widened to whole characters. A token that the post-processor
// adds stands for none: both are 0.
type Token struct {
	ID         int32
	Start, End int
}

// Tokenizer is a loaded tokenizer.json. It is safe for concurrent use.
type Tokenizer struct {
	model      model
	normalize  normalizer // nil: none
	split      splitter
	decoder    decoder // nil: tokens are joined by spaces
	post       []postStep
	added      []addedToken
	rawAdded   *addedSet // matched in the text as it is
	normAdded  *addedSet // matched in the normalized text
	texts      []string  // by id
	known      []bool    // by id: texts has one
	special    map[int32]bool
	addedIDs   map[string]int32
	notes      []string
	workerLock sync.Mutex
	workers    []*worker
}

// Parse reads the content of a tokenizer.json. Errors name the place in it,
// like `pre_tokenizer.pretokenizers[1].pattern`.
func Parse(data []byte) (*Tokenizer, error) {
	if at := invalidUTF8(string(data)); at >= 0 {
		return nil, fmt.Errorf("invalid UTF-8 at byte %d", at)
	}
	root := newNode(data, "")
	if _, err := root.object(); err != nil {
		return nil, err
	}
	t := &Tokenizer{special: map[int32]bool{}, addedIDs: map[string]int32{}}
	var err error
	if t.normalize, err = parseNormalizer(root.at("normalizer")); err != nil {
		return nil, err
	}
	var pre preTokenizers
	if err := pre.parse(root.at("pre_tokenizer")); err != nil {
		return nil, err
	}
	kind, err := modelKind(root.at("model"))
	if err != nil {
		return nil, err
	}
	if kind != "BPE" {
		pre.writeBytes()
	}
	t.split = chain(pre.all)
	if t.post, err = parsePost(root.at("post_processor"), nil); err != nil {
		return nil, err
	}
	if t.decoder, err = parseDecoder(root.at("decoder")); err != nil {
		return nil, err
	}
	if t.model, err = parseModel(root.at("model"), kind, pre.byteLevel); err != nil {
		return nil, err
	}
	if m, ok := t.model.(*bpe); ok && m.local() {
		if words := newWordCut(m); words != nil {
			t.split = chain([]splitter{t.split, words.split})
		}
	}
	if t.added, err = parseAdded(root); err != nil {
		return nil, err
	}
	t.noteUnused(root)
	return t, t.finish()
}

// noteUnused notes the sections that say how the texts of a batch are made one length. Here
// a text keeps its tokens: what is too long, the caller's settings decide.
func (t *Tokenizer) noteUnused(root node) {
	for _, key := range []string{"truncation", "padding"} {
		if n := root.at(key); !n.null() {
			t.notes = append(t.notes, fmt.Sprintf("%s is not obeyed: %s", key, clip(n.raw)))
		}
	}
}

// Notes says which sections of the file are left out of account.
func (t *Tokenizer) Notes() []string { return t.notes }

// finish builds the look-ups, once the model and the added tokens are known.
func (t *Tokenizer) finish() error {
	if err := t.listTokens(); err != nil {
		return err
	}
	return t.buildAdded()
}

// listTokens builds the way from id to text.
func (t *Tokenizer) listTokens() error {
	top := int32(-1)
	t.model.tokens(func(id int32, _ string) { top = max(top, id) })
	for i := range t.added {
		a := &t.added[i]
		if id, ok := t.model.lookup(a.content); ok {
			a.id = id
		}
		top = max(top, a.id)
	}
	t.texts, t.known = make([]string, top+1), make([]bool, top+1)
	var err error
	t.model.tokens(func(id int32, s string) {
		if t.known[id] && err == nil {
			err = fmt.Errorf("model.vocab: the tokens %q and %q both have the id %d", min(s, t.texts[id]), max(s, t.texts[id]), id)
		}
		t.texts[id], t.known[id] = s, true
	})
	for _, a := range t.added {
		t.texts[a.id], t.known[a.id] = a.content, true
		t.addedIDs[a.content] = a.id
		if a.special {
			t.special[a.id] = true
		}
	}
	return err
}

func (t *Tokenizer) buildAdded() error {
	var raw, normalized []*addedToken
	for i := range t.added {
		if a := &t.added[i]; a.normalized {
			normalized = append(normalized, a)
		} else {
			raw = append(raw, a)
		}
	}
	var err error
	if t.rawAdded, err = newAddedSet(raw, func(a *addedToken) (string, error) { return a.content, nil }); err != nil {
		return err
	}
	t.normAdded, err = newAddedSet(normalized, func(a *addedToken) (string, error) {
		if t.normalize == nil {
			return a.content, nil
		}
		n, err := t.normalize(text{s: a.content})
		return n.s, err
	})
	return err
}

func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

// Encode returns the tokens of s. Added tokens within s, such as `<|im_end|>`, are
// recognised; none is put around s. Invalid UTF-8 is an error.
func (t *Tokenizer) Encode(s string) ([]Token, error) { return t.EncodeLiteral(s, nil) }

// EncodeLiteral is Encode, but no special token is recognised across one of breaks, byte
// positions in ascending order: text of a user's that looks like `<|im_end|>` stays text
// where there is a break inside it.
func (t *Tokenizer) EncodeLiteral(s string, breaks []int) ([]Token, error) {
	tokens, _, err := t.encode(s, breaks)
	return tokens, err
}

// EncodeSpecial is Encode followed by the file's post-processor: it puts the
// special tokens around, and takes spaces out of the offsets where the file
// says trim_offsets.
func (t *Tokenizer) EncodeSpecial(s string) ([]Token, error) {
	tokens, surface, err := t.encode(s, nil)
	if err != nil {
		return nil, err
	}
	return t.postProcess(s, tokens, surface), nil
}

// encode also returns the texts of those tokens that took spaces along, by index.
func (t *Tokenizer) encode(s string, breaks []int) (tokens []Token, surface map[int]string, err error) {
	if at := invalidUTF8(s); at >= 0 {
		return nil, nil, fmt.Errorf("invalid UTF-8 at byte %d of the text", at)
	}
	if s == "" {
		return nil, nil, nil
	}
	w := t.borrow()
	defer t.giveBack(w)
	tokens = make([]Token, 0, len(s)/4+8)
	word := func(piece text) error {
		parts, err := w.encode(t.model, piece.s)
		for _, p := range parts {
			from := piece.source(int(p.start), int(p.end))
			tokens = append(tokens, Token{p.id, from.start, from.end})
		}
		return err
	}
	token := func(part text, a *addedToken) {
		if part.s != a.content {
			if surface == nil {
				surface = map[int]string{}
			}
			surface[len(tokens)] = part.s
		}
		from := part.source(0, len(part.s))
		tokens = append(tokens, Token{a.id, from.start, from.end})
	}
	err = t.rawAdded.split(text{s: s}, breaks, func(part text, a *addedToken) error {
		if a != nil {
			token(part, a)
			return nil
		}
		if t.normalize != nil {
			if part, err = t.normalize(part); err != nil {
				return err
			}
		}
		return t.normAdded.split(part, breaks, func(part text, a *addedToken) error {
			if a != nil {
				token(part, a)
				return nil
			}
			if part.s == "" {
				return nil
			}
			return t.split(part, word)
		})
	})
	return tokens, surface, err
}

// borrow takes a worker, with the words that it remembers, out of the store.
func (t *Tokenizer) borrow() *worker {
	t.workerLock.Lock()
	defer t.workerLock.Unlock()
	if n := len(t.workers); n > 0 {
		w := t.workers[n-1]
		t.workers = t.workers[:n-1]
		return w
	}
	return newWorker()
}

func (t *Tokenizer) giveBack(w *worker) {
	w.trim()
	t.workerLock.Lock()
	defer t.workerLock.Unlock()
	t.workers = append(t.workers, w)
}

// VocabSize is the highest id plus one.
func (t *Tokenizer) VocabSize() int { return len(t.texts) }

// ID returns the id of a token by its text in the file.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.addedIDs[token]; ok {
		return id, true
	}
	return t.model.lookup(token)
}

// TokenText returns a token's text in the file, as it is before decoding.
func (t *Tokenizer) TokenText(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.texts) || !t.known[id] {
		return "", false
	}
	return t.texts[id], true
}

// IsSpecial says whether the file marks the token as special.
func (t *Tokenizer) IsSpecial(id int32) bool { return t.special[id] }

// SpecialIDs lists the special tokens in ascending order.
func (t *Tokenizer) SpecialIDs() []int32 {
	return slices.Sorted(maps.Keys(t.special))
}

// SpecialTexts lists the texts of the special tokens, in the order of their ids.
func (t *Tokenizer) SpecialTexts() []string {
	var texts []string
	for _, id := range t.SpecialIDs() {
		texts = append(texts, t.texts[id])
	}
	return texts
}

// FindSpecial is the text of the first special token of at least so many bytes that stands in
// s, "" for none.
func (t *Tokenizer) FindSpecial(s string, shortest int) string {
	for from := 0; ; {
		_, end, a := t.rawAdded.next(s, from)
		switch {
		case a == nil:
			return ""
		case a.special && len(a.content) >= shortest:
			return a.content
		}
		from = end
	}
}

// Around returns the ids that the post-processor puts before and after a text.
func (t *Tokenizer) Around() (before, after []int32) {
	for _, step := range t.post {
		before = append(append([]int32{}, step.before...), before...)
		after = append(after, step.after...)
	}
	return before, after
}
