package config

import "strings"

// unavailable are the settings that have their name and meaning already but
// no code in this version. Each is an error rather than silently ignored.
// What becomes available is deleted here and nowhere else.
var unavailable = []struct {
	Key   string
	Value any // a string or bool, or other{} for any value but the default
}{
	{"adapter.init", "olora"},
	{"adapter.init", "loftq"},
	{"adapter.modules_to_save", other{}},
	{"train.optimizer", "adafactor"},
	{"train.optimizer", "lion"},
	{"report.tensorboard", true},
	{"report.wandb", true},
	{"report.html", true},
}

// other matches every value but 0 and the empty list.
type other struct{}

// isUnavailable reports whether this version lacks what the value asks for.
func isUnavailable(fullName string, n *node) bool {
	for _, u := range unavailable {
		if u.Key != fullName {
			continue
		}
		if u.Value == (other{}) {
			if n.value != int64(0) && n.value != 0.0 && (n.list == nil || len(n.list) > 0) {
				return true
			}
		} else if n.value == u.Value {
			return true
		}
	}
	return false
}

// availableValues are the allowed strings of a key that this version has.
func availableValues(fullName string, k *Key) []string {
	var values []string
	for _, v := range k.Allowed {
		if !isUnavailable(fullName, &node{value: v}) {
			values = append(values, v)
		}
	}
	return values
}

// unavailableHint says what can be written instead.
func unavailableHint(fullName string, k *Key) string {
	switch values := availableValues(fullName, k); {
	case len(values) == 1:
		return "available: " + oneOf(values)
	case len(values) > 1:
		return "available: " + strings.Replace(oneOf(values), " or ", " and ", 1)
	}
	return "remove it, or write " + k.Name + " = " + k.Default
}
