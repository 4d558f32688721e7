package corpus

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/tools/demo/world"
)

// The acts of a story. {a.…} is the hero, {b.…} a second villager; {f} is
// any fact. A line whose names cannot be filled is not chosen.
var acts = [][]string{
	{
		"One sunny morning {a.name} the {a.job} woke up early.",
		"It was {day}, and {a.name} the {a.job} wanted to go out.",
		"Once upon a time there was a {a.job} called {a.name}.",
		"On a cold {day} in {month}, {a.name} looked out of the window.",
		"In the village of {village} there is a {a.house} house. It is the house of {a.name}.",
		"{a.name} was a {a.job} and lived in {village}.",
		"It was a quiet {season} evening, and {a.name} the {a.job} was at home.",
	},
	{
		"{a.He} ate some {a.dish}, because {a.he} likes to eat {a.dish}.",
		"{a.He} called {a.his} {a.pet} {a.petname} and went for a walk.",
		"{a.His} {a.pet} {a.petname} said {a.sound}.",
		"{a.He} looked for {a.petname} the {a.pet}, but {a.petname} was gone.",
		"{a.He} put on a coat and left the {a.house} house.",
		"{a.petname} the {a.pet} was hungry.",
		"{a.He} took a basket and walked to the market.",
	},
	{
		"On the way {a.he} met {b.name} the {b.job}.",
		"Then {b.name} came by with {b.petname} the {b.pet}.",
		"At the {b.house} house {a.he} saw {b.name}.",
		"{b.name} stood by the river and waved.",
		"In the woods {a.he} heard a sound. It was {b.petname}, the {b.pet} of {b.name}.",
		"{b.name} the {b.job} was in the garden.",
	},
	{
		`"What a lovely day!" said {b.name}.`,
		`"Can you help me?" asked {b.name}. "I cannot find {b.petname}, my {b.pet}."`,
		`"Do you know this?" asked {b.name}. "{f}"`,
		`"I have learnt something," said {b.name}. "{f}"`,
		`"Would you like some {b.dish}?" asked {b.name}. "There is nothing better than {b.dish}."`,
		`"Today is {day}," said {b.name}, "so tomorrow is {tomorrow}."`,
		`{b.name} was sad and said: "My {b.pet} is ill."`,
	},
	{
		"{a.name} had {n} apples and {b.name} gave {a.him} {m} more. Now {a.he} had {sum} apples.",
		"They looked under a tree and behind the {a.house} house.",
		"They sat down on the grass and looked at the blue sky.",
		"{b.petname} the {b.pet} said {b.sound} and {a.petname} the {a.pet} said {a.sound}.",
		"They walked to the bridge together and counted {n} birds and then {m} more. That made {sum} birds.",
		"The sky was dark and it began to rain, so they ran to the {b.house} house.",
		"{a.name} thought for a while. {f}",
	},
	{
		"In the end everybody was happy.",
		"They found a warm place and ate {a.dish} and {b.dish}.",
		"After that {a.name} went home to the {a.house} house and slept well.",
		"From that day on, {a.name} and {b.name} were good friends.",
		`"Thank you," said {b.name}. "You are a good friend."`,
		"And {a.petname} the {a.pet} fell asleep at once.",
	},
}

// meeting is the act in which the two meet: once.
const meeting = 2

// story puts one or two lines of each act together.
func (g *Generator) story() string {
	heroes := some(g, 2, world.People)
	n, m := g.between(1, 10), g.between(1, 10)
	day := g.rng.IntN(len(world.Days))
	names := []string{
		"{village}", world.Village,
		"{day}", world.Days[day],
		"{tomorrow}", world.Days[(day+1)%len(world.Days)],
		"{month}", pick(g, world.Months[10:]),
		"{season}", pick(g, world.Seasons),
		"{n}", strconv.Itoa(n), "{m}", strconv.Itoa(m), "{sum}", strconv.Itoa(n + m),
	}
	names = append(names, roleNames("a", heroes[0])...)
	names = append(names, roleNames("b", heroes[1])...)
	var lines []string
	for i, act := range acts {
		count := 1 + g.rng.IntN(2)
		if i == meeting {
			count = 1
		}
		for _, line := range some(g, count, act) {
			fill := strings.NewReplacer(append(names, "{f}", pick(g, g.fact().Sentences))...)
			if line = fill.Replace(line); !strings.Contains(line, "{") {
				lines = append(lines, world.Capital(line))
			}
		}
	}
	return strings.Join(lines, " ") + endOfText
}

// roleNames are the names of a villager in a story. The sound is missing for
// a pet that makes none the world knows of.
func roleNames(role string, p world.Person) []string {
	him := map[string]string{"he": "him", "she": "her"}[p.He]
	values := []struct{ key, value string }{
		{"name", p.Name}, {"he", p.He}, {"He", world.Capital(p.He)}, {"him", him},
		{"his", p.His}, {"His", world.Capital(p.His)}, {"job", p.Job}, {"pet", p.Pet},
		{"petname", p.PetName}, {"house", p.HouseColor}, {"dish", p.Dish}, {"sound", world.Sound(p.Pet)},
	}
	var out []string
	for _, v := range values {
		if v.value != "" {
			out = append(out, fmt.Sprintf("{%s.%s}", role, v.key), v.value)
		}
	}
	return out
}
