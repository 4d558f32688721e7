package chat

import (
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/conversation"
)

// BenchmarkRender lays out conversations of six messages and 2.4 kB and finds
// what is trained of them.
func BenchmarkRender(b *testing.B) {
	text := strings.Repeat("The river is long and the boat is slow. ", 10)
	var c conversation.Conversation
	for range 3 {
		c.Messages = append(c.Messages, conversation.Message{Role: "user", Content: text}, conversation.Message{Role: "assistant", Content: text})
	}
	for _, name := range []string{"llama3", "qwen2", "mistral", "smollm"} {
		source := loadTemplate(b, name)
		for kind, source := range map[string]string{"marked": source, "unmarked": withoutGeneration(source)} {
			t := mustNew(b, name, source)
			b.Run(name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := t.Render(c, Options{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}
