package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/tools/demo/world"
)

func corpus(t *testing.T, seed uint64, documents int) string {
	t.Helper()
	var b bytes.Buffer
	if err := writeCorpus(&b, seed, documents); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheSameSeedGivesTheSameCorpus(t *testing.T) {
	if corpus(t, 7, 300) != corpus(t, 7, 300) {
		t.Error("two corpora of one seed differ")
	}
	if corpus(t, 7, 300) == corpus(t, 8, 300) {
		t.Error("another seed gives the same corpus")
	}
	if long := corpus(t, 7, 400); !strings.HasPrefix(long, corpus(t, 7, 300)) {
		t.Error("a longer corpus does not begin with the shorter one")
	}
}

func TestEveryKindOfDocument(t *testing.T) {
	g := newGenerator(3)
	for range 2000 {
		text := g.document()
		if strings.ContainsAny(text, "{}") || strings.Contains(text, "  ") || strings.Contains(text, "%!") {
			t.Fatalf("a template is not filled in: %q", text)
		}
		if !strings.HasSuffix(text, endOfText) && !strings.HasSuffix(text, "<|im_end|>\n") {
			t.Fatalf("a document does not say that it ends: %q", text)
		}
	}
}

func TestMixtureAddsUp(t *testing.T) {
	sum := 0
	for _, kind := range mixture {
		sum += kind.percent
	}
	if sum != 100 {
		t.Errorf("the shares add up to %d %%", sum)
	}
}

// Sentences of the form "The house of Anna is red." must say the same wherever
// they stand, stories included.
func TestStoriesKeepToTheFacts(t *testing.T) {
	pet := map[string]string{}
	for _, p := range world.People {
		pet[p.PetName] = p.Pet
	}
	sum := regexp.MustCompile(`had (\d+) apples and \w+ gave \w+ (\d+) more. Now s?he had (\d+) apples`)
	named := regexp.MustCompile(`([A-Z]\w+) the (\w+)`)
	g := newGenerator(5)
	sums, pets := 0, 0
	for range 1000 {
		text := g.story()
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if kind, ok := pet[m[1]]; ok {
				pets++
				if kind != m[2] {
					t.Errorf("%s is a %s, not a %s", m[1], kind, m[2])
				}
			}
		}
		for _, m := range sum.FindAllStringSubmatch(text, -1) {
			sums++
			want := m[1] + " plus " + m[2]
			for _, f := range g.facts {
				if f.Subject == want && f.Answer != m[3] {
					t.Errorf("%s is %s, not %s", want, f.Answer, m[3])
				}
			}
		}
	}
	if sums == 0 || pets == 0 {
		t.Errorf("found %d sums and %d pets in the stories", sums, pets)
	}
}

func TestCommittedRecordsAreUpToDate(t *testing.T) {
	train, test := records(defaultSeed)
	for name, list := range map[string][]record{"train.json": train, "test.json": test} {
		var want bytes.Buffer
		if err := writeRecords(&want, list); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "..", "demo", "data", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("demo/data/%s is not what the generator writes: run make demo-data", name)
		}
	}
}

func TestHeldOutFactsAreNotTrained(t *testing.T) {
	train, test := records(defaultSeed)
	if len(train) != trainRecords || len(test) != testPerGroup*len(world.Groups()) {
		t.Fatalf("%d records to train on, %d to test on", len(train), len(test))
	}
	factOf := map[string]string{}
	for _, group := range world.Groups() {
		for _, f := range group.Facts {
			for _, q := range f.Questions {
				factOf[q] = f.Sentences[0]
			}
		}
	}
	trained := map[string]bool{}
	for _, r := range train {
		trained[factOf[r.Instruction]] = true
	}
	for _, r := range test {
		fact := factOf[r.Instruction]
		if fact == "" || trained[fact] {
			t.Errorf("the fact behind %q (%q) is trained on or unknown", r.Instruction, fact)
		}
	}
}
