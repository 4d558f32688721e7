package main

import (
	"maps"
	"slices"
)

// pair is two tokens beside each other.
type pair struct{ left, right int }

// vocabulary is a trained BPE: token texts by id, and the merges in order.
type vocabulary struct {
	tokens []string
	merges []pair
}

// word is a distinct word of the corpus as tokens, and how often it stands there.
type word struct {
	tokens []int
	count  int
}

// train grows a vocabulary from bytes to size tokens: again and again the pair
// of neighbours that is most frequent becomes a token (Sennrich et al. 2016,
// section 3.2). Of equally frequent pairs the one with the lower ids wins, as
// in Hugging Face's trainer. It ends early when no pair occurs twice.
func train(counts map[string]int, size int) vocabulary {
	v := vocabulary{tokens: slices.Clone(specials)}
	ids := map[rune]int{}
	alphabet := slices.Clone(byteAlphabet[:])
	slices.Sort(alphabet)
	for _, r := range alphabet {
		ids[r] = len(v.tokens)
		v.tokens = append(v.tokens, string(r))
	}
	var words []word
	for _, text := range slices.Sorted(maps.Keys(counts)) {
		w := word{count: counts[text]}
		for _, r := range text {
			w.tokens = append(w.tokens, ids[r])
		}
		words = append(words, w)
	}
	for len(v.tokens) < size {
		best, count := mostFrequent(words)
		if count < 2 {
			break
		}
		for i := range words {
			words[i].tokens = merge(words[i].tokens, best, len(v.tokens))
		}
		v.merges = append(v.merges, best)
		v.tokens = append(v.tokens, v.tokens[best.left]+v.tokens[best.right])
	}
	return v
}

func mostFrequent(words []word) (best pair, count int) {
	counts := map[pair]int{}
	for _, w := range words {
		for i := range len(w.tokens) - 1 {
			counts[pair{w.tokens[i], w.tokens[i+1]}] += w.count
		}
	}
	for p, n := range counts {
		lower := p.left < best.left || p.left == best.left && p.right < best.right
		if n > count || n == count && lower {
			best, count = p, n
		}
	}
	return best, count
}

// merge replaces each occurrence of p, from the left, by id, in place.
func merge(tokens []int, p pair, id int) []int {
	out := tokens[:0]
	for i := 0; i < len(tokens); i++ {
		if i+1 < len(tokens) && tokens[i] == p.left && tokens[i+1] == p.right {
			out = append(out, id)
			i++
		} else {
			out = append(out, tokens[i])
		}
	}
	return out
}
