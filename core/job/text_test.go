package job

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/formats/huggingface"
)

func TestTokenizerLargerThanTheModel(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.json":    `{"model_type":"llama"}`,
		"tokenizer.json": `{"added_tokens":[{"id":3,"content":"<pad>"}],"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := huggingface.OpenConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	j := &Job{Config: &config.Config{}, Base: &model.Base{Folder: folder, Graph: &graph.Graph{Vocab: 3}}}
	_, err = j.openText()
	if err == nil || !strings.Contains(err.Error(), `has 4 tokens (the last is "<pad>"), the model's vocabulary only 3`) {
		t.Errorf("got %v", err)
	}
}
