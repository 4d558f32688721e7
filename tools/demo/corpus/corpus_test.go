package corpus

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/tools/demo/world"
)

func written(t *testing.T, seed uint64, documents int) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, seed, documents); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheSameSeedGivesTheSameCorpus(t *testing.T) {
	if first, second := written(t, 7, 300), written(t, 7, 300); first != second {
		t.Error("two corpora of one seed differ")
	}
	if written(t, 7, 300) == written(t, 8, 300) {
		t.Error("another seed gives the same corpus")
	}
	if long := written(t, 7, 400); !strings.HasPrefix(long, written(t, 7, 300)) {
		t.Error("a longer corpus does not begin with the shorter one")
	}
}

func TestEveryKindOfDocument(t *testing.T) {
	g := New(3)
	for range 2000 {
		text := g.Document()
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
	g := New(5)
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
	train, test := Records(DefaultSeed)
	for name, list := range map[string][]Record{"train.json": train, "test.json": test} {
		var want bytes.Buffer
		if err := WriteRecords(&want, list); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "..", "demo", "data", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("demo/data/%s is not what the generator writes: run make demo-model", name)
		}
	}
}

func TestHeldOutFactsAreNotTrained(t *testing.T) {
	train, test := Records(DefaultSeed)
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

// The demo's lora.toml shows prompts before and after: they must be held out.
func TestSamplePromptsAreHeldOut(t *testing.T) {
	c, err := config.Load(filepath.Join("..", "..", "..", "lora.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, test := Records(DefaultSeed)
	if len(c.Report.SamplePrompts) == 0 {
		t.Error("lora.toml has no sample prompts")
	}
	for _, prompt := range c.Report.SamplePrompts {
		if !slices.ContainsFunc(test, func(r Record) bool { return r.Instruction == prompt }) {
			t.Errorf("the sample prompt %q of lora.toml is not in test.json", prompt)
		}
	}
}

func TestPretrainingSettingsAreValid(t *testing.T) {
	c, err := config.Load(filepath.Join("..", "pretrain.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Adapter.Kind != "full" || !c.Train.FromScratch {
		t.Errorf("pretrain.toml trains %q, from scratch: %v", c.Adapter.Kind, c.Train.FromScratch)
	}
}
