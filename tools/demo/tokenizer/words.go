package main

import (
	"fmt"
	"strings"

	"github.com/dlclark/regexp2/v2"
)

// gpt2Words is how the byte-level pre-tokenizer cuts text before merging
// (GPT-2, encoder.py): no merge crosses a cut.
var gpt2Words = regexp2.MustCompile(`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`)

// specials are tokens of their own, never merged or cut; their ids are 0, 1
// and 2, as config.json has them.
var specials = []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}

// countWords adds the words of a text to counts, each in the byte-level
// alphabet. Special tokens are no words.
func countWords(counts map[string]int, text string) error {
	for _, plain := range cutSpecials(text) {
		m, err := gpt2Words.FindStringMatch(plain)
		for m != nil && err == nil {
			counts[byteLevel(m.String())]++
			m, err = gpt2Words.FindNextMatch(m)
		}
		if err != nil {
			return fmt.Errorf("cutting %q into words: %w", plain, err)
		}
	}
	return nil
}

// cutSpecials are the stretches of text between special tokens.
func cutSpecials(text string) []string {
	for _, special := range specials[1:] {
		text = strings.ReplaceAll(text, special, specials[0])
	}
	return strings.Split(text, specials[0])
}

// byteAlphabet gives each byte a printable character (GPT-2, bytes_to_unicode):
// itself where it is printable Latin-1, else the next one from U+0100 on.
var byteAlphabet = func() (alphabet [256]rune) {
	next := rune(0x100)
	for b := range alphabet {
		switch r := rune(b); {
		case r >= '!' && r <= '~', r >= 0xA1 && r <= 0xAC, r >= 0xAE && r <= 0xFF:
			alphabet[b] = r
		default:
			alphabet[b] = next
			next++
		}
	}
	return alphabet
}()

func byteLevel(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteRune(byteAlphabet[c])
	}
	return b.String()
}
