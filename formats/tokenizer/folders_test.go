package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeVocabulary takes a tokenizer of testdata apart into the files that folders had
// before tokenizer.json, and returns the file to load.
func writeVocabulary(t testing.TB, dir, source string) string {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if strings.HasSuffix(source, ".model") {
		return writeFile(t, dir, "tokenizer.model", string(read(source)))
	}
	var file struct {
		Model struct {
			Type   string
			Vocab  map[string]int
			Merges [][2]string
		}
	}
	if err := json.Unmarshal(read(source+".json"), &file); err != nil {
		t.Fatal(err)
	}
	if file.Model.Type == "WordPiece" {
		words := make([]string, len(file.Model.Vocab))
		for w, id := range file.Model.Vocab {
			words[id] = w
		}
		return writeFile(t, dir, "vocab.txt", strings.Join(words, "\n")+"\n")
	}
	merges := "#version: 0.2\n"
	for _, m := range file.Model.Merges {
		merges += m[0] + " " + m[1] + "\n"
	}
	writeFile(t, dir, "merges.txt", merges)
	vocab, err := json.Marshal(file.Model.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, dir, "vocab.json", string(vocab))
}

func writeFile(t testing.TB, dir, name, content string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFoldersOfEveryClassEncodeLikeTransformers(t *testing.T) {
	var folders []struct {
		Name, Vocabulary string
		Files            map[string]json.RawMessage
		Cases            []idsCase
	}
	readCases(t, "folders", &folders)
	for _, f := range folders {
		t.Run(f.Name, func(t *testing.T) {
			dir := t.TempDir()
			path := writeVocabulary(t, dir, f.Vocabulary)
			for name, content := range f.Files {
				writeFile(t, dir, name, string(content))
			}
			tok, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range f.Cases {
				if got, err := tok.EncodeSpecial(c.Text); err != nil || !slices.Equal(ids(got), c.IDs) {
					t.Errorf("EncodeSpecial(%q):\n got %v, %v\nwant %v", c.Text, ids(got), err, c.IDs)
				}
			}
			if _, err := tok.Encode("a\xff"); err == nil {
				t.Error("invalid UTF-8 is no error")
			}
			line := strings.Repeat("The garden's lamp, naïve café 漢字 ", 1<<20/40)
			got, err := tok.Encode(line)
			if err != nil || len(got) < 1<<17 || got[len(got)-1].End < len(line)-1 {
				t.Errorf("a megabyte makes %d tokens, %v", len(got), err)
			}
			if back := tok.Decode(ids(got), false); f.Vocabulary == "gpt2" && strings.TrimLeft(back, " ") != line {
				t.Errorf("a megabyte comes back as %.60q…", back)
			}
			if parts := Parts(path); len(parts) <= len(f.Files) {
				t.Errorf("parts %q lack a file", parts)
			}
		})
	}
}

// tiktokenList is the list of make_folder_goldens.py: as long as Llama 3's.
func tiktokenList() string {
	const letters = "etaoinshrdlucmfwypvbgkjqxz '.,0123456789"
	var list strings.Builder
	n := 0
	add := func(b ...byte) {
		if n < 128000 {
			fmt.Fprintf(&list, "%s %d\n", base64.StdEncoding.EncodeToString(b), n)
			n++
		}
	}
	for a := range 256 {
		add(byte(a))
	}
	for a := range 256 {
		for b := range 256 {
			add(byte(a), byte(b))
		}
	}
	for _, a := range []byte(letters) {
		for _, b := range []byte(letters) {
			for _, c := range []byte(letters) {
				add(a, b, c)
			}
		}
	}
	return list.String()
}

func TestListOfTokensEncodesLikeTiktoken(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, dir, "tokenizer.model", tiktokenList())
	tok, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []idsCase
	readCases(t, "tiktoken", &cases)
	for _, c := range cases {
		got, err := tok.Encode(c.Text)
		if err != nil || !slices.Equal(ids(got), c.IDs) {
			t.Errorf("Encode(%q):\n got %v, %v\nwant %v", c.Text, ids(got), err, c.IDs)
		}
		if text := tok.Decode(c.IDs, true); text != c.Skipped {
			t.Errorf("Decode(%v): got %q, want %q", c.IDs, text, c.Skipped)
		}
	}
	if before, after := tok.Around(); !slices.Equal(before, []int32{128000}) || len(after) != 0 {
		t.Errorf("around a text go %v and %v", before, after)
	}
	writeFile(t, dir, "tokenizer_config.json", `{"add_bos_token":false,"added_tokens_decoder":{"128004":{"content":"<pad>","special":true}}}`)
	if tok, err = Load(path); err != nil {
		t.Fatal(err)
	}
	if text, _ := tok.TokenText(128004); text != "<pad>" || tok.VocabSize() != 128256 {
		t.Errorf("token 128004 is %q of %d", text, tok.VocabSize())
	}
	if before, _ := tok.Around(); len(before) != 0 {
		t.Errorf("before a text goes %v", before)
	}
}

func TestFoldersThatLackSomething(t *testing.T) {
	const gpt2 = `{"tokenizer_class":"GPT2TokenizerFast"}`
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"vocab.json", map[string]string{}, `neither tokenizer_config.json nor config.json names the tokenizer's class ("tokenizer_class")`},
		{"vocab.json", map[string]string{"config.json": `{"model_type":"whisper"}`}, "vocab.json is for a WhisperTokenizer, which is not supported without a tokenizer.json; make a tokenizer.json with Transformers"},
		{"vocab.json", map[string]string{"tokenizer_config.json": `{"tokenizer_class":"BertTokenizer"}`}, "a BertTokenizer reads another file than vocab.json"},
		{"vocab.json", map[string]string{"tokenizer_config.json": gpt2}, "vocab.json wants merges.txt beside it"},
		{"vocab.json", map[string]string{"tokenizer_config.json": gpt2, "merges.txt": "a b c\n"}, `model.merges: merge 0 is "a b c", want two tokens`},
		{"vocab.json", map[string]string{"tokenizer_config.json": gpt2, "merges.txt": "a \xff\n"}, "merges.txt: invalid UTF-8 at byte 2"},
		{"vocab.json", map[string]string{"tokenizer_config.json": gpt2, "merges.txt": "a z\n"}, `model.merges: merge 0: "z" is not in model.vocab`},
		{"vocab.json", map[string]string{"tokenizer_config.json": `{"bos_token":7}`}, "tokenizer_config.json: bos_token: is 7, want a token's text or an object"},
		{"vocab.json", map[string]string{"tokenizer_config.json": `[`}, "tokenizer_config.json: is not JSON"},
		{"vocab.json", map[string]string{"tokenizer_config.json": gpt2, "merges.txt": "", "added_tokens.json": `{"x":-1}`}, `the added token "x" has the id -1`},
		{"vocab.txt", map[string]string{"config.json": `{"model_type":"bert"}`, "vocab.txt": "a\xff"}, "invalid UTF-8 at byte 1"},
		{"vocab.txt", map[string]string{"config.json": `{"model_type":"gpt2"}`}, "a GPT2Tokenizer reads another file than vocab.txt"},
		{"tokenizer.model", map[string]string{"tokenizer_config.json": `{"tokenizer_class":"T5Tokenizer","extra_ids":9999999}`}, "extra_ids: is 9999999"},
		{"tokenizer.model", map[string]string{"tokenizer_config.json": `{"legacy":"yes"}`}, `legacy: is "yes", want true or false`},
	} {
		dir := t.TempDir()
		source := map[string]string{"vocab.txt": "bert", "tokenizer.model": "llama.model"}[c.name]
		if source != "" {
			writeVocabulary(t, dir, source)
		} else {
			writeFile(t, dir, c.name, `{"a":0,"b":1}`)
		}
		for name, content := range c.files {
			writeFile(t, dir, name, content)
		}
		if _, err := Load(filepath.Join(dir, c.name)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %v:\n got %v\nwant %s", c.name, c.files, err, c.want)
		}
	}
}

// Text that looks like special tokens stays text, as with Transformers' split_special_tokens.
func TestLiteralTextEncodesLikeTheRustLibrary(t *testing.T) {
	var all []struct {
		Name  string
		Cases []idsCase
	}
	readCases(t, "literal", &all)
	for _, f := range all {
		tok, _ := readGolden(t, f.Name)
		for _, c := range f.Cases {
			everywhere := make([]int, len(c.Text))
			for i := range everywhere {
				everywhere[i] = i
			}
			if got, err := tok.EncodeLiteral(c.Text, everywhere); err != nil || !slices.Equal(ids(got), c.IDs) {
				t.Errorf("%s: %q:\n got %v, %v\nwant %v", f.Name, c.Text, ids(got), err, c.IDs)
			}
		}
	}
}

func TestABreakHoldsForTheTokenAroundIt(t *testing.T) {
	tok := parseTiny(t)
	text := "<eot>u<eot>g<eot>"
	got, err := tok.EncodeLiteral(text, []int{0, 5, 7, 12, 17})     // only 7 is inside a token
	want := []Token{{5, 0, 5}, {1, 5, 6}, {2, 11, 12}, {5, 12, 17}} // the letters of "eot" are no tokens
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

// fuzzFolder loads a folder with anything in one of its files.
func fuzzFolder(f *testing.F, load, name string, files map[string]string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	for name, content := range files {
		writeFile(f, dir, name, content)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		writeFile(t, dir, name, string(data))
		encodeAnything(t, data, func([]byte) (*Tokenizer, error) { return Load(filepath.Join(dir, load)) })
	})
}

const fewWords = `{"t":0,"h":1,"e":2,"th":3,"the":4,"Ġ":5,"Ġt":6,"r":7}`

func FuzzParseWords(f *testing.F) {
	fuzzFolder(f, "vocab.txt", "vocab.txt", map[string]string{"tokenizer_config.json": `{"tokenizer_class":"BertTokenizer"}`},
		"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nriver\n##er\n.\n", "a\r\n\r\n##\n", "")
}

func FuzzParseMerges(f *testing.F) {
	fuzzFolder(f, "vocab.json", "merges.txt", map[string]string{"vocab.json": fewWords, "tokenizer_config.json": `{"tokenizer_class":"Qwen2Tokenizer","bos_token":"<s>"}`},
		"#version: 0.2\nt h\nth e\n", "r  i\n", "Ġ t\n\n")
}

func FuzzTokenizerConfig(f *testing.F) {
	fuzzFolder(f, "vocab.json", "tokenizer_config.json", map[string]string{"vocab.json": fewWords, "merges.txt": "t h\nth e", "added_tokens.json": `{"<user>":9}`},
		`{"tokenizer_class":"RobertaTokenizer","trim_offsets":false,"mask_token":{"content":" ","lstrip":true}}`,
		`{"tokenizer_class":"GPT2Tokenizer","add_bos_token":true,"bos_token":null,"additional_special_tokens":["the",{"content":"é"}],"add_prefix_space":true}`,
		`{"tokenizer_class":"Qwen2Tokenizer","added_tokens_decoder":{"12":{"content":"<user>","special":true,"rstrip":true},"4":{"content":"x"}}}`)
}

func FuzzParseTiktoken(f *testing.F) {
	f.Add([]byte("IQ== 0\nIg== 1\n"))
	f.Add([]byte("AA== 0\r\n\nAQ==  1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokens, err := parseTiktoken(data)
		if err != nil {
			return
		}
		// A model wants all bytes.
		known := map[string]bool{}
		for _, b := range tokens {
			known[string(b)] = true
		}
		for b := range 256 {
			if !known[string([]byte{byte(b)})] {
				tokens = append(tokens, []byte{byte(b)})
			}
		}
		m, err := rankedModel(tokens, 0)
		if err != nil {
			return
		}
		parts, err := m.encode(newWorker(), "the river\xff")
		if err != nil || len(parts) == 0 || int(parts[len(parts)-1].end) != len("the river\xff") {
			t.Errorf("%v, %v", parts, err)
		}
	})
}
