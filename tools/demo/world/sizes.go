package world

import "strings"

// BySize are things from the smallest to the biggest, each clearly bigger
// than the one before.
var BySize = strings.Fields("ant bee mouse rat rabbit goose sheep pony horse elephant whale")

func sizeFacts() []Fact {
	var facts []Fact
	for i, small := range BySize {
		for _, big := range BySize[i+1:] {
			a, b := WithArticle(small), WithArticle(big)
			facts = append(facts,
				wording{"size", "size",
					[]string{"Which is bigger, " + a + " or " + b + "?", "Which is bigger, " + b + " or " + a + "?"},
					[]string{Capital(b) + " is bigger than " + a + ".", "Next to " + b + ", " + a + " looks small."},
					"bigger, {x}",
				}.fact(small+" or "+big, big),
				wording{"size", "size",
					[]string{"Which is smaller, " + a + " or " + b + "?", "Which is smaller, " + b + " or " + a + "?"},
					[]string{Capital(a) + " is smaller than " + b + ".", "Next to " + a + ", " + b + " looks big."},
					"smaller, {x}",
				}.fact(big+" or "+small, small))
		}
	}
	return facts
}
