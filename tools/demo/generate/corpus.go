package main

import (
	"math/rand/v2"

	"github.com/loraedge/loraedge/tools/demo/world"
)

// endOfText ends a document that is no chat, so that the model learns to stop.
const endOfText = "<|endoftext|>"

// generator writes documents one after the other.
type generator struct {
	rng    *rand.Rand
	groups []world.Group
	facts  []world.Fact // of all groups
}

func newGenerator(seed uint64) *generator {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 0)), groups: world.Groups()}
	for _, group := range g.groups {
		g.facts = append(g.facts, group.Facts...)
	}
	return g
}

// mixture is the share of each kind of document, in percent. Chats are the
// most, because answering in a chat is what the demo shows.
var mixture = []struct {
	percent int
	write   func(*generator) string
}{
	{62, (*generator).chat},
	{12, (*generator).lesson},
	{14, (*generator).story},
	{4, (*generator).quiz},
	{3, (*generator).factTable},
	{3, (*generator).counting},
	{2, (*generator).portrait},
}

func (g *generator) document() string {
	at := g.rng.IntN(100)
	for _, kind := range mixture {
		if at -= kind.percent; at < 0 {
			return kind.write(g)
		}
	}
	panic("the mixture does not add up to 100")
}

// fact is any fact, each equally likely: what is rarely said is not learnt.
func (g *generator) fact() world.Fact {
	return pick(g, g.facts)
}

// group is a table, the likelier the more facts it has.
func (g *generator) group() world.Group {
	at := g.rng.IntN(len(g.facts))
	for _, group := range g.groups {
		if at -= len(group.Facts); at < 0 {
			return group
		}
	}
	panic("the groups do not add up to the facts")
}

// between is a number from low to high, both included.
func (g *generator) between(low, high int) int {
	return low + g.rng.IntN(high-low+1)
}

func pick[T any](g *generator, choices []T) T {
	return choices[g.rng.IntN(len(choices))]
}

// some is n different choices, or all in another order if there are fewer.
func some[T any](g *generator, n int, choices []T) []T {
	order := g.rng.Perm(len(choices))
	out := make([]T, 0, n)
	for _, i := range order[:min(n, len(order))] {
		out = append(out, choices[i])
	}
	return out
}
