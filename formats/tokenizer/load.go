package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Load reads the tokenizer of a model: a tokenizer.json, a tekken.json or a
// SentencePiece model; which of them it is, the content says. A tokenizer.json holds everything. Beside tekken.json and
// SentencePiece models, special tokens are recognised in a text, and
// tokenizer_config.json and added_tokens.json of the same folder say which there
// are more and which are put around a text.
func Load(path string) (*Tokenizer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := parseFile(data, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func parseFile(data []byte, dir string) (*Tokenizer, error) {
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) == 0 || start[0] != '{' {
		return parseSPMFolder(data, dir)
	}
	root := newNode(data, "")
	if root.at("model").null() && !root.at("vocab").null() && !root.at("config").null() {
		return parseTekkenFolder(root, dir)
	}
	return Parse(data)
}

// surroundings are the facts of tokenizer_config.json and added_tokens.json.
type surroundings struct {
	Class  string `json:"tokenizer_class"`
	AddBOS *bool  `json:"add_bos_token"`
	AddEOS *bool  `json:"add_eos_token"`
	// Legacy says that a space goes before every part of a text between special
	// tokens, not only before the first.
	Legacy *bool `json:"legacy"`
	// AddPrefixSpace false: no space goes before the text.
	AddPrefixSpace *bool `json:"add_prefix_space"`
	Added          map[int32]struct {
		Content    string
		Special    bool
		Normalized bool
		LStrip     bool
		RStrip     bool
		SingleWord bool `json:"single_word"`
	} `json:"added_tokens_decoder"`

	more map[string]int32 // added_tokens.json
}

func readSurroundings(dir string) (s surroundings, err error) {
	if err := readOptional(filepath.Join(dir, "tokenizer_config.json"), &s); err != nil {
		return s, err
	}
	return s, readOptional(filepath.Join(dir, "added_tokens.json"), &s.more)
}

func readOptional(path string, into any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// addTo makes the tokens of the two files tokens of t.
func (s *surroundings) addTo(t *Tokenizer) error {
	add := func(a addedToken) error {
		if a.id < 0 || a.id > maxID {
			return fmt.Errorf("the added token %q has the id %d, want 0 to %d", a.content, a.id, maxID)
		}
		same := func(b addedToken) bool { return b.content == a.content }
		if i := slices.IndexFunc(t.added, same); i >= 0 {
			t.added[i] = a
		} else if a.content != "" {
			t.added = append(t.added, a)
		}
		return nil
	}
	for _, id := range mapKeys(s.Added) {
		a := s.Added[id]
		err := add(addedToken{
			id: id, content: a.Content, special: a.Special, normalized: a.Normalized,
			lstrip: a.LStrip, rstrip: a.RStrip, singleWord: a.SingleWord})
		if err != nil {
			return err
		}
	}
	for _, content := range mapKeys(s.more) {
		known := func(b addedToken) bool { return b.content == content }
		if slices.ContainsFunc(t.added, known) {
			continue
		}
		if err := add(addedToken{id: s.more[content], content: content}); err != nil {
			return err
		}
	}
	return nil
}

// around puts bos before and eos after a text, where there are such and the
// folder asks for them or says nothing.
func (s *surroundings) around(t *Tokenizer, bos, eos int32, eosByDefault bool) {
	asked := func(key *bool, otherwise bool) bool {
		if key != nil {
			return *key
		}
		return otherwise
	}
	var step postStep
	if bos >= 0 && asked(s.AddBOS, true) {
		step.before = []int32{bos}
	}
	if eos >= 0 && asked(s.AddEOS, eosByDefault) {
		step.after = []int32{eos}
	}
	t.post = []postStep{step}
}

// shifted are the classes of Transformers that number the pieces of a SentencePiece
// model otherwise than the file does.
var shifted = []string{
	"XLMRoberta", "Camembert", "MBart", "MBart50", "Barthez", "Nllb", "Pegasus", "XGLM", "BigBirdPegasus", "M2M100", "Plbart", "Marian", "Deberta",
}

func parseSPMFolder(data []byte, dir string) (*Tokenizer, error) {
	f, err := parseSPM(data)
	if err != nil {
		return nil, notSPM(data, err)
	}
	s, err := readSurroundings(dir)
	if err != nil {
		return nil, err
	}
	for _, class := range shifted {
		if s.Class == class+"Tokenizer" || s.Class == class+"TokenizerFast" {
			return nil, fmt.Errorf("a %s numbers the tokens otherwise than its SentencePiece model; make a tokenizer.json with Transformers: "+
				"AutoTokenizer.from_pretrained(%q).save_pretrained(%q)", s.Class, dir, dir)
		}
	}
	if s.AddPrefixSpace != nil && !*s.AddPrefixSpace {
		f.addDummyPrefix = false
	}
	f.prefixFirst = s.Legacy == nil || !*s.Legacy
	t, err := f.tokenizer()
	if err != nil {
		return nil, err
	}
	for i, p := range f.pieces {
		if p.kind == pieceControl || p.kind == pieceUnknown {
			t.added = append(t.added, addedToken{id: int32(i), content: p.text, special: true})
		}
	}
	if err := s.addTo(t); err != nil {
		return nil, err
	}
	s.around(t, f.bos, f.eos, f.bos < 0)
	return t, t.finish()
}

func parseTekkenFolder(root node, dir string) (*Tokenizer, error) {
	t, specials, err := parseTekken(root)
	if err != nil {
		return nil, err
	}
	s, err := readSurroundings(dir)
	if err != nil {
		return nil, err
	}
	for id, name := range specials {
		t.added = append(t.added, addedToken{id: int32(id), content: name, special: true})
	}
	if err := s.addTo(t); err != nil {
		return nil, err
	}
	s.around(t, int32(slices.Index(specials, "<s>")), int32(slices.Index(specials, "</s>")), false)
	return t, t.finish()
}
