package suggest

import "testing"

func TestNearest(t *testing.T) {
	keys := []string{"learning_rate", "lr_scheduler", "lora_r", "lora_alpha", "warmup_steps", "warmup_ratio", "adamw", "constant", "cpu"}
	for _, c := range []struct{ word, want string }{
		{"lerning_rate", "learning_rate"},
		{"learning-rate", "learning_rate"},
		{"LearningRate", "learning_rate"},
		{"lora_aplha", "lora_alpha"},
		{"warmup_step", "warmup_steps"},
		{"warmup", "warmup_steps"},
		{"adamw_torch", "adamw"},
		{"constant_with_warmup", "constant"},
		{"cpus", "cpu"},
		{"r", ""},
		{"", ""},
		{"banana", ""},
	} {
		got, ok := Nearest(c.word, keys)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Nearest(%q) = %q, %v; want %q", c.word, got, ok, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0},
		{"kitten", "sitting", 3}, {"ab", "ba", 1}, {"ca", "abc", 3}, {"é", "e", 1},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
