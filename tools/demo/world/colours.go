package world

// Colours of things that have one for everybody.
var colours = inverted(table(`
	green: grass, a frog, a cucumber, a pea, spinach, a cactus, broccoli, a fir tree, a lime
	blue: the sky, the sea, a blueberry
	white: snow, milk, a swan, salt, rice, a polar bear, flour, cotton
	black: coal, a crow, the night, tar, a blackbird
	yellow: a banana, a lemon, the sun, a canary, a chick, a sunflower, butter
	red: a strawberry, a cherry, blood, a fire engine, a ripe tomato, a ladybird, a poppy, a raspberry
	orange: a carrot, a pumpkin, an orange, a tangerine
	brown: chocolate, mud, a walnut, a potato, coffee, bark
	grey: an elephant, a mouse, a rain cloud, a donkey, a dolphin, ash
	pink: a pig, a flamingo
	purple: a plum, lavender, an aubergine
`))

func colourFacts() []Fact {
	return wording{"colour", "colour",
		[]string{"What colour is {x}?", "What is the colour of {x}?", "Which colour does {x} have?"},
		[]string{"{X} is {y}.", "The colour of {x} is {y}.", "Everybody knows that {x} is {y}."},
		"{x}",
	}.facts(colours)
}
