package tokenizer

import (
	"maps"
	"slices"
	"unicode"
)

// cutScripts cuts where the script of writing changes; Chinese and Japanese are one.
func cutScripts(t text, emit func(text) error) error {
	last := ""
	start := -1 // what comes before the first character of any script is dropped
	for i, r := range t.s {
		script := scriptOf(r)
		if script == "" {
			continue
		}
		if script != last {
			if start >= 0 {
				if err := emit(t.slice(start, i)); err != nil {
					return err
				}
			}
			start = i
		}
		last = script
	}
	if start < 0 {
		return nil
	}
	return emit(t.slice(start, len(t.s)))
}

var scriptNames = func() []string {
	names := slices.Sorted(maps.Keys(unicode.Scripts))
	// The commonest first, for the search goes from the front.
	for _, name := range []string{"Han", "Cyrillic", "Common", "Latin"} {
		i := slices.Index(names, name)
		names = slices.Insert(slices.Delete(names, i, i+1), 0, name)
	}
	return names
}()

// scriptOf is the name of r's script; the space and characters that are not
// assigned go with any.
func scriptOf(r rune) string {
	switch r {
	case ' ':
		return ""
	case 'ー':
		return "Han"
	}
	for _, name := range scriptNames {
		if unicode.Is(unicode.Scripts[name], r) {
			if name == "Hiragana" || name == "Katakana" {
				return "Han"
			}
			return name
		}
	}
	return ""
}
