package world

var opposites = table(`
	hot: cold; big: small; long: short; fast: slow; up: down; day: night; happy: sad; old: young; wet: dry; hard: soft
	full: empty; open: closed; light: dark; loud: quiet; good: bad; rich: poor; strong: weak; early: late; left: right
	clean: dirty; thick: thin; high: low; near: far; in: out; true: false; first: last; sweet: sour
	push: pull; win: lose; buy: sell; begin: end; wide: narrow; deep: shallow; sharp: blunt; brave: afraid; always: never
	above: below; before: after; inside: outside; cheap: expensive; easy: difficult; asleep: awake; rough: smooth
`)

var plurals = table(`
	mouse: mice; child: children; foot: feet; tooth: teeth; goose: geese; man: men; woman: women; ox: oxen; leaf: leaves
	wolf: wolves; knife: knives; life: lives; wife: wives; loaf: loaves; shelf: shelves; half: halves; calf: calves
	sheep: sheep; fish: fish; deer: deer; cat: cats; dog: dogs; house: houses; box: boxes; fox: foxes; bus: buses
	glass: glasses; dish: dishes; watch: watches; church: churches; baby: babies; city: cities; story: stories; fly: flies
	lady: ladies; berry: berries; puppy: puppies; potato: potatoes; tomato: tomatoes; hero: heroes; key: keys; day: days
	boy: boys; toy: toys; tree: trees; book: books; apple: apples; star: stars; bird: birds; hen: hens
`)

var pasts = table(`
	go: went; see: saw; eat: ate; run: ran; come: came; give: gave; take: took; make: made; find: found; think: thought
	bring: brought; buy: bought; catch: caught; teach: taught; fly: flew; grow: grew; know: knew; throw: threw; draw: drew
	write: wrote; ride: rode; drive: drove; break: broke; speak: spoke; wake: woke; sing: sang; swim: swam; drink: drank
	begin: began; sit: sat; stand: stood; sleep: slept; keep: kept; feel: felt; leave: left; lose: lost; tell: told
	sell: sold; say: said; pay: paid; hear: heard; hold: held; win: won; fall: fell; walk: walked; play: played; jump: jumped
`)

func oppositeFacts() []Fact {
	return wording{"word", "opposite",
		[]string{"What is the opposite of {x}?", "Which word is the opposite of {x}?", "What word means the opposite of {x}?"},
		[]string{"The opposite of {x} is {y}.", "{X} and {y} are opposites."},
		"{x}",
	}.facts(bothWays(opposites))
}

func pluralFacts() []Fact {
	return wording{"word", "plural",
		[]string{"What is the plural of {x}?", "Which word is the plural of {x}?", "What do we call more than one {x}?"},
		[]string{"The plural of {x} is {y}.", "One {x}, two {y}."},
		"{x}",
	}.facts(plurals)
}

func pastFacts() []Fact {
	return wording{"word", "past",
		[]string{"What is the past tense of {x}?", "Which word is the past tense of {x}?", "What is the past form of {x}?"},
		[]string{"The past tense of {x} is {y}.", "Today I {x}, yesterday I {y}."},
		"{x}",
	}.facts(pasts)
}
