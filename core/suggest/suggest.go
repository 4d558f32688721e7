// Package suggest finds the name that a person probably meant. It serves every
// "did you mean" of the program: keys and values of lora.toml, plugin names,
// commands. It knows nothing of what the names stand for.
package suggest

import "strings"

// Nearest returns the candidate closest to word, and false when none is close
// enough to be worth suggesting. Case, hyphens and underscores do not count.
// Of equally close candidates the earlier one wins.
func Nearest(word string, candidates []string) (string, bool) {
	plain := fold(word)
	if plain == "" {
		return "", false
	}
	best, bestDistance := "", tolerance(plain)+1
	for _, candidate := range candidates {
		if d := Distance(plain, fold(candidate)); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	if best != "" {
		return best, true
	}
	for _, candidate := range candidates {
		if beginsWith(plain, fold(candidate)) || beginsWith(fold(candidate), plain) {
			return candidate, true
		}
	}
	return "", false
}

// Distance counts the single-letter insertions, deletions, substitutions and
// swaps of neighbours that turn a into b (optimal string alignment).
func Distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}

// tolerance is how many slips a word of this length may hold and still be
// recognised: none in "r", one in "lora", three in "learning_rate".
func tolerance(word string) int {
	n := len([]rune(word))
	switch {
	case n < 3:
		return 0
	case n < 6:
		return 1
	case n < 9:
		return 2
	}
	return 3
}

// fold removes what people vary without meaning anything by it.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), "-", "_")
}

// beginsWith reports whether prefix is the whole first words of long, as
// "adamw" is of "adamw_torch". Short prefixes say too little.
func beginsWith(long, prefix string) bool {
	return len(prefix) >= 4 && strings.HasPrefix(long, prefix+"_")
}
