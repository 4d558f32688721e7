package data

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/core/conversation"
)

// letters is a Format and an Encoder: the field "text" of a record is its
// conversation, each byte of it a token, capital letters are trained.
type letters struct{ types []Type }

func (l letters) Types() ([]Type, error) { return l.types, nil }

func (l letters) Type(name string) (Type, error) {
	for _, t := range l.types {
		if t.Name == name {
			return t, nil
		}
	}
	return Type{}, errors.New("no such type")
}

func (l letters) Convert(datasetType string, columns map[string]string, records []json.RawMessage) ([]Converted, error) {
	if datasetType == "broken" {
		return nil, errors.New("the plugin fell over")
	}
	field := "text"
	if own := columns["text"]; own != "" {
		field = own
	}
	var all []Converted
	for _, r := range records {
		var fields map[string]string
		c := Converted{}
		if err := json.Unmarshal(r, &fields); err != nil || fields[field] == "" {
			c.Problem = `"text" is missing`
		}
		c.Conversation.Text = fields[field]
		all = append(all, c)
	}
	return all, nil
}

func (l letters) Encode(c conversation.Conversation) (Encoded, error) {
	if c.Text == "impossible" {
		return Encoded{}, errors.New("cannot be laid out")
	}
	var out Encoded
	kinds := []Kind{Plain, Plain}
	if strings.Contains(c.Text, "|") {
		kinds = []Kind{Chosen, Rejected}
	}
	for i, text := range strings.FieldsFunc(c.Text, func(r rune) bool { return r == '|' || r == '+' }) {
		e := Example{Kind: kinds[i]}
		for _, b := range []byte(text) {
			w := float32(0)
			if b < 'a' {
				w = 1
			}
			e.IDs, e.Weights = append(e.IDs, int32(b)), append(e.Weights, w)
		}
		out.Examples = append(out.Examples, e)
	}
	return out, nil
}

// lines writes a .jsonl of records with one text each.
func lines(t *testing.T, texts ...string) string {
	t.Helper()
	var b strings.Builder
	for _, text := range texts {
		raw, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
		b.WriteByte('\n')
	}
	path := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func source(files ...string) Source { return Source{Name: "a", Files: files, Type: "letters"} }

func lettersOptions(length int, long Long) Options {
	return Options{Format: letters{}, Encoder: letters{}, SequenceLen: length, Long: long, Ends: []int32{'.'}, Begin: '^'}
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// texts are the examples in the store.
func texts(t *testing.T, s *Store) []string {
	t.Helper()
	var all []string
	for i := range s.Count() {
		e, err := s.Example(i)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, id := range e.IDs {
			text += string(rune(id))
		}
		if e.Kind != Plain {
			text = e.Kind.String() + " " + text
		}
		all = append(all, text)
	}
	return all
}

func TestPrepareBringsToLength(t *testing.T) {
	for _, c := range []struct {
		long Long
		text string
		want []string
		what Counts
	}{
		{LongCut, "aBCDEF.", []string{"aBCD"}, Counts{Cut: 1}},
		{LongDrop, "aBCDEF.", nil, Counts{Dropped: 1}},
		{LongDrop, "aBC.", []string{"aBC."}, Counts{}},
		// A part begins with the last token of the one before: B C D, E F . and each once.
		{LongSplit, "aBCDEF.", []string{"aBCD", "DEF."}, Counts{Split: 1}},
		{LongSplit, "abcdefGH.", []string{"defG", "GH."}, Counts{Split: 1}},
		{LongCut, "abcdEF.", nil, Counts{Cut: 1, Untrained: 1}},
		{LongCut, "aB.|aC.", []string{"chosen aB.", "rejected aC."}, Counts{Pairs: 1}},
		// Without one half the other is left out.
		{LongDrop, "aB.|aCDEF.", nil, Counts{Dropped: 1}},
		{LongCut, "aB.+aC.", []string{"aB.", "aC."}, Counts{Expanded: 1}},
		{LongCut, "aB.|aB.", []string{"chosen aB.", "rejected aB."}, Counts{Pairs: 1, SamePairs: 1}},
		{LongCut, "^^B.", []string{"^^B."}, Counts{DoubleBOS: 1}},
		{LongCut, "aB.c", []string{"aB.c"}, Counts{}},
		{LongCut, "aB.c"[:2], []string{"aB"}, Counts{OpenEnded: 1}},
	} {
		s := newStore(t)
		n, err := Prepare(t.Context(), []Source{source(lines(t, c.text, "xY."))}, lettersOptions(4, c.long), s)
		if err != nil {
			t.Errorf("%s %s: %v", c.long, c.text, err)
			continue
		}
		if got := texts(t, s); !slices.Equal(got, append(c.want, "xY.")) {
			t.Errorf("%s %s gave %q, wanted %q", c.long, c.text, got, c.want)
		}
		got := Counts{Cut: n.Cut, Split: n.Split, Dropped: n.Dropped, Untrained: n.Untrained, Pairs: n.Pairs, Expanded: n.Expanded, SamePairs: n.SamePairs, DoubleBOS: n.DoubleBOS, OpenEnded: n.OpenEnded}
		if !reflect.DeepEqual(got, c.what) {
			t.Errorf("%s %s counted %+v, wanted %+v", c.long, c.text, got, c.what)
		}
	}
}

func TestPrepareCounts(t *testing.T) {
	first, second := lines(t, "aB.", "aCD.", "aB."), lines(t, "aB.", "abcdefghI.")
	one, two := source(first, first), source(second)
	one.Limit, two.Weight, two.Name = 5, 0.5, "b"
	s := newStore(t)
	got, err := Prepare(t.Context(), []Source{one, two}, lettersOptions(6, LongCut), s)
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{
		Records: 7, Examples: 6, Tokens: 20, Trained: 14, Cut: 1, Untrained: 1, Duplicates: 4,
		Longest: 10, Mean: 30.0 / 7, Median: 3, P95: 10,
		Sources: []SourceCounts{
			{Name: "a", Type: "letters", Files: 2, Records: 5, Examples: 5, Tokens: 17, Trained: 12, Duplicates: 3},
			{Name: "b", Type: "letters", Files: 1, Records: 2, Examples: 1, Tokens: 3, Trained: 2, Duplicates: 1},
		},
		First: map[string]string{
			"duplicates": first + ":3 (record 3)", "cut": second + ":2 (record 2)", "untrained": second + ":2 (record 2)",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
	if diff := cmp.Diff(want, s.Counts()); diff != "" {
		t.Errorf("of the store, wanted (-), got (+):\n%s", diff)
	}
	if s.Source(4) != 0 || s.Source(5) != 1 {
		t.Errorf("examples 5 and 6 come from sources %d and %d", s.Source(4), s.Source(5))
	}
	if e, _ := s.Example(5); !slices.Equal(e.Weights, []float32{0, 0.5, 0.5}) {
		t.Errorf("the second dataset's weights are %v", e.Weights)
	}
}

// Repeats are left out of all datasets, the first of a kind stays.
func TestPrepareDropsDuplicates(t *testing.T) {
	o := lettersOptions(6, LongCut)
	o.DropDuplicates = true
	s := newStore(t)
	n, err := Prepare(t.Context(), []Source{source(lines(t, "aB.", "aCD.", "aB.")), source(lines(t, "aCD.", "aE."))}, o, s)
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(t, s); !slices.Equal(got, []string{"aB.", "aCD.", "aE."}) || n.Records != 5 || n.Examples != 3 || n.Duplicates != 2 || n.Repeats != 2 || s.Source(2) != 1 {
		t.Errorf("%q, %+v", got, n)
	}
}

func TestShared(t *testing.T) {
	s := newStore(t)
	if _, err := Prepare(t.Context(), []Source{source(lines(t, "aB.", "aCD.", "aB.", "aB.", "aE."))}, lettersOptions(6, LongCut), s); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		held, train []int
		want        int
	}{
		{[]int{0, 2}, []int{1, 3, 4}, 2},
		{[]int{0, 2, 3}, []int{1, 4}, 0},
		{[]int{0, 1}, []int{2, 3, 4}, 1},
	} {
		if got := s.Shared(c.held, c.train); got != c.want {
			t.Errorf("held %v, trained on %v: %d, wanted %d", c.held, c.train, got, c.want)
		}
	}
}

// The store is the same, byte for byte, with any number of processors.
func TestPrepareKeepsTheOrder(t *testing.T) {
	var all []string
	for i := range 2000 {
		all = append(all, fmt.Sprintf("a%dB%s.", i, strings.Repeat("C", i%40)))
	}
	path := lines(t, all...)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	hashes := map[string]bool{}
	for _, procs := range []int{1, 3, 8} {
		runtime.GOMAXPROCS(procs)
		s := newStore(t)
		if _, err := Prepare(t.Context(), []Source{source(path)}, lettersOptions(64, LongCut), s); err != nil {
			t.Fatal(err)
		}
		hashes[s.Hash()] = true
		if got := texts(t, s); !slices.Equal(got, all) {
			t.Errorf("with %d processors the order is another", procs)
		}
	}
	if len(hashes) != 1 {
		t.Errorf("%d hashes", len(hashes))
	}
}

func TestPrepareErrors(t *testing.T) {
	good, bad := lines(t, "aB."), lines(t, "aB.", "", "impossible")
	broken := filepath.Join(t.TempDir(), "broken.jsonl")
	os.WriteFile(broken, []byte("{\"text\": \"\"}\nnonsense\n"), 0o644)
	empty := lines(t)
	many := lines(t, make([]string, 3000)...)
	other := source(good)
	other.Type = "broken"
	for _, c := range []struct {
		name    string
		sources []Source
		long    Long
		want    []string
	}{
		{"two bad records", []Source{source(bad)}, LongCut, []string{bad + `:2 (record 2): "text" is missing` + "\n    {\"text\":\"\"}", bad + `:3 (record 3): cannot be laid out`}},
		{"records before what is wrong with the file", []Source{source(broken)}, LongCut, []string{broken + `:1 (record 1): "text" is missing`}},
		{"nothing in it", []Source{source(good), source(empty)}, LongCut, []string{"dataset a is empty: it holds no record"}},
		{"too long", []Source{source(lines(t, "aBCDE."))}, LongError, []string{"(record 1): has 6 tokens, more than sequence_len = 4"}},
		{"nothing trained", []Source{source(lines(t, "abcd", "ab"))}, LongCut, []string{"nothing to train on: of 2 records 2 have no token that is trained", `type ("letters")`}},
		{"a plugin that fails", []Source{other}, LongCut, []string{"the plugin fell over"}},
		{"the wrong type throughout", []Source{source(many)}, LongCut, []string{"more records; the rest was not read"}},
		{"no file", []Source{source("none.jsonl")}, LongCut, []string{"none.jsonl: no such file"}},
	} {
		_, err := Prepare(t.Context(), c.sources, lettersOptions(4, c.long), newStore(t))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, wanted %q", c.name, err, want)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Prepare(ctx, []Source{source(good)}, lettersOptions(4, LongCut), newStore(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
