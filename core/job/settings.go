package job

import (
	"encoding/json"
	"reflect"

	"github.com/loraedge/loraedge/core/config"
)

// settings names the part of a run's identity that settingsOf makes.
const settings = "settings"

// settingsOf is the part of a configuration that a resumed run must share with
// the one that it goes on, as JSON.
func settingsOf(c *config.Config) (string, error) {
	text, err := json.Marshal([]any{c.Adapter, c.Train, c.Data, c.Seed})
	return string(text), err
}

// same compares a part of a run's identity with that of a checkpoint. Settings that
// the program did not know when the checkpoint was written had their defaults.
func same(what, before, now string) bool {
	if before == now || what != settings {
		return before == now
	}
	defaults, err := settingsOf(config.Default())
	if err != nil {
		return false
	}
	var parts [3][]any
	for i, text := range []string{before, now, defaults} {
		if json.Unmarshal([]byte(text), &parts[i]) != nil || len(parts[i]) != len(parts[0]) {
			return false
		}
	}
	for i := range parts[0] {
		if table, ok := parts[0][i].(map[string]any); ok {
			known, _ := parts[2][i].(map[string]any)
			for key, value := range known {
				if _, there := table[key]; !there {
					table[key] = value
				}
			}
		}
	}
	return reflect.DeepEqual(parts[0], parts[1])
}
