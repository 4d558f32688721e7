package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/loraedge/loraedge/plugins/host"
)

// asProgram makes the test binary be loraedge.
const asProgram = "LORAEDGE_TEST_AS_PROGRAM"

// tinyModel is the folder of a model that this run of the tests made.
var tinyModel string

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" || slices.Equal(os.Args[1:], host.BuiltinArgs()) {
		main()
		return
	}
	testscript.Main(prepared{m}, map[string]func(){"loraedge": main})
}

// prepared makes the tiny model before the tests.
type prepared struct{ *testing.M }

func (p prepared) Run() int {
	dir, err := os.MkdirTemp("", "loraedge-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if tinyModel, err = makeModel(dir); err != nil {
		fmt.Fprintln(os.Stderr, "making the tiny model:", err)
		return 1
	}
	return p.M.Run()
}

const makeModelConfig = `
base_model = "config"
output_dir = "model"
[adapter]
kind = "full"
[[datasets]]
path = "data.jsonl"
type = "completion"
[data]
sequence_len = 64
[train]
from_scratch = true
max_steps = 1
`

// makeModel lets loraedge itself make a model of 50 thousand random weights:
// the goldens' llama with the vocabulary of one of the tokenizers' tests.
func makeModel(dir string) (string, error) {
	config, err := os.ReadFile("../../testdata/goldens/llama/config.json")
	if err != nil {
		return "", err
	}
	var fields map[string]any
	if err := json.Unmarshal(config, &fields); err != nil {
		return "", err
	}
	fields["vocab_size"], fields["max_position_embeddings"] = 520, 512
	if config, err = json.Marshal(fields); err != nil {
		return "", err
	}
	tokenizer, err := os.ReadFile("../../formats/tokenizer/testdata/smollm.json")
	if err != nil {
		return "", err
	}
	err = writeFiles(dir, map[string]string{
		"config/config.json": string(config), "config/tokenizer.json": string(tokenizer),
		"config/tokenizer_config.json": `{"bos_token": "<s>", "eos_token": "</s>"}`,
		"data.jsonl":                   tinyData(8), "lora.toml": makeModelConfig,
	})
	if err != nil {
		return "", err
	}
	program := command(dir, "run", "lora.toml")
	if text, err := program.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return filepath.Join(dir, "model"), nil
}

// command is loraedge with these arguments, in a folder.
func command(dir string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	if path, err := os.Executable(); err == nil {
		c.Path = path
	}
	c.Dir = dir
	c.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+dir)
	return c
}

// tinyData is a .jsonl of so many completion records.
func tinyData(records int) string {
	text := ""
	for i := range records {
		text += fmt.Sprintf("{\"text\": \"The cat number %d sat on a mat.\"}\n", i+1)
	}
	return text
}

// writeFiles writes texts by their path in dir, and makes the folders.
func writeFiles(dir string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
