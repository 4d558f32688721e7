package datasets_test

import (
	"os"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/plugins/sdk"
)

// Every example of docs/data.md is a record of its type.
func TestDocumentedRecords(t *testing.T) {
	page, err := os.ReadFile("../../docs/data.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, block := range strings.Split(string(page), "```json ") {
		if i == 0 {
			continue
		}
		kind, rest, _ := strings.Cut(block, "\n")
		records, _, _ := strings.Cut(rest, "```")
		for record := range strings.Lines(records) {
			seen[kind]++
			if r := sdk.ConvertRecord(byName(t, kind), []byte(record), nil); r.Error != "" {
				t.Errorf("%s %s: %s", kind, record, r.Error)
			}
		}
	}
	for _, name := range []string{"alpaca", "messages", "sharegpt", "prompt", "completion", "preference", "kto"} {
		if seen[name] == 0 {
			t.Errorf("docs/data.md shows no %s", name)
		}
	}
}
