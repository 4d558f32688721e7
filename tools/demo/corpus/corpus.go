package corpus

import (
	"encoding/json"
	"io"
	"math/rand/v2"

	"github.com/loraedge/loraedge/tools/demo/world"
)

// The seed and size that the committed tokenizer, model and data come from.
const (
	DefaultSeed      = 1
	DefaultDocuments = 40_000
)

// endOfText ends a document that is no chat, so that the model learns to stop.
const endOfText = "<|endoftext|>"

// Generator writes documents one after the other.
type Generator struct {
	rng    *rand.Rand
	groups []world.Group
	facts  []world.Fact // of all groups
}

// New starts a corpus; the same seed gives the same documents.
func New(seed uint64) *Generator {
	g := &Generator{rng: rand.New(rand.NewPCG(seed, 0)), groups: world.Groups()}
	for _, group := range g.groups {
		g.facts = append(g.facts, group.Facts...)
	}
	return g
}

// mixture is the share of each kind of document, in percent. Chats are the
// most, because answering in a chat is what the demo shows.
var mixture = []struct {
	percent int
	write   func(*Generator) string
}{
	{58, (*Generator).chat},
	{11, (*Generator).lesson},
	{12, (*Generator).story},
	{8, (*Generator).cards},
	{4, (*Generator).quiz},
	{2, (*Generator).factTable},
	{2, (*Generator).counting},
	{1, (*Generator).recital},
	{2, (*Generator).portrait},
}

// Document is the next text. It says itself that it ends: with endOfText, or
// with the end of an assistant's turn.
func (g *Generator) Document() string {
	at := g.rng.IntN(100)
	for _, kind := range mixture {
		if at -= kind.percent; at < 0 {
			return kind.write(g)
		}
	}
	panic("the mixture does not add up to 100")
}

// fact is any fact, each equally likely: what is rarely said is not learnt.
func (g *Generator) fact() world.Fact {
	return pick(g, g.facts)
}

// group is a table, the likelier the more facts it has.
func (g *Generator) group() world.Group {
	at := g.rng.IntN(len(g.facts))
	for _, group := range g.groups {
		if at -= len(group.Facts); at < 0 {
			return group
		}
	}
	panic("the groups do not add up to the facts")
}

// between is a number from low to high, both included.
func (g *Generator) between(low, high int) int {
	return low + g.rng.IntN(high-low+1)
}

func pick[T any](g *Generator, choices []T) T {
	return choices[g.rng.IntN(len(choices))]
}

// some is n different choices, or all in another order if there are fewer.
func some[T any](g *Generator, n int, choices []T) []T {
	order := g.rng.Perm(len(choices))
	out := make([]T, 0, n)
	for _, i := range order[:min(n, len(order))] {
		out = append(out, choices[i])
	}
	return out
}

// Write writes a corpus, a JSON object with "text" a line.
func Write(w io.Writer, seed uint64, documents int) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	g := New(seed)
	for range documents {
		if err := enc.Encode(map[string]string{"text": g.Document()}); err != nil {
			return err
		}
	}
	return nil
}
