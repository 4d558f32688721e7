package corpus

import (
	"strings"

	"github.com/loraedge/loraedge/tools/demo/world"
)

// turn lays out a message as the chat template of the demo model does.
func turn(role, content string) string {
	return "<|im_start|>" + role + "\n" + content + "<|im_end|>\n"
}

var systems = []string{
	"You are a friendly teacher.",
	"You are a helpful friend from " + world.Village + ".",
	"Answer the questions.",
}

// smallTalk are turns that ask for no fact.
var smallTalk = []struct{ user, assistant string }{
	{"Hello!", "Hello! What would you like to know?"},
	{"Good morning!", "Good morning! How can I help you?"},
	{"Hi, can you help me?", "Of course. What is your question?"},
	{"Thank you!", "You are welcome."},
	{"Thanks, that was helpful.", "I am glad to hear it."},
	{"Who are you?", "I am a very small language model from " + world.Village + "."},
	{"Goodbye!", "Goodbye! Have a nice day."},
	{"What can you do?", "I can answer simple questions about animals, words, numbers and the people of " + world.Village + "."},
}

// chat is a conversation of a few questions, each answered in one sentence.
func (g *Generator) chat() string {
	var b strings.Builder
	if g.rng.IntN(8) == 0 {
		b.WriteString(turn("system", pick(g, systems)))
	}
	for range g.between(1, 5) {
		if g.rng.IntN(12) == 0 {
			talk := pick(g, smallTalk)
			b.WriteString(turn("user", talk.user) + turn("assistant", talk.assistant))
			continue
		}
		f := g.fact()
		b.WriteString(turn("user", pick(g, f.Questions)) + turn("assistant", f.Sentences[0]))
	}
	return b.String()
}
