package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder turns the texts of tokens into pieces of the decoded text.
type decoder func([]string) []string

func parseDecoder(n node) (decoder, error) {
	if n.null() {
		return nil, nil
	}
	kind, err := n.kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "Sequence":
		all, err := sequence(n, "decoders", parseDecoder)
		return func(in []string) []string {
			for _, d := range all {
				in = d(in)
			}
			return in
		}, err
	case "ByteLevel":
		return decodeByteLevel, nil
	case "ByteFallback":
		return decodeByteFallback, nil
	case "Fuse":
		return func(in []string) []string { return []string{strings.Join(in, "")} }, nil
	case "Strip":
		return parseStripDecoder(n)
	case "Replace":
		return parseReplaceDecoder(n)
	case "Metaspace":
		return parseMetaspaceDecoder(n)
	case "WordPiece":
		return parseWordPieceDecoder(n)
	case "CTC":
		return parseCTCDecoder(n)
	case "BPEDecoder":
		suffix, err := n.strOr("suffix", "</w>")
		return func(in []string) []string {
			return mapEach(in, func(i int, s string) string {
				if i == len(in)-1 {
					return strings.ReplaceAll(s, suffix, "")
				}
				return strings.ReplaceAll(s, suffix, " ")
			})
		}, err
	}
	return nil, n.unsupported("decoder", kind)
}

func mapEach(in []string, f func(i int, s string) string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = f(i, s)
	}
	return out
}

func decodeByteLevel(in []string) []string {
	var b []byte
	for _, s := range in {
		b = appendBytes(b, s)
	}
	return []string{lossy(b)}
}

// decodeByteFallback joins runs of `<0xNN>` tokens to text; each byte of a run that
// is not UTF-8 becomes a replacement character.
func decodeByteFallback(in []string) []string {
	var out []string
	var run []byte
	flush := func() {
		if len(run) > 0 && utf8.Valid(run) {
			out = append(out, string(run))
		} else {
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, s := range in {
		if b, ok := byteToken(s); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, s)
	}
	flush()
	return out
}

// byteToken reads `<0xNN>`.
func byteToken(s string) (byte, bool) {
	if len(s) != 6 || !strings.HasPrefix(s, "<0x") || s[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(s[3:5], 16, 8)
	return byte(b), err == nil
}

func parseStripDecoder(n node) (decoder, error) {
	content, err := n.str("content")
	if err != nil {
		return nil, err
	}
	start, err := n.intOr("start", 0)
	if err != nil {
		return nil, err
	}
	stop, err := n.intOr("stop", 0)
	if content == "" {
		return nil, n.at("content").errorf("is empty, want one character")
	}
	return func(in []string) []string {
		return mapEach(in, func(_ int, s string) string {
			for i := 0; i < start && strings.HasPrefix(s, content); i++ {
				s = s[len(content):]
			}
			for i := 0; i < stop && strings.HasSuffix(s, content); i++ {
				s = s[:len(s)-len(content)]
			}
			return s
		})
	}, err
}

func parseReplaceDecoder(n node) (decoder, error) {
	m, content, err := n.replacement()
	return func(in []string) []string {
		return mapEach(in, func(_ int, s string) string {
			var b strings.Builder
			last := 0
			// A pattern that gives up leaves the rest as it is: decoding is for
			// showing text, and has no error.
			_ = m.matches(s, func(start, end int) {
				b.WriteString(s[last:start])
				b.WriteString(content)
				last = end
			})
			b.WriteString(s[last:])
			return b.String()
		})
	}, err
}

func parseMetaspaceDecoder(n node) (decoder, error) {
	replacement, scheme, err := n.metaspace()
	return func(in []string) []string {
		return mapEach(in, func(i int, s string) string {
			if i == 0 && scheme != "never" {
				return strings.ReplaceAll(s, replacement, "")
			}
			return strings.ReplaceAll(s, replacement, " ")
		})
	}, err
}

func parseWordPieceDecoder(n node) (decoder, error) {
	prefix, err := n.strOr("prefix", "##")
	if err != nil {
		return nil, err
	}
	clean, err := n.boolOr("cleanup", true)
	return func(in []string) []string {
		return mapEach(in, func(i int, s string) string {
			if i > 0 {
				if rest, inside := strings.CutPrefix(s, prefix); inside {
					s = rest
				} else {
					s = " " + s
				}
			}
			if clean {
				return cleanUp(s)
			}
			return s
		})
	}, err
}

// cleanUp takes out the spaces that cutting English into words puts in.
func cleanUp(s string) string {
	for _, r := range [][2]string{
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	return s
}

// parseCTCDecoder is that of speech models: a token that comes several times in a row is
// one, and the padding between them goes.
func parseCTCDecoder(n node) (decoder, error) {
	pad, err := n.strOr("pad_token", "<pad>")
	if err != nil {
		return nil, err
	}
	delimiter, err := n.strOr("word_delimiter_token", "|")
	if err != nil {
		return nil, err
	}
	clean, err := n.boolOr("cleanup", true)
	return func(in []string) []string {
		var out []string
		for i, s := range in {
			if i > 0 && s == in[i-1] {
				continue
			}
			s = replaceAll(s, pad, "")
			if clean {
				s = replaceAll(cleanUp(s), delimiter, " ")
			}
			if s != "" {
				out = append(out, s)
			}
		}
		return out
	}, err
}

// replaceAll leaves s alone where old is empty.
func replaceAll(s, old, to string) string {
	if old == "" {
		return s
	}
	return strings.ReplaceAll(s, old, to)
}
