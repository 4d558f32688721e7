package tokenizer

import "testing"

// tiny is a byte-level tokenizer that knows the letters of "hug" and one merge.
const tiny = `{
	"added_tokens": [{"id": 5, "content": "<eot>", "special": true, "normalized": false}],
	"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
	"decoder": {"type": "ByteLevel"},
	"model": {"type": "BPE", "vocab": {"h": 0, "u": 1, "g": 2, "ug": 3, "Ġ": 4}, "merges": ["u g"]}
}`

func TestEncodeGivesIdsAndTheirBytes(t *testing.T) {
	tok, err := Parse([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	got, err := tok.Encode("hug hu<eot>")
	if err != nil {
		t.Fatal(err)
	}
	want := []Token{{0, 0, 1}, {3, 1, 3}, {4, 3, 4}, {0, 4, 5}, {1, 5, 6}, {5, 6, 11}}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("token %d is %v, want %v", i, got[i], want[i])
		}
	}
}
