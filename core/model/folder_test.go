package model_test

import (
	"os"
	"path/filepath"
	"testing"
)

func writeFolder(t *testing.T, dir string, config []byte, weights string) {
	t.Helper()
	content, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	for name, bytes := range map[string][]byte{"config.json": config, "model.safetensors": content} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
