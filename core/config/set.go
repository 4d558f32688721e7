package config

import (
	"fmt"
	"strconv"
	"strings"
)

// overlaySets lays --set overrides over the file, in their order: a later one
// wins over an earlier one and over the file.
func overlaySets(root *node, sets []string) Errors {
	var errs Errors
	overrides := make([]*node, 0, len(sets))
	for i, set := range sets {
		src := &source{file: commandLine, text: commandLine + " " + set, override: i + 1, shift: len(commandLine) + 1}
		override, err := parseSet(src, set)
		if err != nil {
			errs = append(errs, err...)
			continue
		}
		overrides = append(overrides, override)
	}
	for _, override := range overrides {
		yieldToOverride(root, override)
	}
	for _, override := range overrides {
		errs = append(errs, overlay(root, override)...)
	}
	return errs
}

// parseSet reads key=value. The value is TOML; what is no TOML and does not
// begin like a string, list or table is a bare word and means itself.
func parseSet(src *source, set string) (*node, Errors) {
	key, value, ok := strings.Cut(set, "=")
	if !ok {
		return nil, Errors{src.errorAt(span{0, len(set)}, "an override wants the form key=value",
			"for example --set train.learning_rate=1e-4")}
	}
	if override, errs := parseTree(src, set); errs == nil && assignments(override) == 1 {
		return override, nil
	} else if word := strings.TrimSpace(value); word != "" && strings.ContainsRune(`"'[{`, rune(word[0])) {
		if errs == nil {
			errs = Errors{src.errorAt(span{0, len(set)}, "an override sets one key", "give --set once for every key")}
		}
		return nil, errs
	}
	// The key is still TOML; only the value is not.
	override, errs := parseTree(src, key+`=""`)
	if errs != nil || assignments(override) != 1 {
		return nil, Errors{src.errorAt(span{0, len(key)}, fmt.Sprintf("%q is not a key", key),
			"keys are written table.key, for example train.learning_rate")}
	}
	leaf := override
	for leaf.table != nil {
		for _, leaf = range leaf.table {
		}
	}
	leaf.value = strings.TrimSpace(value)
	start := len(key) + 1 + len(value) - len(strings.TrimLeft(value, " \t\r\n"))
	leaf.at = span{start, start + len(leaf.value.(string))}
	return override, nil
}

// assignments counts the values that stand in tables.
func assignments(n *node) int {
	if n.table == nil {
		return 1
	}
	count := 0
	for _, child := range n.table {
		// A table written as a value, a={b=1,c=2}, is one assignment.
		if strings.HasPrefix(child.text(), "{") {
			count++
			continue
		}
		count += assignments(child)
	}
	return count
}

// overlay lays one override over base. An item of a list is named by its
// number from 0: datasets.0.path.
func overlay(base, over *node) Errors {
	var errs Errors
	for name, value := range over.table {
		old := base.table[name]
		switch {
		case old != nil && old.table != nil && value.table != nil:
			errs = append(errs, overlay(old, value)...)
		case old != nil && old.list != nil && value.table != nil:
			errs = append(errs, overlayItems(name, old, value)...)
		default:
			base.table[name] = value
		}
	}
	return errs
}

func overlayItems(name string, list, over *node) Errors {
	var errs Errors
	for number, value := range over.table {
		i, err := strconv.Atoi(number)
		switch {
		case err != nil:
			errs = append(errs, value.keyErrorf(fmt.Sprintf("write %s.0.%s for the first", name, number),
				"%s is a list: say which entry is meant, counted from 0", name))
		case i < 0 || i >= len(list.list):
			errs = append(errs, value.keyErrorf("entries are counted from 0", "there is no %s.%d: the number of entries is %d", name, i, len(list.list)))
		case list.list[i].table != nil && value.table != nil:
			errs = append(errs, overlay(list.list[i], value)...)
		default:
			list.list[i] = value
		}
	}
	return errs
}

// yieldToOverride drops a key of the file whose exclusive partner is
// overridden: --set train.max_steps=20 means it also where the file has
// num_epochs.
func yieldToOverride(root, override *node) {
	for _, pair := range exclusive {
		for i, key := range pair {
			if override.find(key) == nil {
				continue
			}
			table, name := splitKey(pair[1-i])
			if t := root.find(table); t != nil && t.table != nil {
				delete(t.table, name)
			}
		}
	}
}

// find returns the node at a dotted key, nil where there is none; "" is n.
func (n *node) find(key string) *node {
	if key == "" {
		return n
	}
	name, rest, _ := strings.Cut(key, ".")
	child := n.table[name]
	if child == nil {
		return nil
	}
	return child.find(rest)
}

// splitKey takes "train.max_steps" apart into table and name.
func splitKey(key string) (table, name string) {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}
