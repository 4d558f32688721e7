package world

var sounds = table(`
	cow: moo; dog: woof; cat: meow; sheep: baa; duck: quack; pig: oink; horse: neigh; bee: buzz; snake: hiss
	crow: caw; frog: croak; mouse: squeak; owl: hoot; lion: roar; hen: cluck; wolf: howl; bird: tweet; donkey: heehaw
	goose: honk; turkey: gobble; pigeon: coo
`)

var legs = inverted(table(`
	2: hen, duck, swan, owl, crow, goose, pigeon, penguin, ostrich
	4: cow, dog, cat, sheep, pig, horse, mouse, lion, wolf, donkey, frog, elephant, fox, rabbit, goat, bear, tiger, camel, lizard, tortoise
	6: bee, ant, fly, beetle, butterfly, ladybird, wasp, moth
	8: spider, scorpion
	0: snake, worm, fish
`))

var young = table(`
	dog: puppy; cat: kitten; cow: calf; sheep: lamb; horse: foal; pig: piglet; hen: chick; duck: duckling; goat: kid
	bear: cub; goose: gosling; swan: cygnet; frog: tadpole; owl: owlet; deer: fawn; eagle: eaglet; kangaroo: joey
`)

var homes = table(`
	bee: hive; dog: kennel; horse: stable; spider: web; lion: den; bird: nest; rabbit: burrow; pig: sty; fish: river
	camel: desert; monkey: jungle; ant: hill; mole: tunnel; bat: cave; hen: coop; squirrel: tree
`)

var foods = table(`
	cow: grass; rabbit: clover; squirrel: nuts; monkey: bananas; panda: bamboo; cat: fish; mouse: cheese; bear: honey
	lion: meat; goat: leaves; spider: flies; frog: insects; bird: seeds; hen: corn; horse: hay; owl: mice; dog: bones
	donkey: thistles; anteater: ants
`)

func animals(pairs []pair) []pair {
	var out []pair
	for _, p := range pairs {
		out = append(out, pair{WithArticle(p.left), p.right})
	}
	return out
}

func soundFacts() []Fact {
	return wording{"animal", "sound",
		[]string{"What sound does {x} make?", "What does {x} say?", "Which sound does {x} make?"},
		[]string{"{X} says {y}.", "The sound of {x} is {y}."},
		"{x}",
	}.facts(animals(sounds))
}

func legFacts() []Fact {
	return wording{"animal", "legs",
		[]string{"How many legs does {x} have?", "What number of legs does {x} have?"},
		[]string{"{X} has {y} legs.", "If you count the legs of {x}, you get {y}."},
		"{x}",
	}.facts(animals(legs))
}

func youngFacts() []Fact {
	var facts []Fact
	for _, p := range young {
		facts = append(facts, wording{"animal", "young",
			[]string{"What is a young {x} called?", "What do we call a young {x}?", "What is the name for a baby {x}?"},
			[]string{"A young {x} is called {ay}.", "A baby {x} is called {ay}.", "We call a young {x} {ay}."},
			"{x}",
		}.fact(p.left, p.right))
	}
	return facts
}

func homeFacts() []Fact {
	return wording{"animal", "home",
		[]string{"Where does {x} live?", "What is the home of {x}?", "In what place does {x} live?"},
		[]string{"{X} lives in a {y}.", "The home of {x} is a {y}."},
		"{x}",
	}.facts(animals(homes))
}

func foodFacts() []Fact {
	return wording{"animal", "food",
		[]string{"What does {x} eat?", "What does {x} like to eat?", "What is good food for {x}?"},
		[]string{"{X} likes to eat {y}.", "Good food for {x} is {y}."},
		"{x}",
	}.facts(animals(foods))
}

// Sound is what an animal says, or "" where the world does not know it.
func Sound(animal string) string {
	for _, p := range sounds {
		if p.left == animal {
			return p.right
		}
	}
	return ""
}
