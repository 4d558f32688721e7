package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// surroundings are the facts of the files beside a vocabulary, as Transformers
// takes them together.
type surroundings struct {
	dir string
	// class is what Transformers calls the tokenizer, without "Fast"; "" where nothing says.
	class    string
	settings node // tokenizer_config.json
	// addBOS and addEOS say what goes around a text; nil: the class decides.
	addBOS, addEOS *bool
	declared       []addedToken          // with their ids
	named          map[string]addedToken // "bos_token" and such
	extra          []addedToken          // additional_special_tokens
}

// besides are the files that are read beside a vocabulary.
var besides = []string{"tokenizer_config.json", "added_tokens.json", "special_tokens_map.json", "config.json", "merges.txt"}

// Parts lists the files that decide what Load makes of a path, those that are there.
func Parts(path string) []string {
	parts := []string{path}
	for _, name := range besides {
		beside := filepath.Join(filepath.Dir(path), name)
		if _, err := os.Stat(beside); err == nil && beside != path {
			parts = append(parts, beside)
		}
	}
	return parts
}

// tokenRoles are the keys that name a token, in Transformers' order.
var tokenRoles = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

func readSurroundings(dir string) (*surroundings, error) {
	s := &surroundings{dir: dir, named: map[string]addedToken{}}
	var err error
	if s.settings, err = readNode(filepath.Join(dir, "tokenizer_config.json")); err != nil {
		return nil, err
	}
	if err := s.readSettings(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "tokenizer_config.json"), err)
	}
	if err := s.readClass(); err != nil {
		return nil, err
	}
	return s, s.readOlder()
}

// readNode reads a file with a JSON object; one that is not there is null.
func readNode(path string) (node, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newNode(nil, ""), nil
	}
	if err != nil {
		return node{}, err
	}
	n := newNode(data, "")
	if _, err := n.object(); err != nil {
		return n, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

func (s *surroundings) readSettings() (err error) {
	n := s.settings
	if n.null() {
		return nil
	}
	for key, into := range map[string]**bool{"add_bos_token": &s.addBOS, "add_eos_token": &s.addEOS} {
		if m := n.at(key); !m.null() {
			if err := m.decode(into, "true or false"); err != nil {
				return err
			}
		}
	}
	if err := s.readNamed(n); err != nil {
		return err
	}
	decoder := n.at("added_tokens_decoder")
	if decoder.null() {
		return nil
	}
	var byID map[int32]json.RawMessage
	if err := decoder.decode(&byID, "an object of tokens by their ids"); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		t, err := parseToken(newNode(byID[id], fmt.Sprintf("%s.%d", decoder.path, id)), false)
		if err != nil {
			return err
		}
		t.id = id
		s.declared = append(s.declared, t)
	}
	return nil
}

// readNamed reads the tokens that n names; those of an earlier n stay where n
// says nothing.
func (s *surroundings) readNamed(n node) error {
	for _, role := range tokenRoles {
		if m := n.at(role); !m.null() {
			t, err := parseToken(m, true)
			if err != nil {
				return err
			}
			s.named[role] = t
		}
	}
	for _, key := range []string{"additional_special_tokens", "extra_special_tokens"} {
		m := n.at(key)
		if m.null() || m.raw[0] != '[' {
			continue
		}
		all, err := sequence(n, key, func(item node) (addedToken, error) { return parseToken(item, true) })
		if err != nil {
			return err
		}
		for _, t := range all {
			same := func(o addedToken) bool { return o.content == t.content }
			if !slices.ContainsFunc(s.extra, same) {
				s.extra = append(s.extra, t)
			}
		}
	}
	return nil
}

// parseToken reads a token: its text, or an object with its text and its rules.
func parseToken(n node, special bool) (t addedToken, err error) {
	t.special = special
	if json.Unmarshal(n.raw, &t.content) == nil {
		return t, nil
	}
	if _, err := n.object(); err != nil {
		return t, n.errorf("is %s, want a token's text or an object", clip(n.raw))
	}
	if t.content, err = n.str("content"); err != nil {
		return t, err
	}
	if t.special, err = n.boolOr("special", special); err != nil {
		return t, err
	}
	return t, t.parseRules(n, false)
}

// readClass finds the name of the class: in tokenizer_config.json, or in the
// model's own config.json.
func (s *surroundings) readClass() error {
	config, err := readNode(filepath.Join(s.dir, "config.json"))
	if err != nil {
		return err
	}
	for _, n := range []node{s.settings, config} {
		class, err := n.strOr("tokenizer_class", "")
		if err != nil {
			return err
		}
		if class = strings.TrimSuffix(class, "Fast"); class != "" && class != "PreTrainedTokenizer" {
			s.class = class
			return nil
		}
	}
	kind, err := config.strOr("model_type", "")
	s.class = classOfModel[kind]
	return err
}

// readOlder reads added_tokens.json and, where tokenizer_config.json is from before it
// listed all added tokens, special_tokens_map.json.
func (s *surroundings) readOlder() error {
	path := filepath.Join(s.dir, "special_tokens_map.json")
	n, err := readNode(path)
	if err != nil {
		return err
	}
	if len(s.declared) == 0 {
		if err := s.readNamed(n); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	path = filepath.Join(s.dir, "added_tokens.json")
	if n, err = readNode(path); err != nil || n.null() {
		return err
	}
	var byText map[string]int32
	if err := n.decode(&byText, "an object of token ids"); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, content := range slices.Sorted(maps.Keys(byText)) {
		t := addedToken{content: content, normalized: true}
		for _, known := range s.specials() {
			if known.content == content {
				t = known
			}
		}
		t.id = byText[content]
		if !slices.ContainsFunc(s.declared, func(d addedToken) bool { return d.content == content }) {
			s.declared = append(s.declared, t)
		}
	}
	slices.SortFunc(s.declared, func(a, b addedToken) int { return int(a.id - b.id) })
	return nil
}

// specials are the tokens that are named, in order.
func (s *surroundings) specials() []addedToken {
	var all []addedToken
	for _, role := range tokenRoles {
		if t, ok := s.named[role]; ok {
			all = append(all, t)
		}
	}
	return append(all, s.extra...)
}

// addTo makes the tokens of the files tokens of t. One that has no id gets that of the
// vocabulary, or the next one after it.
func (s *surroundings) addTo(t *Tokenizer) error {
	size := 0
	t.model.tokens(func(int32, string) { size++ })
	next := int32(size)
	put := func(a addedToken) {
		if a.content == "" {
			return
		}
		same := func(b addedToken) bool { return b.content == a.content || b.id == a.id }
		t.added = append(slices.DeleteFunc(t.added, same), a)
	}
	for _, a := range s.declared {
		if a.id < 0 || a.id > maxID {
			return fmt.Errorf("the added token %q has the id %d, want 0 to %d", a.content, a.id, maxID)
		}
		put(a)
	}
	for _, a := range t.added {
		next = max(next, a.id+1)
	}
	for _, a := range s.specials() {
		if slices.ContainsFunc(t.added, func(b addedToken) bool { return b.content == a.content }) {
			continue
		}
		id, known := t.model.lookup(a.content)
		if a.id = id; !known {
			a.id = next
			next++
		}
		put(a)
	}
	return nil
}

// around puts bos before and eos after a text, where there are such and the
// folder asks for them or the class does.
func (s *surroundings) around(t *Tokenizer, bos, eos int32, bosByDefault, eosByDefault bool) {
	asked := func(key *bool, otherwise bool) bool {
		if key != nil {
			return *key
		}
		return otherwise
	}
	var step postStep
	if bos >= 0 && asked(s.addBOS, bosByDefault) {
		step.before = []int32{bos}
	}
	if eos >= 0 && asked(s.addEOS, eosByDefault) {
		step.after = []int32{eos}
	}
	t.post = []postStep{step}
}
