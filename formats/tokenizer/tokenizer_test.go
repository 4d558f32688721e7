package tokenizer

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// tiny is a byte-level tokenizer that knows the letters of "hug" and one merge.
const tiny = `{
	"added_tokens": [{"id": 5, "content": "<eot>", "special": true, "normalized": false}],
	"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
	"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<eot>"}}],
		"special_tokens": {"<eot>": {"id": "<eot>", "ids": [5]}}},
	"decoder": {"type": "ByteLevel"},
	"model": {"type": "BPE", "vocab": {"h": 0, "u": 1, "g": 2, "ug": 3, "Ġ": 4}, "merges": ["u g"]}
}`

func parseTiny(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := Parse([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestEncodeGivesIdsAndTheirBytes(t *testing.T) {
	tok := parseTiny(t)
	got, err := tok.Encode("hug hu<eot>")
	want := []Token{{0, 0, 1}, {3, 1, 3}, {4, 3, 4}, {0, 4, 5}, {1, 5, 6}, {5, 6, 11}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	got, err = tok.EncodeSpecial("hu")
	want = []Token{{0, 0, 1}, {1, 1, 2}, {5, 0, 0}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("with the special token: got %v, %v, want %v", got, err, want)
	}
}

// The vocabulary lacks the bytes of é and x.
func TestBytesThatAreNoTokensShiftNoOffsets(t *testing.T) {
	tok := parseTiny(t)
	for text, want := range map[string][]Token{
		"hxug":  {{0, 0, 2}, {3, 2, 4}},
		"xhu":   {{0, 0, 2}, {1, 2, 3}},
		"uxg h": {{3, 0, 3}, {4, 3, 4}, {0, 4, 5}}, // what stands around the gap merges
		"huéhu": {{0, 0, 1}, {1, 1, 4}, {0, 4, 5}, {1, 5, 6}},
		"x":     {},
	} {
		if got, err := tok.Encode(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestLookups(t *testing.T) {
	tok := parseTiny(t)
	if n := tok.VocabSize(); n != 6 {
		t.Errorf("VocabSize is %d, want 6", n)
	}
	if id, ok := tok.ID("<eot>"); id != 5 || !ok {
		t.Errorf("ID of <eot> is %d, %t", id, ok)
	}
	if text, ok := tok.TokenText(3); text != "ug" || !ok {
		t.Errorf("token 3 is %q, %t", text, ok)
	}
	if _, ok := tok.TokenText(6); ok {
		t.Error("token 6 exists")
	}
	if ids := tok.SpecialIDs(); !slices.Equal(ids, []int32{5}) || !tok.IsSpecial(5) || tok.IsSpecial(3) {
		t.Errorf("special tokens are %v, want [5]", ids)
	}
	if before, after := tok.Around(); len(before) != 0 || !slices.Equal(after, []int32{5}) {
		t.Errorf("around a text go %v and %v", before, after)
	}
}

func TestInvalidTextIsAnError(t *testing.T) {
	_, err := parseTiny(t).Encode("hug\xffhug")
	if err == nil || err.Error() != "invalid UTF-8 at byte 3 of the text" {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotObeyedIsSaid(t *testing.T) {
	tok, err := Parse([]byte(`{"truncation":{"max_length":8},"padding":null,"model":{"type":"WordLevel","vocab":{"a":0}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if notes := tok.Notes(); len(notes) != 1 || notes[0] != `truncation is not obeyed: {"max_length":8}` {
		t.Errorf("got %q", notes)
	}
}

func TestWordsOutsideTheVocabulary(t *testing.T) {
	for _, c := range []struct{ model, want string }{
		{`{"type":"WordLevel","vocab":{"a":0}}`, `the word "b" is not in the vocabulary, nor is the unknown token "<unk>" (model.unk_token)`},
		{`{"type":"WordPiece","vocab":{"a":0}}`, `the word "b" is not in the vocabulary, nor is the unknown token "[UNK]" (model.unk_token)`},
		{`{"type":"Unigram","vocab":[["a",-1]]}`, `"b" is not in the vocabulary, and the unigram model has no unknown token (model.unk_id)`},
	} {
		tok, err := Parse([]byte(`{"model":` + c.model + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tok.Encode("b"); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.model, err, c.want)
		}
	}
}

// A file from before files named their model.
func TestModelsWithoutAType(t *testing.T) {
	for model, text := range map[string]string{
		`{"unk_id":0,"vocab":[["u",0],["ab",-1],["a",-3],["b",-3]]}`:                           "ab",
		`{"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}`:                                      "ab",
		`{"vocab":{"[UNK]":0,"a":1,"##b":2},"unk_token":"[UNK]","max_input_chars_per_word":9}`: "a ##b",
		`{"vocab":{"ab":0,"<unk>":1},"unk_token":"<unk>"}`:                                     "ab",
	} {
		tok, err := Parse([]byte(`{"model":` + model + `}`))
		if err != nil {
			t.Fatal(err)
		}
		got, err := tok.Encode("ab")
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, k := range got {
			s, _ := tok.TokenText(k.ID)
			texts = append(texts, s)
		}
		if joined := strings.Join(texts, " "); joined != text {
			t.Errorf("%s: got %q, want %q", model, joined, text)
		}
	}
}

func TestErrorsNameThePlace(t *testing.T) {
	model := `"model":{"type":"BPE","vocab":{"a":0},"merges":[]}`
	for _, c := range []struct{ file, want string }{
		{"\xff", "invalid UTF-8 at byte 0"},
		{`[]`, "is [], want an object"},
		{`{`, "is not JSON"},
		{`{}`, "model.vocab: is missing, want an object of token ids"},
		{`{"model":{"type":"Letters"}}`, `model: model type "Letters" is not supported`},
		{`{"model":{"type":"Unigram"}}`, `model.vocab: is missing, want a list of pieces, each with its score`},
		{`{"model":{"type":"Unigram","vocab":[["a",-1],["b"]]}}`, `model.vocab: piece 1 is [b <nil>], want a text and a number`},
		{`{"model":{"type":"Unigram","unk_id":1,"vocab":[["a",-1]]}}`, `model.unk_id: is 1, but model.vocab has 1 pieces`},
		{`{"model":{"type":"WordPiece","vocab":["a"]}}`, `model.vocab: is ["a"], want an object of token ids`},
		{`{"model":{"type":"WordLevel","vocab":{"a":0,"b":0}}}`, `model.vocab: the tokens "a" and "b" both have the id 0`},
		{`{"model":{"type":"BPE","vocab":{"a":-1}}}`, `model.vocab: token "a" has the id -1, want 0 to 4194304`},
		{`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`, `model.merges: merge 0: "b" is not in model.vocab`},
		{`{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}`, "model.merges: merge 0 has 1 tokens, want 2"},
		{`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}`, `model.merges: merge 0: the token "aa" that it makes is not in model.vocab`},
		{`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"u"}}`, `model.unk_token: "u" is not in model.vocab`},
		{`{"added_tokens":[{"content":"a"}],` + model + `}`, "added_tokens[0].id: is missing, want a token id"},
		{`{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"Nope"}]},` + model + `}`,
			`pre_tokenizer.pretokenizers[1]: pre-tokenizer type "Nope" is not supported`},
		{`{"pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":"("}},` + model + `}`, "pre_tokenizer.pattern.Regex: regular expression"},
		{`{"pre_tokenizer":{"type":"Split","behavior":"No","pattern":{"String":"x"}},` + model + `}`, `pre_tokenizer.behavior: is "No", want Isolated`},
		{`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"CAAAAAA="},` + model + `}`, "normalizer.precompiled_charsmap: the precompiled character map says a size"},
		{`{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Rot13"}]},` + model + `}`, `normalizer.normalizers[1]: normalizer type "Rot13" is not supported`},
		{`{"decoder":{"type":"Sequence","decoders":[{"type":"Rot13"}]},` + model + `}`, `decoder.decoders[0]: decoder type "Rot13" is not supported`},
		{`{"decoder":{"type":"Strip","content":3},` + model + `}`, "decoder.content: is 3, want a string"},
		{`{"post_processor":{"type":"TemplateProcessing","single":[]},` + model + `}`, "post_processor.single: has no place for the text"},
	} {
		_, err := Parse([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.file, err, c.want)
		}
	}
}

func TestNormalFormsAreThoseOfTheUnicodePackage(t *testing.T) {
	for _, s := range []string{"e\u0301", "a\u0302\u0323", "\u1e69 s\u0307\u0323", "ﬁ①Å", "\u1100\u1161\u11a8", "\u0301a", "q\u0307\u0323x\u0301", "\u0915\u093c"} {
		for name, form := range map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD} {
			got := normalForm(text{s: s}, form)
			if got.s != form.String(s) {
				t.Errorf("%s of %+q is %+q, want %+q", name, s, got.s, form.String(s))
			}
			if got.align != nil && len(got.align) != len(got.s) {
				t.Errorf("%s of %+q aligns %d of %d bytes", name, s, len(got.align), len(got.s))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(tiny))
	for _, part := range []string{
		`"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Prepend","prepend":"h"},{"type":"Replace","pattern":{"String":" "},"content":"u"}]}`,
		`"normalizer":{"type":"Strip","strip_left":true,"strip_right":true},"pre_tokenizer":{"type":"Punctuation"}`,
		`"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[^e]+|e"},"behavior":"MergedWithNext","invert":true},{"type":"Digits"}]}`,
		`"pre_tokenizer":{"type":"Metaspace","replacement":"h","prepend_scheme":"first"},"decoder":{"type":"Metaspace"}`,
		`"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":"h","start":1,"stop":1}]}`,
		`"post_processor":{"type":"RobertaProcessing","cls":["h",0],"sep":["u",1]}`,
		`"added_tokens":[{"id":7,"content":" e","single_word":true,"lstrip":true,"rstrip":true,"normalized":true}]`,
	} {
		f.Add([]byte("{" + part + `,"model":{"vocab":{"h":0,"u":1,"hu":2},"merges":[["h","u"]],"unk_token":"h","fuse_unk":true,"byte_fallback":true}}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := Parse(data)
		if err != nil {
			return
		}
		if tokens, err := tok.EncodeSpecial("hug <eot> é\n 1"); err == nil {
			for _, k := range tokens {
				tok.Decode([]int32{k.ID}, true)
			}
		}
	})
}

// FuzzEncode checks that offsets are ranges of whole characters in order, and that a
// byte-level tokenizer without a normalizer gives every text back.
func FuzzEncode(f *testing.F) {
	var toks []*Tokenizer
	for _, kind := range kinds {
		tok, cases := readGolden(f, kind)
		toks = append(toks, tok)
		for _, c := range cases {
			f.Add(c.Text)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i, tok := range toks {
			tokens, err := tok.Encode(s)
			if err != nil {
				if utf8.ValidString(s) {
					t.Fatalf("%s: %v", kinds[i], err)
				}
				continue
			}
			ids := make([]int32, len(tokens))
			for j, k := range tokens {
				if k.Start < 0 || k.Start > k.End || k.End > len(s) || !utf8.ValidString(s[k.Start:k.End]) {
					t.Fatalf("%s: token %d has the bytes %d to %d of %q", kinds[i], j, k.Start, k.End, s)
				}
				ids[j] = k.ID
			}
			if added := strings.Contains(s, "<mask>"); kinds[i] == "gpt2" && !added && tok.Decode(ids, false) != s {
				t.Fatalf("%q came back as %q", s, tok.Decode(ids, false))
			}
		}
	})
}
