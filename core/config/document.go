package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Document is docs/config.md: a page about every key, made of the table of keys.
func Document() string {
	var b strings.Builder
	b.WriteString(documentHead)
	config := reflect.ValueOf(newConfig()).Elem()
	for i := range tables {
		t := &tables[i]
		into := config
		switch {
		case t.List:
			into = reflect.ValueOf(&Dataset{}).Elem()
		case t.Name != "":
			into = field(config, t.Name)
		}
		documentTable(&b, t, into)
	}
	documentExclusive(&b)
	documentUnavailable(&b)
	return b.String()
}

const documentHead = "<!-- Made by `go generate ./core/config` from the table of keys. Do not edit. -->\n" + `
# lora.toml

The smallest file that trains:

` + "```toml" + `
base_model = "models/SmolLM2-135M"
output_dir = "out/first"

[[datasets]]
path = "records.jsonl"
type = "alpaca"
` + "```" + `

Every other key has a default. A key that is unknown, stands in the wrong table or has a value that it cannot have is an
error; all errors are reported at once, each with its place and the likely fix. ` + "`loraedge check lora.toml`" + ` shows them
without training.

Relative paths begin at the folder of lora.toml, ` + "`~/`" + ` at the home folder. ` + "`embedded:…`" + ` is what the binary carries.

` + "`--set table.key=value`" + ` overrides the file for one run, and may be repeated:

` + "```" + `
loraedge run lora.toml --set train.learning_rate=1e-4 --set data.chat_template=chatml --set datasets.0.limit=100
` + "```" + `

The value is TOML; a bare word is a string. Entries of ` + "`[[datasets]]`" + ` are counted from 0. An override of one of two keys
that exclude each other replaces the other.
`

func documentTable(b *strings.Builder, t *Table, into reflect.Value) {
	title := "Keys outside tables"
	if t.Name != "" {
		title = t.header()
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| key | may be | default | meaning |\n| --- | --- | --- | --- |\n", title, t.Doc)
	for _, k := range t.Keys {
		byDefault := "none"
		switch {
		case k.Required:
			byDefault = "**required**"
		case k.Default != "":
			byDefault = "`" + k.Default + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.Name, wants(t, &k, field(into, k.Name).Addr().Interface()), byDefault, k.Doc)
	}
}

func documentExclusive(b *strings.Builder) {
	b.WriteString("\n## Keys that exclude each other\n\nOnly one of each pair may be given:\n\n")
	for _, pair := range exclusive {
		fmt.Fprintf(b, "- `%s` and `%s`\n", pair[0], pair[1])
	}
}

func documentUnavailable(b *strings.Builder) {
	if len(unavailable) == 0 {
		return
	}
	b.WriteString("\n## Not available in this version\n\nThese are known and refused, never silently ignored:\n\n")
	for _, u := range unavailable {
		switch v := u.Value.(type) {
		case string:
			fmt.Fprintf(b, "- `%s = %q`\n", u.Key, v)
		case bool:
			fmt.Fprintf(b, "- `%s = %v`\n", u.Key, v)
		default:
			fmt.Fprintf(b, "- `%s` other than its default\n", u.Key)
		}
	}
}
