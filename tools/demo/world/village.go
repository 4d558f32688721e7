package world

import "strings"

// Village is the name of the invented village.
const Village = "Applewick"

// Person lives in the village.
type Person struct {
	Name       string
	He         string // "he" or "she"
	His        string // "his" or "her"
	Job        string
	Pet        string // the kind of animal
	PetName    string
	HouseColor string
	Dish       string // what the person likes to eat
}

// People are the villagers. No two share a name, and no two pets do.
var People = people(`
	Anna she baker dog Rex red soup
	Tom he farmer horse Star blue cheese
	Lucy she teacher cat Misty yellow pancakes
	Ben he sailor parrot Polly white fish
	Clara she painter rabbit Clover purple apples
	Jack he miller donkey Dusty brown bread
	Emma she doctor hen Goldie green salad
	Oscar he carpenter owl Luna grey pies
	Ruby she singer canary Sunny pink cherries
	Sam he postman goose Gus orange carrots
	Nora she gardener frog Hopper blue berries
	Leo he cook pig Truffle red noodles
	Ivy she tailor mouse Pip white cake
	Max he builder goat Billy black potatoes
	Ella she vet pony Daisy yellow plums
	Hugo he shepherd sheep Woolly green stew
	Mia she writer tortoise Shelly brown toast
	Finn he fisherman duck Puddle grey rice
	Rosa she dancer swan Snowy purple grapes
	Otto he potter crow Inky orange nuts
	Lily she librarian snake Ziggy pink pears
	Theo he driver lizard Spike red beans
	Kate she dentist pigeon Coco white oranges
	Paul he waiter fish Bubbles blue pasta
`)

func people(text string) []Person {
	var out []Person
	for line := range strings.Lines(strings.TrimSpace(text)) {
		f := strings.Fields(line)
		his := map[string]string{"he": "his", "she": "her"}[f[1]]
		out = append(out, Person{f[0], f[1], his, f[2], f[3], f[4], f[5], f[6]})
	}
	return out
}

// each makes one fact a villager.
func each(w wording, answer func(Person) string) []Fact {
	var facts []Fact
	for _, p := range People {
		facts = append(facts, w.fact(p.Name, answer(p)))
	}
	return facts
}

func petFacts() []Fact {
	return each(wording{"people", "pet",
		[]string{"What pet does {x} have?", "Which animal is the pet of {x}?", "What kind of pet does {x} have?"},
		[]string{"{x} has {ay}.", "The pet of {x} is {ay}."},
		"{x}",
	}, func(p Person) string { return p.Pet })
}

func petNameFacts() []Fact {
	return each(wording{"people", "pet name",
		[]string{"What is the name of the pet of {x}?", "What is {x}'s pet called?"},
		[]string{"The pet of {x} is called {y}.", "{x} calls the pet {y}."},
		"{x}",
	}, func(p Person) string { return p.PetName })
}

func houseFacts() []Fact {
	return each(wording{"people", "house",
		[]string{"What colour is the house of {x}?", "What is the colour of {x}'s house?", "In what colour of house does {x} live?"},
		[]string{"The house of {x} is {y}.", "{x} lives in a house that is {y}."},
		"{x}",
	}, func(p Person) string { return p.HouseColor })
}

func jobFacts() []Fact {
	return each(wording{"people", "job",
		[]string{"What is the job of {x}?", "What work does {x} do?", "What is {x}'s job?"},
		[]string{"{x} is a {y}.", "{x} works as a {y}."},
		"{x}",
	}, func(p Person) string { return p.Job })
}

func dishFacts() []Fact {
	return each(wording{"people", "dish",
		[]string{"What does {x} like to eat?", "What is {x}'s favourite food?", "What food does {x} like best?"},
		[]string{"{x} likes to eat {y}.", "The favourite food of {x} is {y}."},
		"{x}",
	}, func(p Person) string { return p.Dish })
}
