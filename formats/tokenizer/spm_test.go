package tokenizer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idsCase is what a library that gives no offsets makes of a text.
type idsCase struct {
	Text    string
	IDs     []int32
	Skipped string // decoded
	Unknown bool   // some token is the unknown one: then nothing is decoded
}

func ids(tokens []Token) []int32 {
	out := make([]int32, len(tokens))
	for i, t := range tokens {
		out[i] = t.ID
	}
	return out
}

func parseFor(t testing.TB, name string, parse func([]byte) (*Tokenizer, error)) *Tokenizer {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestOtherFilesEncodeLikeTheirLibraries(t *testing.T) {
	for _, c := range []struct {
		file  string
		parse func([]byte) (*Tokenizer, error)
	}{
		{"spm_unigram.model", ParseSentencePiece},
		{"spm_bpe.model", ParseSentencePiece},
		{"tekken.json", ParseTekken},
	} {
		tok := parseFor(t, c.file, c.parse)
		var cases []idsCase
		readCases(t, strings.TrimSuffix(strings.TrimSuffix(c.file, ".model"), ".json"), &cases)
		for _, g := range cases {
			got, err := tok.Encode(g.Text)
			if err != nil || !slices.Equal(ids(got), g.IDs) {
				t.Errorf("%s: Encode(%q):\n got %v, %v\nwant %v", c.file, g.Text, got, err, g.IDs)
				continue
			}
			if text := tok.Decode(g.IDs, true); !g.Unknown && text != g.Skipped {
				t.Errorf("%s: Decode(%v):\n got %q\nwant %q", c.file, g.IDs, text, g.Skipped)
			}
		}
	}
}

// llamaFolder is a folder with a SentencePiece model and a tokenizer_config.json.
func llamaFolder(t *testing.T, config string) string {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{"llama.model": "tokenizer.model", config: "tokenizer_config.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolderWithoutTokenizerJSONEncodesLikeTransformers(t *testing.T) {
	for _, kind := range []string{"llama.first", "llama.legacy"} {
		tok, err := Load(filepath.Join(llamaFolder(t, kind+".config.json"), "tokenizer.model"))
		if err != nil {
			t.Fatal(err)
		}
		var cases []idsCase
		readCases(t, kind, &cases)
		for _, g := range cases {
			if got, err := tok.EncodeSpecial(g.Text); err != nil || !slices.Equal(ids(got), g.IDs) {
				t.Errorf("%s: EncodeSpecial(%q):\n got %v, %v\nwant %v", kind, g.Text, ids(got), err, g.IDs)
			}
		}
	}
}

func TestOffsetsOfASentencePieceModel(t *testing.T) {
	tok := parseFor(t, "spm_unigram.model", ParseSentencePiece)
	text := "  the  ﬁ river.\u3000lamp "
	got, err := tok.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, k := range got {
		if k.Start < at || k.End < k.Start {
			t.Errorf("a token has the bytes %d to %d after one that begins at %d", k.Start, k.End, at)
		}
		at = k.Start
	}
	first, last := got[0], got[len(got)-1]
	if first.Start != 2 {
		t.Errorf("the first token begins at %d, want 2: spaces before the text are no token's", first.Start)
	}
	if want := len(text) - 1; last.End != want {
		t.Errorf("the last token ends at %d, want %d: the space after the text is no token's", last.End, want)
	}
	river := strings.Index(text, "river.")
	literal, _ := tok.ID("river.")
	if !slices.Contains(got, Token{literal, river, river + len("river.")}) {
		t.Errorf("the user-defined piece is not at byte %d: %v", river, got)
	}
}

func TestSpecialTokensOfAFolder(t *testing.T) {
	tok, err := Load(filepath.Join(llamaFolder(t, "llama.first.config.json"), "tokenizer.model"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := tok.Encode("lamp<|im_end|>  <s>")
	if err != nil {
		t.Fatal(err)
	}
	if end, _ := tok.ID("<|im_end|>"); len(got) < 2 || got[len(got)-2] != (Token{end, 4, 16}) || got[len(got)-1] != (Token{1, 16, 19}) {
		t.Errorf("got %v, want <|im_end|> with the spaces after it, then <s>", got)
	}
	if text := tok.Decode(ids(got), true); text != "lamp" {
		t.Errorf("decoded %q", text)
	}
	if before, after := tok.Around(); !slices.Equal(before, []int32{1}) || !slices.Equal(after, []int32{2}) {
		t.Errorf("around a text go %v and %v, want <s> and </s>", before, after)
	}
}

func TestFilesThatLie(t *testing.T) {
	spm := func(pieces ...string) string { return strings.Join(pieces, "") }
	piece := func(text string, kind byte) string {
		body := "\x0a" + string(rune(len(text))) + text + "\x18" + string(rune(kind))
		return "\x0a" + string(rune(len(body))) + body
	}
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "it has no pieces"},
		{"cut", "\x0a\x7fabc", "it is cut short or no protobuf"},
		{"no unknown", spm(piece("a", 1)), "no piece is the unknown one"},
		{"twice", spm(piece("u", 2), piece("a", 1), piece("a", 1)), `pieces 1 and 2 are both "a"`},
		{"two unknown", spm(piece("u", 2), piece("v", 2)), "pieces 0 and 1 are both the unknown one"},
		{"type", spm(piece("u", 2), piece("a", 9)), `piece 1 ("a") is of type 9`},
		{"bytes", spm(piece("u", 2), piece("\xff", 1)), "piece 1 is not UTF-8"},
		{"model type", spm(piece("u", 2), "\x12\x02\x18\x04"), "trainer_spec.model_type is 4, want 1 (unigram) or 2 (BPE)"},
		{"charsmap", spm(piece("u", 2), "\x1a\x07\x12\x05\x09\x00\x00\x00x"), "normalizer_spec: the precompiled character map says a size"},
		{"pointer", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
		{"tiktoken", "IQ== 0\nIg== 1\n", "a list of 2 tokens in tiktoken's form"},
		{"tiktoken ranks", "IQ== 0\nIg== 2\n", `line 2 has the rank "2", want 1`},
		{"tiktoken bytes", "IQ== 0\nI 1\n", `line 2 is "I 1", want a token in base64 and its rank`},
		{"tekken", `{"config":{"default_vocab_size":300,"default_num_special_tokens":10},"vocab":[]}`, "vocab: has 0 tokens, but config wants 290"},
		{"tekken bytes", `{"config":{"default_vocab_size":1},"vocab":[{"rank":0,"token_bytes":"?"}]}`, `vocab: token 0: token_bytes is "?"`},
		{"tekken ranks", `{"config":{"default_vocab_size":1},"vocab":[{"rank":7,"token_bytes":"YQ=="}]}`, "vocab: token 0 has the rank 7"},
		{"tekken alphabet", `{"config":{"default_vocab_size":1},"vocab":[{"rank":0,"token_bytes":"YQ=="}]}`, "vocab: has no token for the byte 0x00"},
		{"tekken special", `{"config":{"default_vocab_size":1},"vocab":[],"special_tokens":[{"rank":3,"token_str":"a"}]}`, `special_tokens: token 0 ("a") has the rank 3`},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(c.data), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

func TestClassesThatDoMoreAreRefused(t *testing.T) {
	dir := llamaFolder(t, "llama.first.config.json")
	if err := os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(`{"tokenizer_class":"NllbTokenizerFast"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(filepath.Join(dir, "tokenizer.model")); err == nil || !strings.Contains(err.Error(), "a NllbTokenizer does more than its SentencePiece model says; make a tokenizer.json") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseSentencePiece(f *testing.F) {
	for _, name := range []string{"spm_unigram.model", "spm_bpe.model"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { encodeAnything(t, data, ParseSentencePiece) })
}

func FuzzParseTekken(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "tekken.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"config":{"pattern":"a+","default_vocab_size":3,"default_num_special_tokens":3},"vocab":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) { encodeAnything(t, data, ParseTekken) })
}

func encodeAnything(t *testing.T, data []byte, parse func([]byte) (*Tokenizer, error)) {
	tok, err := parse(data)
	if err != nil {
		return
	}
	text := "the ﬁ <user>  river.\tlamp 12 é\x00"
	tokens, err := tok.Encode(text)
	if err != nil {
		return
	}
	for _, k := range tokens {
		if k.Start < 0 || k.Start > k.End || k.End > len(text) {
			t.Fatalf("a token has the bytes %d to %d of %d", k.Start, k.End, len(text))
		}
	}
	tok.Decode(ids(tokens), false)
}
