package world

import (
	"slices"
	"strings"
	"testing"
)

func allFacts() []Fact {
	var all []Fact
	for _, g := range Groups() {
		all = append(all, g.Facts...)
	}
	return all
}

func TestAQuestionHasOneAnswer(t *testing.T) {
	answers := map[string]string{}
	for _, f := range allFacts() {
		for _, q := range f.Questions {
			if other, seen := answers[q]; seen && other != f.Answer {
				t.Errorf("%q is answered %q and %q", q, other, f.Answer)
			}
			answers[q] = f.Answer
		}
	}
}

func TestASentenceHoldsItsAnswer(t *testing.T) {
	for _, f := range allFacts() {
		for _, s := range f.Sentences {
			words := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,.", r) })
			if !slices.Contains(words[1:], f.Answer) {
				t.Errorf("%q does not hold the answer %q as a word behind a space", s, f.Answer)
			}
		}
	}
}

func TestTextIsWellFormed(t *testing.T) {
	for _, f := range allFacts() {
		if strings.ContainsAny(f.Topic+f.Answer, " |:{}") {
			t.Errorf("topic %q and answer %q must be one plain word each", f.Topic, f.Answer)
		}
		for _, q := range f.Questions {
			if !strings.HasSuffix(q, "?") || strings.Count(q, "?") != 1 {
				t.Errorf("%q is no question", q)
			}
		}
		for _, s := range f.Sentences {
			if !strings.HasSuffix(s, ".") || strings.ContainsAny(s, "{}") || s != Capital(s) {
				t.Errorf("%q is no sentence", s)
			}
		}
	}
}

func TestGroupsAgree(t *testing.T) {
	for _, g := range Groups() {
		subjects := map[string]string{}
		for _, f := range g.Facts {
			if f.Group != g.Name || f.Topic != g.Topic {
				t.Errorf("%q is filed as %s/%s in %s/%s", f.Sentences[0], f.Topic, f.Group, g.Topic, g.Name)
			}
			if other, seen := subjects[f.Questions[0]]; seen {
				t.Errorf("group %s asks %q twice (%q, %q)", g.Name, f.Questions[0], other, f.Answer)
			}
			subjects[f.Questions[0]] = f.Answer
		}
	}
}

// The village's jobs, sounds and so on are drawn from the same tables, so
// stories cannot contradict the lessons.
func TestPeopleAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range People {
		for _, name := range []string{p.Name, p.PetName} {
			if seen[name] {
				t.Errorf("%s is the name of two", name)
			}
			seen[name] = true
		}
		if p.He == "" || p.His == "" || p.Dish == "" {
			t.Errorf("%+v is incomplete", p)
		}
	}
}

func TestArithmetic(t *testing.T) {
	tests := map[string]string{"7 plus 5": "12", "0 plus 0": "0", "10 plus 10": "20", "12 minus 5": "7", "9 minus 9": "0"}
	for _, f := range allFacts() {
		if want, ok := tests[f.Subject]; ok {
			if f.Answer != want {
				t.Errorf("%s = %s, want %s", f.Subject, f.Answer, want)
			}
			delete(tests, f.Subject)
		}
	}
	if len(tests) != 0 {
		t.Errorf("never asked: %v", tests)
	}
}
