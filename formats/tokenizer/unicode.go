package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalForm brings t into a Unicode normal form. The characters come from
// golang.org/x/text; decomposition and composition are followed here one
// character at a time (Unicode Standard Annex 15) to keep the alignment.
func normalForm(t text, form norm.Form) text {
	if form.IsNormalString(t.s) {
		return t
	}
	decomposed, compose := norm.NFD, form == norm.NFC || form == norm.NFKC
	if form == norm.NFKC || form == norm.NFKD {
		decomposed = norm.NFKD
	}
	changes := decompose(t.s, decomposed)
	if compose {
		changes = recompose(changes)
	}
	return t.rewrite(changes, 0)
}

func combiningClass(r rune) uint8 {
	if r < 0x300 || unicode.Is(formless, r) {
		return 0
	}
	var buf [utf8.UTFMax]byte
	return norm.NFD.Properties(utf8.AppendRune(buf[:0], r)).CCC()
}

// decompose splits every character and puts runs of combining marks into
// canonical order.
func decompose(s string, form norm.Form) []change {
	changes := make([]change, 0, len(s))
	sorted := 0
	settle := func() {
		if marks := changes[sorted:]; len(marks) > 1 {
			slices.SortStableFunc(marks, func(a, b change) int {
				return int(combiningClass(a.r)) - int(combiningClass(b.r))
			})
		}
		sorted = len(changes)
	}
	push := func(r rune, kind int) {
		if combiningClass(r) == 0 {
			settle()
			changes = append(changes, change{r, kind})
			sorted = len(changes)
			return
		}
		changes = append(changes, change{r, kind})
	}
	for i, r := range s {
		if r < utf8.RuneSelf || unicode.Is(formless, r) {
			push(r, 0)
			continue
		}
		kind := 0
		for _, d := range form.String(s[i : i+utf8.RuneLen(r)]) {
			push(d, kind)
			kind = 1
		}
	}
	settle()
	return changes
}

// recompose joins starters with the marks that follow them. The change of a
// composed character counts the characters it swallowed.
func recompose(in []change) []change {
	out := make([]change, 0, len(in))
	starter := -1 // index in out
	last := -1    // combining class of the last mark that was not composed
	for _, c := range in {
		class := int(combiningClass(c.r))
		if starter >= 0 && last < class || starter >= 0 && last == -1 {
			if r, ok := composePair(out[starter].r, c.r); ok {
				out[starter] = change{r, out[starter].kind + c.kind - 1}
				continue
			}
		}
		out = append(out, c)
		if class == 0 {
			starter, last = len(out)-1, -1
		} else if starter >= 0 {
			last = class
		}
	}
	return out
}

// composePair returns the primary composite of two characters, if there is one.
func composePair(a, b rune) (rune, bool) {
	if b < 0x300 {
		return 0, false
	}
	pair := string(a) + string(b)
	composed := norm.NFC.String(pair)
	r, size := utf8.DecodeRuneInString(composed)
	if size != len(composed) {
		return 0, false
	}
	if unicode.Is(formless, r) || unicode.Is(formless, a) || unicode.Is(formless, b) {
		return 0, false
	}
	// The pair may also have composed after a reordering, which is not this
	// pair's composition.
	return r, norm.NFD.String(composed) == norm.NFD.String(string(a))+string(b)
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	return unicode.Is(wordChars, r)
}

func isPunctuation(r rune) bool { return unicode.Is(punctuation, r) }

func isNumber(r rune) bool { return unicode.Is(numbers, r) }

// newRuneTable makes a table of characters and ranges of characters, in hexadecimal and in
// order: "A 10-1F".
func newRuneTable(ranges string) *unicode.RangeTable {
	t := &unicode.RangeTable{}
	for r := range strings.FieldsSeq(ranges) {
		low, high, isRange := strings.Cut(r, "-")
		if !isRange {
			high = low
		}
		first, last := fromHex(low), fromHex(high)
		if last <= 0xFFFF {
			t.R16 = append(t.R16, unicode.Range16{Lo: uint16(first), Hi: uint16(last), Stride: 1})
			if last <= unicode.MaxLatin1 {
				t.LatinOffset++
			}
			continue
		}
		if first <= 0xFFFF {
			t.R16 = append(t.R16, unicode.Range16{Lo: uint16(first), Hi: 0xFFFF, Stride: 1})
			first = 0x10000
		}
		t.R32 = append(t.R32, unicode.Range32{Lo: first, Hi: last, Stride: 1})
	}
	return t
}

func fromHex(s string) (n uint32) {
	for _, c := range []byte(s) {
		if c -= '0'; c > 9 {
			c -= 'A' - '0' - 10
		}
		n = n<<4 | uint32(c)
	}
	return n
}
