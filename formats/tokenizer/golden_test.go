package tokenizer

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// kinds are the small tokenizer.json files that testdata/make_goldens.py and
// make_more_goldens.py train.
var kinds = []string{"gpt2", "llama3", "qwen2", "smollm", "llama2", "metaspace", "t5", "bert", "words", "bytes_first"}

// goldenCase is what the Rust library makes of a text. A token is id, start
// and end.
type goldenCase struct {
	Text            string
	Tokens, Special [][3]int
	IDs             []int32
	Decoded         string // IDs, which end with some at random
	Skipped         string // the same without special tokens
}

func readGolden(t testing.TB, kind string) (*Tokenizer, []goldenCase) {
	t.Helper()
	tok, err := Load("testdata/" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	readCases(t, kind, &cases)
	return tok, cases
}

func readCases(t testing.TB, kind string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + kind + ".golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func same(tokens []Token, want [][3]int) bool {
	return slices.EqualFunc(tokens, want, func(t Token, w [3]int) bool {
		return t == Token{int32(w[0]), w[1], w[2]}
	})
}

func TestEncodesAndDecodesLikeTheRustLibrary(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			tok, cases := readGolden(t, kind)
			for _, c := range cases {
				if got, err := tok.Encode(c.Text); err != nil || !same(got, c.Tokens) {
					t.Errorf("Encode(%q):\n got %v, %v\nwant %v", c.Text, got, err, c.Tokens)
				}
				if got, err := tok.EncodeSpecial(c.Text); err != nil || !same(got, c.Special) {
					t.Errorf("EncodeSpecial(%q):\n got %v, %v\nwant %v", c.Text, got, err, c.Special)
				}
				if got := tok.Decode(c.IDs, false); got != c.Decoded {
					t.Errorf("Decode(%v):\n got %q\nwant %q", c.IDs, got, c.Decoded)
				}
				if got := tok.Decode(c.IDs, true); got != c.Skipped {
					t.Errorf("Decode(%v) without special tokens:\n got %q\nwant %q", c.IDs, got, c.Skipped)
				}
			}
		})
	}
}

func TestStreamGivesTheDecodedTextInWholeCharacters(t *testing.T) {
	for _, kind := range kinds {
		tok, cases := readGolden(t, kind)
		for _, c := range cases {
			ids := make([]int32, len(c.Special))
			for i, s := range c.Special {
				ids[i] = int32(s[0])
			}
			var b strings.Builder
			stream := tok.NewStream(true)
			for _, id := range ids {
				part := stream.Push(id)
				if !utf8.ValidString(part) {
					t.Fatalf("%s: %q is not whole characters", kind, part)
				}
				b.WriteString(part)
			}
			b.WriteString(stream.Flush())
			if want := tok.Decode(ids, true); b.String() != want {
				t.Errorf("%s: streamed %q, want %q", kind, b.String(), want)
			}
		}
	}
}

func TestConcurrentEncoding(t *testing.T) {
	for _, kind := range kinds {
		tok, cases := readGolden(t, kind)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for _, c := range cases {
					if got, err := tok.Encode(c.Text); err != nil || !same(got, c.Tokens) {
						t.Errorf("%s: Encode(%q): %v, %v", kind, c.Text, got, err)
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestLongWordsTakeLittleTime(t *testing.T) {
	const size = 1 << 17 // bytes: what is quadratic takes minutes
	for _, kind := range kinds {
		tok, _ := readGolden(t, kind)
		for _, unit := range []string{"a", "ab", " ", "é", "\n", "1", "'s", "<s"} {
			text := strings.Repeat(unit, size/len(unit))
			got, err := tok.Encode(text)
			if err != nil {
				t.Fatalf("%s: 128 KiB of %q: %v", kind, unit, err)
			}
			if len(got) == 0 {
				continue // nothing but space, which this kind drops
			}
			if last := got[len(got)-1]; last.End != len(text) {
				t.Errorf("%s: 128 KiB of %q: the last token ends at %d of %d", kind, unit, last.End, len(text))
			}
		}
	}
}

func TestALineOfAMegabyte(t *testing.T) {
	for _, kind := range kinds {
		tok, cases := readGolden(t, kind)
		var line strings.Builder
		for line.Len() < 1<<20 {
			for _, c := range cases {
				line.WriteString(strings.ReplaceAll(c.Text, "\n", " "))
			}
		}
		got, err := tok.Encode(line.String())
		if err != nil || len(got) < line.Len()/100 {
			t.Errorf("%s: %d tokens, %v", kind, len(got), err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, kind := range []string{"llama3", "llama2", "t5", "bert"} {
		b.Run(kind, func(b *testing.B) {
			tok, cases := readGolden(b, kind)
			var text strings.Builder
			for text.Len() < 1<<20 {
				for _, c := range cases[:20] {
					text.WriteString(c.Text + "\n")
				}
			}
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, err := tok.Encode(text.String()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
