package world

import (
	"fmt"
	"strings"
)

// Fact is one thing to know. Every sentence contains the answer behind a
// space, so that the answer's tokens are the same wherever it is given.
type Fact struct {
	Topic     string   // one word, as the fine-tuned model names it
	Group     string   // the table that the fact comes from; facts of a group are sampled together
	Subject   string   // what the fact is about, for tables: "grass"
	Questions []string // ways to ask
	Sentences []string // ways to state it; the first is how a question is answered
	Answer    string   // the shortest answer: "green"
}

// Group is a table of facts that share their wording.
type Group struct {
	Name  string
	Topic string
	Facts []Fact
}

// Groups returns all facts in a fixed order.
func Groups() []Group {
	var groups []Group
	for _, facts := range [][]Fact{
		colourFacts(),
		soundFacts(), legFacts(), youngFacts(), homeFacts(), foodFacts(),
		oppositeFacts(), pluralFacts(), pastFacts(),
		dayFacts(), monthFacts(), seasonFacts(), measureFacts(),
		countingFacts(), sumFacts(), differenceFacts(), letterFacts(),
		sizeFacts(),
		workerFacts(), toolFacts(), materialFacts(), kindFacts(), bodyFacts(), shapeFacts(),
		capitalFacts(), continentFacts(),
		petFacts(), petNameFacts(), houseFacts(), jobFacts(), dishFacts(),
	} {
		groups = append(groups, Group{facts[0].Group, facts[0].Topic, facts})
	}
	return groups
}

// wording is how the facts of a group are put. In its texts {x} is the
// subject, {X} the subject with a capital, {y} the answer and {ay} the answer
// with its article.
type wording struct {
	topic, group string
	questions    []string
	sentences    []string
	subject      string // as tables of facts name it: "after {x}"
}

func (w wording) fact(subject, answer string) Fact {
	fill := strings.NewReplacer("{x}", subject, "{X}", Capital(subject), "{y}", answer, "{ay}", WithArticle(answer))
	f := Fact{Topic: w.topic, Group: w.group, Subject: fill.Replace(w.subject), Answer: answer}
	for _, q := range w.questions {
		f.Questions = append(f.Questions, fill.Replace(q))
	}
	for _, s := range w.sentences {
		f.Sentences = append(f.Sentences, fill.Replace(s))
	}
	return f
}

// facts makes one fact of each pair.
func (w wording) facts(pairs []pair) []Fact {
	var facts []Fact
	for _, p := range pairs {
		facts = append(facts, w.fact(p.left, p.right))
	}
	return facts
}

// pair is one line of a table.
type pair struct{ left, right string }

// table reads "left: right" entries, separated by semicolons or line ends.
func table(text string) []pair {
	var pairs []pair
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		left, right, found := strings.Cut(entry, ": ")
		if !found {
			panic(fmt.Sprintf("table entry %q is not \"left: right\"", entry))
		}
		pairs = append(pairs, pair{left, right})
	}
	return pairs
}

// inverted turns "answer: subject, subject" tables, which read better where
// many subjects share an answer, into pairs of subject and answer.
func inverted(pairs []pair) []pair {
	var out []pair
	for _, p := range pairs {
		for subject := range strings.SplitSeq(p.right, ", ") {
			out = append(out, pair{subject, p.left})
		}
	}
	return out
}

// bothWays appends each pair turned round.
func bothWays(pairs []pair) []pair {
	var out []pair
	for _, p := range pairs {
		out = append(out, p, pair{p.right, p.left})
	}
	return out
}

// Capital is s with its first letter in upper case.
func Capital(s string) string {
	return strings.ToUpper(s[:1]) + s[1:]
}

// WithArticle is "a cat", "an ant".
func WithArticle(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
