package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// withoutTerminal starts a copy of the program in dir as a double click does:
// no arguments, no terminal, another working folder.
func withoutTerminal(t *testing.T, dir string) (string, error) {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "loraedge.exe")
	if err := os.WriteFile(program, content, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), asProgram+"=1")
	text, err := c.CombinedOutput()
	return string(text), err
}

func TestDoubleClickRunsTheFileBesideTheProgram(t *testing.T) {
	dir := t.TempDir()
	err := writeFiles(dir, map[string]string{"data.jsonl": tinyData(8), "lora.toml": `
base_model = '` + tinyModel + `'
output_dir = "out"
[[datasets]]
path = "data.jsonl"
type = "completion"
[data]
sequence_len = 64
[train]
max_steps = 1
`})
	if err != nil {
		t.Fatal(err)
	}
	text, err := withoutTerminal(t, dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(dir, "out", "adapter_model.safetensors")); err != nil {
		t.Errorf("no adapter: %v\n%s", err, text)
	}
}

func TestDoubleClickWithoutFile(t *testing.T) {
	text, err := withoutTerminal(t, t.TempDir())
	if err != nil || !strings.Contains(text, "put a lora.toml beside") || !strings.Contains(text, "Usage:") {
		t.Errorf("%v\n%s", err, text)
	}
}
