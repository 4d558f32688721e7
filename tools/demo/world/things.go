package world

// Workers by what they do: "who: does what".
var workers = table(`
	baker: bakes bread; farmer: grows corn; teacher: teaches children; doctor: helps sick people; pilot: flies planes
	sailor: sails ships; painter: paints pictures; tailor: makes clothes; gardener: plants flowers; cook: cooks meals
	fisherman: catches fish; carpenter: makes tables; miller: grinds flour; singer: sings songs; dancer: dances on a stage
	writer: writes books; driver: drives a bus; vet: helps sick animals; dentist: looks after teeth; shepherd: looks after sheep
	builder: builds houses; postman: brings letters; potter: makes clay pots; clown: makes people laugh; judge: sits in court
	hunter: hunts in the woods; waiter: serves food; king: wears a crown; librarian: lends books; goldsmith: makes rings
`)

var tools = table(`
	cut paper: scissors; write a letter: a pen; cut bread: a knife; eat soup: a spoon; drive in a nail: a hammer; sweep the floor: a broom
	dig a hole: a spade; open a lock: a key; climb a wall: a ladder; tell the time: a clock; dry our hands: a towel
	stay dry in the rain: an umbrella; cut wood: a saw; sew a button: a needle; brush our teeth: a toothbrush; tidy our hair: a comb
	wash our hands: soap; see small things: a lens; see far away stars: a telescope; catch fish: a net; cross a river: a bridge
	make a fire: a match; carry water: a bucket; paint a wall: a brush; sleep at night: a bed; boil water: a kettle
	take a photo: a camera; tie a parcel: string; find the north: a compass; light a dark room: a lamp
`)

var materials = inverted(table(`
	glass: a window, a bottle, a mirror
	wood: a table, a log, a fence, a plank
	paper: a book, a letter, a newspaper
	wool: a jumper, a scarf, a mitten
	gold: a crown, a wedding ring
	iron: a nail, an anvil, a horseshoe
	clay: a brick, a pot
	leather: a boot, a saddle, a belt
	stone: a castle, a statue
	wax: a candle, a honeycomb
	snow: a snowman, a snowball
	rubber: a tyre, a balloon
	flour: bread, pasta
	milk: cheese, butter
	water: ice, rain, steam
`))

var kinds = inverted(table(`
	fruit: an apple, a pear, a banana, a plum, a cherry, an orange, a peach, a grape
	vegetable: a carrot, a cabbage, a leek, a turnip, an onion, a radish
	flower: a rose, a tulip, a daisy, a poppy, a lily, a daffodil
	tree: an oak, a birch, a maple, a willow, a pine, a beech
	bird: an owl, a crow, a swan, an eagle, a robin, a parrot, a penguin
	insect: a bee, an ant, a fly, a beetle, a wasp, a moth
	fish: a salmon, a trout, a herring, a shark, a cod
	tool: a hammer, a saw, a drill, a spade
	instrument: a violin, a piano, a drum, a flute, a trumpet, a guitar
	metal: iron, gold, silver, copper, tin
	drink: tea, coffee, milk, juice, lemonade
	game: chess, football, tennis, hide and seek
	reptile: a snake, a lizard, a tortoise, a crocodile
	mammal: a dog, a cow, a whale, a bat, a horse
`))

var senses = table(`
	see: eyes; hear: ears; smell: nose; taste: tongue; walk: feet; bite: teeth; clap: hands; think: brain; breathe: lungs; wink: eyelids
`)

var sides = table(`triangle: 3; square: 4; rectangle: 4; pentagon: 5; hexagon: 6; octagon: 8; heptagon: 7; rhombus: 4; kite: 4`)

func workerFacts() []Fact {
	var facts []Fact
	for _, p := range workers {
		facts = append(facts, wording{"work", "worker",
			[]string{"Who " + p.right + "?", "Which person " + p.right + "?", "What do we call a person who " + p.right + "?"},
			[]string{"A {y} " + p.right + ".", "A person who " + p.right + " is a {y}."},
			"{x}",
		}.fact(p.right, p.left))
	}
	return facts
}

// noun is a tool without its article.
func noun(s string) string {
	for _, article := range []string{"a ", "an "} {
		if len(s) > len(article) && s[:len(article)] == article {
			return s[len(article):]
		}
	}
	return s
}

func toolFacts() []Fact {
	var facts []Fact
	for _, p := range tools {
		facts = append(facts, wording{"thing", "tool",
			[]string{"What do we use to {x}?", "Which thing do we use to {x}?", "What do people need to {x}?"},
			[]string{"We use " + p.right + " to {x}.", "To {x}, people need " + p.right + "."},
			"{x}",
		}.fact(p.left, noun(p.right)))
	}
	return facts
}

func materialFacts() []Fact {
	return wording{"thing", "material",
		[]string{"What is {x} made of?", "What is {x} mostly made of?", "Which material is {x} made of?"},
		[]string{"{X} is made of {y}.", "The material of {x} is {y}."},
		"{x}",
	}.facts(materials)
}

func kindFacts() []Fact {
	return wording{"thing", "kind",
		[]string{"What kind of thing is {x}?", "What sort of thing is {x}?"},
		[]string{"{X} is a kind of {y}.", "We say that {x} is a kind of {y}."},
		"{x}",
	}.facts(kinds)
}

func bodyFacts() []Fact {
	return wording{"body", "sense",
		[]string{"What do we {x} with?", "Which part of the body do we {x} with?", "What do people use to {x}?"},
		[]string{"We {x} with our {y}.", "To {x}, people use their {y}."},
		"{x}",
	}.facts(senses)
}

func shapeFacts() []Fact {
	return wording{"number", "shape",
		[]string{"How many sides does a {x} have?", "What number of sides does a {x} have?"},
		[]string{"A {x} has {y} sides.", "If you count the sides of a {x}, you get {y}."},
		"{x}",
	}.facts(sides)
}
