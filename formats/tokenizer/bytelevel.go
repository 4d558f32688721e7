package tokenizer

import "unicode/utf8"

// byteChars is GPT-2's alphabet of bytes (Radford et al. 2019): a byte that
// is a visible Latin-1 character stands for itself, the others are
// characters from U+0100 on in their order.
var byteChars = func() (chars [256]rune) {
	next := rune(0x100)
	for b := range 256 {
		switch {
		case '!' <= b && b <= '~', 0xA1 <= b && b <= 0xAC, 0xAE <= b && b <= 0xFF:
			chars[b] = rune(b)
		default:
			chars[b] = next
			next++
		}
	}
	return chars
}()

var charBytes = func() map[rune]byte {
	m := make(map[rune]byte, 256)
	for b, r := range byteChars {
		m[r] = byte(b)
	}
	return m
}()

// appendByteChars appends s with each byte as its character.
func appendByteChars(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = utf8.AppendRune(dst, byteChars[s[i]])
	}
	return dst
}

// appendBytes appends the bytes that token stands for, or token as it is
// where it has a character outside the alphabet.
func appendBytes(dst []byte, token string) []byte {
	start := len(dst)
	for _, r := range token {
		b, ok := charBytes[r]
		if !ok {
			return append(dst[:start], token...)
		}
		dst = append(dst, b)
	}
	return dst
}
