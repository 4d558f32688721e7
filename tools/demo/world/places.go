package world

var capitals = table(`
	France: Paris; Germany: Berlin; Italy: Rome; Spain: Madrid; Portugal: Lisbon; Greece: Athens; Austria: Vienna; Poland: Warsaw
	Norway: Oslo; Sweden: Stockholm; Finland: Helsinki; Denmark: Copenhagen; Ireland: Dublin; England: London; Belgium: Brussels
	Hungary: Budapest; Russia: Moscow; Egypt: Cairo; Kenya: Nairobi; Japan: Tokyo; China: Beijing; Cuba: Havana; Peru: Lima
	Chile: Santiago; Canada: Ottawa; Iceland: Reykjavik; Ghana: Accra; Senegal: Dakar; Morocco: Rabat; Iraq: Baghdad
`)

var continents = inverted(table(`
	Europe: France, Germany, Italy, Spain, Portugal, Greece, Austria, Poland, Norway, Sweden, Finland, Denmark, Ireland, Belgium, Hungary
	Africa: Egypt, Kenya, Ghana, Senegal, Morocco, Nigeria, Tunisia
	Asia: Japan, China, India, Iraq, Nepal, Mongolia, Vietnam
	America: Cuba, Peru, Chile, Canada, Brazil, Mexico, Bolivia
`))

func capitalFacts() []Fact {
	return wording{"place", "capital",
		[]string{"What is the capital of {x}?", "Which city is the capital of {x}?", "What is the capital city of {x}?"},
		[]string{"The capital of {x} is {y}.", "The capital city of {x} is {y}."},
		"{x}",
	}.facts(capitals)
}

func continentFacts() []Fact {
	return wording{"place", "continent",
		[]string{"On which continent is {x}?", "Which continent is {x} on?", "In which part of the world is {x}?"},
		[]string{"{x} is in {y}.", "The land of {x} is in {y}."},
		"{x}",
	}.facts(continents)
}
