package world

import (
	"fmt"
	"strconv"
)

// MaxNumber bounds counting and sums.
const MaxNumber = 20

func countingFacts() []Fact {
	after := wording{"number", "counting",
		[]string{"Which number comes after {x}?", "What number comes after {x}?", "What is the number after {x}?"},
		[]string{"The number after {x} is {y}.", "After {x} comes {y}."},
		"after {x}",
	}
	before := wording{"number", "counting",
		[]string{"Which number comes before {x}?", "What number comes before {x}?", "What is the number before {x}?"},
		[]string{"The number before {x} is {y}.", "Before {x} comes {y}."},
		"before {x}",
	}
	var facts []Fact
	for n := range MaxNumber {
		low, high := strconv.Itoa(n), strconv.Itoa(n+1)
		facts = append(facts, after.fact(low, high), before.fact(high, low))
	}
	return facts
}

func sumFacts() []Fact {
	w := wording{"number", "sum",
		[]string{"What is {x}?", "How much is {x}?"},
		[]string{"{x} is {y}.", "{x} makes {y}."},
		"{x}",
	}
	var facts []Fact
	for a := range MaxNumber/2 + 1 {
		for b := range MaxNumber/2 + 1 {
			facts = append(facts, w.fact(fmt.Sprintf("%d plus %d", a, b), strconv.Itoa(a+b)))
		}
	}
	return facts
}

func differenceFacts() []Fact {
	w := wording{"number", "difference",
		[]string{"What is {x}?", "How much is {x}?"},
		[]string{"{x} is {y}.", "{x} leaves {y}."},
		"{x}",
	}
	var facts []Fact
	for a := range MaxNumber/2 + 1 {
		for b := range MaxNumber/2 + 1 {
			facts = append(facts, w.fact(fmt.Sprintf("%d minus %d", a+b, b), strconv.Itoa(a)))
		}
	}
	return facts
}

func letterFacts() []Fact {
	after := wording{"word", "letter",
		[]string{"Which letter comes after {x}?", "What letter comes after {x}?", "What is the letter after {x}?"},
		[]string{"The letter after {x} is {y}.", "After {x} comes {y}."},
		"after {x}",
	}
	before := wording{"word", "letter",
		[]string{"Which letter comes before {x}?", "What letter comes before {x}?", "What is the letter before {x}?"},
		[]string{"The letter before {x} is {y}.", "Before {x} comes {y}."},
		"before {x}",
	}
	var facts []Fact
	for low := 'A'; low < 'Z'; low++ {
		facts = append(facts, after.fact(string(low), string(low+1)), before.fact(string(low+1), string(low)))
	}
	return facts
}
