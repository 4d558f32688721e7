package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/plugins/builtin"
	"github.com/loraedge/loraedge/plugins/host"
	"github.com/loraedge/loraedge/plugins/protocol"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == host.BuiltinArgs()[0] {
		builtin.Serve()
		return
	}
	os.Exit(m.Run())
}

var examples = []string{"loraedge-data-faq", "loraedge-arch-plain"}

func TestDocsShowTheExamples(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "plugins.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range examples {
		source, err := os.ReadFile(filepath.Join(name, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(doc), "```go\n"+string(source)+"```\n") {
			t.Errorf("docs/plugins.md does not show %s as it is", name)
		}
	}
}

func TestExamplesRun(t *testing.T) {
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", folder+string(filepath.Separator), "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the examples: %v\n%s", err, out)
	}
	h, err := host.New(host.Options{Folder: folder, Beside: t.TempDir(), Config: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	found, err := filepath.Glob(filepath.Join(folder, "loraedge-*"))
	if err != nil || len(found) != len(examples) {
		t.Fatalf("built %v, %v", found, err)
	}
	for _, path := range found {
		if _, err := h.Trust(path); err != nil {
			t.Fatal(err)
		}
	}
	convert(t, h)
	buildGraph(t, h)
}

func convert(t *testing.T, h *host.Host) {
	t.Helper()
	d, err := h.Dataset(t.Context(), "faq")
	if err != nil {
		t.Fatal(err)
	}
	results, err := d.Convert(t.Context(), [][]byte{[]byte(`{"q": "Why?", "a": "Because."}`), []byte(`{"q": "Why?"}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := results[0].Conversation.Messages; len(m) != 2 || m[1].Content != "Because." {
		t.Errorf("converted to %+v", results[0])
	}
	if want := `"a" is missing; the record has "q"`; results[1].Error != want {
		t.Errorf("error is %q, want %q", results[1].Error, want)
	}
}

func buildGraph(t *testing.T, h *host.Host) {
	t.Helper()
	a, err := h.Architecture(t.Context(), "plain")
	if err != nil {
		t.Fatal(err)
	}
	r := protocol.Request{SequenceLen: 16, Config: []byte(`{"vocab_size": 16, "hidden_size": 8, "num_attention_heads": 2,
		"num_hidden_layers": 1, "max_position_embeddings": 32, "rms_norm_eps": 1e-5}`)}
	tensor := func(name string, shape ...int) {
		r.Tensors = append(r.Tensors, protocol.Tensor{Name: name + ".weight", Shape: shape})
	}
	tensor("embed", 16, 8)
	tensor("layers.0.norm", 8)
	for _, m := range []string{"q", "k", "v", "o"} {
		tensor("layers.0."+m, 8, 8)
	}
	tensor("norm", 8)
	tensor("head", 16, 8)
	g, err := a.Build(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, op := range g.Blocks[0].Ops {
		kinds = append(kinds, string(op.Kind))
	}
	if got, want := fmt.Sprint(kinds), "[rms_norm linear linear linear rope rope attention linear add]"; got != want {
		t.Errorf("the block is %s, want %s", got, want)
	}
}
