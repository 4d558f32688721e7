package world

import "strings"

// Days, Months and Seasons in their order; each list begins again after its end.
var (
	Days    = strings.Fields("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
	Months  = strings.Fields("January February March April May June July August September October November December")
	Seasons = strings.Fields("spring summer autumn winter")
)

var measures = table(`
	days are in a week: 7; months are in a year: 12; seasons are in a year: 4; hours are in a day: 24; minutes are in an hour: 60
	seconds are in a minute: 60; days are in June: 30; days are in May: 31; days are in April: 30; days are in July: 31
	days are in March: 31; days are in August: 31; days are in September: 30; days are in October: 31
	days are in November: 30; days are in December: 31; days are in January: 31; years are in a century: 100
	years are in a decade: 10; days are in a weekend: 2
`)

// neighbours asks for what comes after and before each item of a ring.
func neighbours(topic, unit string, ring []string) []Fact {
	after := wording{topic, unit,
		[]string{"Which " + unit + " comes after {x}?", "What " + unit + " comes after {x}?", "What is the " + unit + " after {x}?"},
		[]string{"The " + unit + " after {x} is {y}.", "After {x} comes {y}."},
		"after {x}",
	}
	before := wording{topic, unit,
		[]string{"Which " + unit + " comes before {x}?", "What " + unit + " comes before {x}?", "What is the " + unit + " before {x}?"},
		[]string{"The " + unit + " before {x} is {y}.", "Before {x} comes {y}."},
		"before {x}",
	}
	var facts []Fact
	for i, item := range ring {
		n := len(ring)
		facts = append(facts, after.fact(item, ring[(i+1)%n]), before.fact(item, ring[(i+n-1)%n]))
	}
	return facts
}

func dayFacts() []Fact    { return neighbours("calendar", "day", Days) }
func monthFacts() []Fact  { return neighbours("calendar", "month", Months) }
func seasonFacts() []Fact { return neighbours("calendar", "season", Seasons) }

func measureFacts() []Fact {
	var facts []Fact
	for _, p := range measures {
		unit, rest, _ := strings.Cut(p.left, " are in ")
		facts = append(facts, wording{"calendar", "measure",
			[]string{"How many " + p.left + "?", "How many " + unit + " does " + rest + " have?"},
			[]string{"There are {y} " + unit + " in " + rest + ".", Capital(rest) + " has {y} " + unit + "."},
			"{x}",
		}.fact(unit+" in "+rest, p.right))
	}
	return facts
}
