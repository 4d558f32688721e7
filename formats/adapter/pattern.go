package adapter

import (
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout bounds a regular expression from an adapter of unknown origin.
const matchTimeout = time.Second

// matchesEnd reports whether pattern, a regular expression of Python, matches
// path or its end after a dot: the rule of rank_pattern and alpha_pattern.
func matchesEnd(pattern, path string) (bool, error) {
	if isPlain(pattern) {
		return matchesPlain(pattern, path), nil
	}
	return match(pattern, `^(?:.*\.)?(?:`+pattern+`)$`, path)
}

// matchesWhole reports whether pattern, a regular expression of Python, matches
// all of path: the rule of target_modules.
func matchesWhole(pattern, path string) (bool, error) {
	return match(pattern, `^(?:`+pattern+`)$`, path)
}

// isPlain reports whether pattern consists of what stands in module paths only.
// Adapters may have a pattern for every module, and comparing is far faster.
func isPlain(pattern string) bool {
	return strings.IndexFunc(pattern, func(r rune) bool {
		return r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// matchesPlain is matchesEnd for a plain pattern, in which only the dot, any one
// character, is special.
func matchesPlain(pattern, path string) bool {
	start := len(path) - len(pattern)
	if start < 0 || start > 0 && path[start-1] != '.' {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '.' && pattern[i] != path[start+i] {
			return false
		}
	}
	return true
}

// match uses regexp2 because Python's expressions may look ahead and behind,
// which Go's cannot.
func match(pattern, anchored, path string) (bool, error) {
	re, err := regexp2.Compile(anchored)
	if err != nil {
		return false, fmt.Errorf("%q is not a regular expression: %w", pattern, err)
	}
	re.MatchTimeout = matchTimeout
	ok, err := re.MatchString(path)
	if err != nil {
		return false, fmt.Errorf("matching %q: %w", pattern, err)
	}
	return ok, nil
}
