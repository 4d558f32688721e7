package data

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Counts are what Prepare met.
type Counts struct {
	Records   int `json:"records"`
	Examples  int `json:"examples"`
	Tokens    int `json:"tokens"`
	Trained   int `json:"trained_tokens"`
	Cut       int `json:"cut"`       // examples cut to the sequence length
	Split     int `json:"split"`     // examples that became several
	Dropped   int `json:"dropped"`   // examples left out as too long
	Untrained int `json:"untrained"` // examples without a token to train on, left out
	// Expanded are records that became several examples, since the template
	// writes earlier turns differently once later ones follow.
	Expanded   int `json:"expanded"`
	Duplicates int `json:"duplicates"`         // records whose tokens equal an earlier record's
	Repeats    int `json:"duplicates_dropped"` // those of them that are left out
	// OpenEnded are examples whose last trained part has no end-of-turn token that is trained.
	OpenEnded    int `json:"end_of_turn_untrained"`
	DoubleBOS    int `json:"double_bos"`
	Marked       int `json:"template_marks"` // records with marks of a chat template in their text
	Lost         int `json:"lost_text"`      // records with text that the template leaves out or changes
	EmptyAnswers int `json:"empty_answers"`  // records with an answer of no text
	Reversed     int `json:"reversed"`       // records that begin with an answer and end with a question
	// Lengths of examples in tokens, before cutting.
	Longest int     `json:"longest"`
	Mean    float64 `json:"mean_length"`
	Median  int     `json:"median_length"`
	P95     int     `json:"length_95_percent"` // 95 % of the examples are not longer

	Pairs       int `json:"preference_pairs"`
	SamePairs   int `json:"equal_pairs"` // whose two answers are the same
	Desirable   int `json:"desirable"`
	Undesirable int `json:"undesirable"`

	Sources []SourceCounts `json:"sources"`
	// First is where the first record of a kind was found, by the kind's name above.
	First map[string]string `json:"first"`
}

// SourceCounts are those of one dataset.
type SourceCounts struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Files      int    `json:"files"`
	Records    int    `json:"records"`
	Examples   int    `json:"examples"`
	Tokens     int    `json:"tokens"`
	Trained    int    `json:"trained_tokens"`
	Duplicates int    `json:"duplicates"`
}

// first notes where something was met first.
func (c *Counts) first(what, place string) {
	if c.First == nil {
		c.First = map[string]string{}
	}
	if c.First[what] == "" {
		c.First[what] = place
	}
}

// lengths is how many examples have a length.
type lengths map[int]int

// fill sums the lengths up.
func (l lengths) fill(c *Counts) {
	n, sum := 0, 0
	for length, count := range l {
		n += count
		sum += length * count
	}
	if n == 0 {
		return
	}
	c.Mean = float64(sum) / float64(n)
	seen := 0
	for _, length := range slices.Sorted(maps.Keys(l)) {
		before := seen
		seen += l[length]
		if before*2 < n && seen*2 >= n {
			c.Median = length
		}
		if before*100 < n*95 && seen*100 >= n*95 {
			c.P95 = length
		}
	}
}

// checkNotEmpty is an error where nothing is left to train on.
func (c *Counts) checkNotEmpty(sources []Source) error {
	if c.Examples > 0 {
		return nil
	}
	var types []string
	for _, s := range sources {
		if t := fmt.Sprintf("%q", s.Type); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return fmt.Errorf("nothing to train on: of %d records %d have no token that is trained, %d were cut to sequence_len and %d were dropped as too long; look at the chat template, roles_to_train, train_on_inputs, sequence_len and the dataset's type (%s)",
		c.Records, c.Untrained, c.Cut, c.Dropped, strings.Join(types, ", "))
}
