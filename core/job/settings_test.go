package job

import (
	"encoding/json"
	"testing"

	"github.com/loraedge/loraedge/core/config"
)

// A checkpoint of a program that did not know a setting goes on where the
// setting has its default.
func TestSettingsOfAnEarlierVersion(t *testing.T) {
	c := config.Default()
	now, err := settingsOf(c)
	if err != nil {
		t.Fatal(err)
	}
	var parts []any
	if err := json.Unmarshal([]byte(now), &parts); err != nil {
		t.Fatal(err)
	}
	delete(parts[1].(map[string]any), "power")
	delete(parts[1].(map[string]any), "plateau_patience")
	text, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	before := string(text)
	if !same(settings, now, now) || !same(settings, before, now) {
		t.Error("the same settings are taken for others")
	}
	c.Train.Power = 2
	other, err := settingsOf(c)
	if err != nil {
		t.Fatal(err)
	}
	if same(settings, now, other) || same(settings, before, other) || same(settings, "", now) || same(settings, "[]", now) || same("data", "a", "b") {
		t.Error("other settings are taken for the same")
	}
}
