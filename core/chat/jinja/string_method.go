package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

type stringMethod func(s *state, v string, args arguments) (any, error)

var stringMethods map[string]stringMethod

func init() {
	stringMethods = map[string]stringMethod{
		"strip":        trim(strings.TrimFunc),
		"lstrip":       trim(strings.TrimLeftFunc),
		"rstrip":       trim(strings.TrimRightFunc),
		"upper":        plain(upper),
		"lower":        plain(lower),
		"casefold":     plain(func(v string) string { return cases.Fold().String(v) }),
		"title":        plain(title),
		"capitalize":   plain(capitalize),
		"swapcase":     plain(swapCase),
		"split":        split,
		"rsplit":       rsplit,
		"splitlines":   splitLines,
		"partition":    partition,
		"rpartition":   partitionLast,
		"startswith":   affix(strings.HasPrefix),
		"endswith":     affix(strings.HasSuffix),
		"removeprefix": cutAffix(strings.TrimPrefix),
		"removesuffix": cutAffix(strings.TrimSuffix),
		"replace":      replaceMethod,
		"join":         func(s *state, v string, args arguments) (any, error) { return s.join(args.take(0, "", nil), v) },
		"find":         find(strings.Index, false),
		"rfind":        find(strings.LastIndex, false),
		"index":        find(strings.Index, true),
		"rindex":       find(strings.LastIndex, true),
		"count":        countMethod,
		"isdigit":      all(unicode.IsDigit),
		"isdecimal":    all(unicode.IsDigit),
		"isnumeric":    all(unicode.IsNumber),
		"isalpha":      all(unicode.IsLetter),
		"isalnum":      all(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
		"isspace":      all(isSpace),
		"isascii": func(_ *state, v string, _ arguments) (any, error) {
			return isASCII(v), nil
		},
		"isupper": cased(unicode.IsLower),
		"islower": cased(unicode.IsUpper),
		"ljust":   justify(func(v, fill string, n int) string { return v + strings.Repeat(fill, n) }),
		"rjust":   justify(func(v, fill string, n int) string { return strings.Repeat(fill, n) + v }),
		"center":  justify(centered),
		"zfill":   zfill,
		"format":  formatMethod,
	}
}

func plain(f func(string) string) stringMethod {
	return func(_ *state, v string, _ arguments) (any, error) { return f(v), nil }
}

func stringArg(args arguments, i int, name string) (string, error) {
	v := args.take(i, name, nil)
	text, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("wants a string, not %s", typeName(v))
	}
	return text, nil
}

func intArg(args arguments, i int, name string, fallback int64) (int64, error) {
	v := args.take(i, name, fallback)
	n, ok := integer(v)
	if !ok {
		return 0, fmt.Errorf("wants an integer, not %s", typeName(v))
	}
	return n, nil
}

func trim(cut func(string, func(rune) bool) string) stringMethod {
	return func(_ *state, v string, args arguments) (any, error) {
		if args.take(0, "chars", nil) == nil {
			return cut(v, isSpace), nil
		}
		chars, err := stringArg(args, 0, "chars")
		return cut(v, func(r rune) bool { return strings.ContainsRune(chars, r) }), err
	}
}

// upper and lower change a character into several where Unicode says so, as in
// Python.
func upper(v string) string {
	if isASCII(v) {
		return strings.ToUpper(v)
	}
	return cases.Upper(language.Und).String(v)
}

func lower(v string) string {
	if isASCII(v) {
		return strings.ToLower(v)
	}
	return cases.Lower(language.Und).String(v)
}

func isASCII(v string) bool {
	return strings.IndexFunc(v, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

func title(v string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		was := inWord
		inWord = unicode.IsLetter(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToTitle(r)
	}, v)
}

func capitalize(v string) string {
	_, n := utf8.DecodeRuneInString(v)
	return cases.Title(language.Und).String(v[:n]) + lower(v[n:])
}

func swapCase(v string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, v)
}

func texts(parts []string) *List {
	l := &List{Items: make([]any, len(parts))}
	for i, p := range parts {
		l.Items[i] = p
	}
	return l
}

func split(s *state, v string, args arguments) (any, error) {
	limit, err := intArg(args, 1, "maxsplit", -1)
	if err != nil {
		return nil, err
	}
	if args.take(0, "sep", nil) == nil {
		return texts(splitSpace(v, limit)), s.made(16 * len(v))
	}
	sep, err := stringArg(args, 0, "sep")
	if err != nil {
		return nil, err
	}
	if sep == "" {
		return nil, fmt.Errorf("the separator is empty")
	}
	n := -1
	if limit >= 0 {
		n = int(min(limit, int64(len(v)))) + 1
	}
	return texts(strings.SplitN(v, sep, n)), s.made(16 * len(v))
}

// splitSpace cuts at runs of space, at most limit times unless it is negative.
func splitSpace(v string, limit int64) []string {
	var parts []string
	v = strings.TrimLeftFunc(v, isSpace)
	for v != "" {
		end := strings.IndexFunc(v, isSpace)
		if end < 0 || limit >= 0 && int64(len(parts)) == limit {
			return append(parts, v)
		}
		parts = append(parts, v[:end])
		v = strings.TrimLeftFunc(v[end:], isSpace)
	}
	return parts
}

func rsplit(s *state, v string, args arguments) (any, error) {
	limit, err := intArg(args, 1, "maxsplit", -1)
	if err != nil {
		return nil, err
	}
	if limit < 0 {
		return split(s, v, args)
	}
	sep, err := stringArg(args, 0, "sep")
	if err != nil {
		return nil, err
	}
	if sep == "" {
		return nil, fmt.Errorf("the separator is empty")
	}
	parts := strings.Split(v, sep)
	if over := len(parts) - 1 - int(min(limit, int64(len(v)))); over > 0 {
		parts = append([]string{strings.Join(parts[:over+1], sep)}, parts[over+1:]...)
	}
	return texts(parts), s.made(16 * len(v))
}

func splitLines(s *state, v string, args arguments) (any, error) {
	keep := truth(args.take(0, "keepends", false))
	var lines []string
	for v != "" {
		end := strings.IndexAny(v, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if end < 0 {
			lines = append(lines, v)
			break
		}
		_, n := utf8.DecodeRuneInString(v[end:])
		if strings.HasPrefix(v[end:], "\r\n") {
			n = 2
		}
		if keep {
			lines = append(lines, v[:end+n])
		} else {
			lines = append(lines, v[:end])
		}
		v = v[end+n:]
	}
	return texts(lines), s.made(16 * len(lines))
}

func partition(_ *state, v string, args arguments) (any, error) {
	sep, err := stringArg(args, 0, "sep")
	if err != nil {
		return nil, err
	}
	before, after, ok := strings.Cut(v, sep)
	if !ok {
		sep = ""
	}
	return &List{Items: []any{before, sep, after}, Tuple: true}, nil
}

func partitionLast(_ *state, v string, args arguments) (any, error) {
	sep, err := stringArg(args, 0, "sep")
	if err != nil {
		return nil, err
	}
	at := strings.LastIndex(v, sep)
	if at < 0 {
		return &List{Items: []any{"", "", v}, Tuple: true}, nil
	}
	return &List{Items: []any{v[:at], sep, v[at+len(sep):]}, Tuple: true}, nil
}

func affix(has func(s, affix string) bool) stringMethod {
	return func(_ *state, v string, args arguments) (any, error) {
		arg := args.take(0, "", nil)
		any := []any{arg}
		if l, ok := arg.(*List); ok && l.Tuple {
			any = l.Items
		}
		for _, a := range any {
			text, ok := a.(string)
			if !ok {
				return nil, fmt.Errorf("wants a string, not %s", typeName(a))
			}
			if has(v, text) {
				return true, nil
			}
		}
		return false, nil
	}
}

func cutAffix(cut func(s, affix string) string) stringMethod {
	return func(_ *state, v string, args arguments) (any, error) {
		text, err := stringArg(args, 0, "")
		return cut(v, text), err
	}
}

func replaceMethod(s *state, v string, args arguments) (any, error) {
	from, err := stringArg(args, 0, "old")
	if err != nil {
		return nil, err
	}
	to, err := stringArg(args, 1, "new")
	if err != nil {
		return nil, err
	}
	n, err := intArg(args, 2, "count", -1)
	if err != nil {
		return nil, err
	}
	count := strings.Count(v, from)
	if n >= 0 {
		count = int(min(int64(count), n))
	}
	if count > 0 && len(to) > maxOutput/count {
		return nil, errSize
	}
	if err := s.made(len(v) + count*len(to)); err != nil {
		return nil, err
	}
	return strings.Replace(v, from, to, count), nil
}

func find(search func(s, sub string) int, must bool) stringMethod {
	return func(_ *state, v string, args arguments) (any, error) {
		sub, err := stringArg(args, 0, "")
		if err != nil {
			return nil, err
		}
		at := search(v, sub)
		if at < 0 {
			if must {
				return nil, fmt.Errorf("substring not found")
			}
			return int64(-1), nil
		}
		return int64(utf8.RuneCountInString(v[:at])), nil
	}
}

func countMethod(_ *state, v string, args arguments) (any, error) {
	sub, err := stringArg(args, 0, "")
	return int64(strings.Count(v, sub)), err
}

func all(is func(rune) bool) stringMethod {
	return func(_ *state, v string, _ arguments) (any, error) {
		return v != "" && strings.IndexFunc(v, func(r rune) bool { return !is(r) }) < 0, nil
	}
}

// cased says whether there are letters with case, and none of the other case.
func cased(other func(rune) bool) stringMethod {
	return func(_ *state, v string, _ arguments) (any, error) {
		hasCase := strings.IndexFunc(v, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsLower(r) }) >= 0
		return hasCase && strings.IndexFunc(v, other) < 0, nil
	}
}

func justify(pad func(v, fill string, n int) string) stringMethod {
	return func(s *state, v string, args arguments) (any, error) {
		width, err := intArg(args, 0, "", 0)
		if err != nil {
			return nil, err
		}
		fill := " "
		if len(args.positional) > 1 {
			if fill, err = stringArg(args, 1, ""); err != nil {
				return nil, err
			}
		}
		if width > maxOutput/utf8.UTFMax {
			return nil, errSize
		}
		if utf8.RuneCountInString(fill) != 1 {
			return nil, fmt.Errorf("wants one character to fill with")
		}
		n := int(width) - utf8.RuneCountInString(v)
		if n <= 0 {
			return v, nil
		}
		return pad(v, fill, n), nil
	}
}

func centered(v, fill string, n int) string {
	// As CPython: the odd one goes left where the width is odd, too.
	left := n/2 + n&1&(n+utf8.RuneCountInString(v))
	return strings.Repeat(fill, left) + v + strings.Repeat(fill, n-left)
}

func zfill(_ *state, v string, args arguments) (any, error) {
	width, err := intArg(args, 0, "", 0)
	if err != nil {
		return nil, err
	}
	if width > maxOutput {
		return nil, errSize
	}
	sign := ""
	if v != "" && (v[0] == '-' || v[0] == '+') {
		sign, v = v[:1], v[1:]
	}
	n := max(0, int(width)-len(sign)-utf8.RuneCountInString(v))
	return sign + strings.Repeat("0", n) + v, nil
}
