package corpus

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/tools/demo/world"
)

// lesson states several facts of one table.
func (g *Generator) lesson() string {
	group := g.group()
	openings := []string{
		"Today's topic: %s.",
		"Let us learn about the topic %s.",
		"The children of " + world.Village + " have a lesson. The topic is %s.",
		pick(g, world.People).Name + " reads from the school book. Topic: %s.",
		"These are some things to know. Topic: %s.",
	}
	lines := []string{fmt.Sprintf(pick(g, openings), group.Topic)}
	for _, f := range some(g, g.between(4, 9), group.Facts) {
		lines = append(lines, pick(g, f.Sentences))
	}
	if g.rng.IntN(3) == 0 {
		lines = append(lines, pick(g, []string{"That was the lesson.", "Now you know.", "The children can go home and play."}))
	}
	return strings.Join(lines, " ") + endOfText
}

// quiz is a lesson in school with direct speech.
func (g *Generator) quiz() string {
	teacher := pick(g, []string{"The teacher", "Lucy", "Lucy the teacher"})
	lines := []string{pick(g, []string{
		"It is time for a quiz in the school of " + world.Village + ".",
		"The teacher wants to know what the class has learnt.",
		"Everybody listens to the teacher.",
	})}
	for range g.between(2, 5) {
		f := g.fact()
		child := pick(g, []string{"A boy", "A girl", "A child", "One of the children"})
		lines = append(lines,
			fmt.Sprintf(`%s asks: "%s"`, teacher, pick(g, f.Questions)),
			fmt.Sprintf(`%s says: "%s"`, child, f.Sentences[0]))
		if g.rng.IntN(2) == 0 {
			lines = append(lines, pick(g, []string{
				"That is the right answer.", "The answer is " + f.Answer + ", well done!", "Yes, the answer is " + f.Answer + ".",
			}))
		}
	}
	return strings.Join(lines, "\n") + endOfText
}

// factTable lists facts of one table in two columns.
func (g *Generator) factTable() string {
	group := g.group()
	lines := []string{group.Name + " | answer"}
	for _, f := range some(g, g.between(4, 10), group.Facts) {
		lines = append(lines, f.Subject+" | "+f.Answer)
	}
	return strings.Join(lines, "\n") + endOfText
}

// cards are flash cards. They are why the model knows an answer apart from its
// sentence, and the words that the fine-tune's answers begin with: a word that
// pretraining never shows has no useful embedding, and LoRA trains none.
func (g *Generator) cards() string {
	var lines []string
	for range g.between(4, 8) {
		f := g.fact()
		lines = append(lines, "question: "+pick(g, f.Questions), "answer: "+f.Answer)
	}
	return strings.Join(lines, "\n") + endOfText
}

// recital says the beginning of a list that has an order, forwards or backwards.
func (g *Generator) recital() string {
	lists := []struct {
		forwards, backwards string
		items               []string
	}{
		{"The days of the week are", "The days of the week backwards are", world.Days},
		{"The months of the year are", "The months of the year backwards are", world.Months},
		{"The seasons of the year are", "The seasons of the year backwards are", world.Seasons},
		{"From small to big:", "From big to small:", world.BySize},
	}
	list := pick(g, lists)
	opening, items := list.forwards, slices.Clone(list.items)
	if g.rng.IntN(2) == 0 {
		opening = list.backwards
		slices.Reverse(items)
	}
	return opening + " " + strings.Join(items, ", ") + "." + endOfText
}

// counting counts up or down, by ones or twos.
func (g *Generator) counting() string {
	step := pick(g, []int{1, 1, 2})
	from := g.between(0, 10)
	to := from + step*g.between(3, (world.MaxNumber-from)/step)
	if g.rng.IntN(3) == 0 {
		from, to, step = to, from, -step
	}
	numbers := []string{strconv.Itoa(from)}
	for n := from; n != to; {
		n += step
		numbers = append(numbers, strconv.Itoa(n))
	}
	person := pick(g, world.People)
	openings := []string{
		fmt.Sprintf("Count from %d to %d", from, to),
		fmt.Sprintf("%s counts from %d to %d", person.Name, from, to),
		fmt.Sprintf("%s can count from %d to %d", person.Name, from, to),
	}
	opening := pick(g, openings)
	if step == 2 || step == -2 {
		opening += " in steps of 2"
	}
	return opening + ": " + strings.Join(numbers, ", ") + "." + endOfText
}

// portrait is the card of a villager, or the same in sentences.
func (g *Generator) portrait() string {
	p := pick(g, world.People)
	if g.rng.IntN(2) == 0 {
		lines := some(g, 5, []string{"job: " + p.Job, "pet: " + p.Pet, "pet name: " + p.PetName, "house: " + p.HouseColor, "dish: " + p.Dish})
		return "name: " + p.Name + "\n" + strings.Join(lines, "\n") + endOfText
	}
	lines := some(g, 5, []string{
		fmt.Sprintf("%s works as a %s.", world.Capital(p.He), p.Job),
		fmt.Sprintf("%s pet is %s.", world.Capital(p.His), world.WithArticle(p.Pet)),
		fmt.Sprintf("The pet is called %s.", p.PetName),
		fmt.Sprintf("%s house is %s.", world.Capital(p.His), p.HouseColor),
		fmt.Sprintf("%s likes to eat %s.", world.Capital(p.He), p.Dish),
	})
	return fmt.Sprintf("%s lives in %s. ", p.Name, world.Village) + strings.Join(lines, " ") + endOfText
}
