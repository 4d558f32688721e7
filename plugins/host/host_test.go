package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loraedge/loraedge/plugins/host"
	"github.com/loraedge/loraedge/plugins/protocol"
)

func TestBuiltinArchitecture(t *testing.T) {
	h := newHost(t, host.Options{})
	a, err := h.Architecture(t.Context(), "llama")
	if err != nil {
		t.Fatal(err)
	}
	config := `{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
		"num_attention_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "tie_word_embeddings": true}`
	request := protocol.Request{Config: []byte(config), SequenceLen: 16, Tensors: llamaTensors()}
	g, err := a.Build(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if g.Architecture != "llama" || g.Vocab != 16 || len(g.Blocks) != 1 || len(g.Blocks[0].Ops) != 15 {
		t.Errorf("graph of %s, vocabulary %d, %d blocks of %d operations", g.Architecture, g.Vocab, len(g.Blocks), len(g.Blocks[0].Ops))
	}

	request.Tensors[2].Shape = []int{7, 8}
	_, err = a.Build(t.Context(), request)
	wantError(t, err, "architecture llama: tensor model.layers.0.self_attn.q_proj.weight: has shape [7 8] in the file, want [8 8]")
	if blamed := (*host.Error)(nil); errors.As(err, &blamed) {
		t.Error("a wrong model is blamed on the plugin")
	}
}

func llamaTensors() []protocol.Tensor {
	layer := "model.layers.0."
	return []protocol.Tensor{
		{Name: "model.embed_tokens.weight", Shape: []int{16, 8}},
		{Name: layer + "input_layernorm.weight", Shape: []int{8}},
		{Name: layer + "self_attn.q_proj.weight", Shape: []int{8, 8}},
		{Name: layer + "self_attn.k_proj.weight", Shape: []int{8, 8}},
		{Name: layer + "self_attn.v_proj.weight", Shape: []int{8, 8}},
		{Name: layer + "self_attn.o_proj.weight", Shape: []int{8, 8}},
		{Name: layer + "post_attention_layernorm.weight", Shape: []int{8}},
		{Name: layer + "mlp.gate_proj.weight", Shape: []int{12, 8}},
		{Name: layer + "mlp.up_proj.weight", Shape: []int{12, 8}},
		{Name: layer + "mlp.down_proj.weight", Shape: []int{8, 12}},
		{Name: "model.norm.weight", Shape: []int{8}},
	}
}

func TestUnknownNamesListTheKnown(t *testing.T) {
	h := newHost(t, host.Options{})
	_, err := h.Architecture(t.Context(), "gpt9")
	wantError(t, err, `model_type is "gpt9", which no plugin knows; known are llama, mistral, qwen2`)
	_, err = h.Dataset(t.Context(), "parrot")
	wantError(t, err, `dataset type "parrot"`, "known are alpaca, completion, kto, messages, preference, prompt, sharegpt")
}

func TestBuiltinDatasetConvertsInOrder(t *testing.T) {
	h := newHost(t, host.Options{})
	d, err := h.Dataset(t.Context(), "alpaca")
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000 // more than one batch
	records := make([][]byte, n)
	for i := range records {
		records[i] = fmt.Appendf(nil, `{"question": "q%d", "output": "a%d"}`, i, i)
	}
	records[7] = []byte(`{"question": 7, "output": "a"}`)
	records[8] = []byte(`[1, 2]`)
	results, err := d.Convert(t.Context(), records, map[string]string{"instruction": "question"})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != n {
		t.Fatalf("%d results for %d records", len(results), n)
	}
	for i, r := range results {
		switch i {
		case 7:
			wantError(t, errors.New(r.Error), `"question" is a number, want a string`)
		case 8:
			wantError(t, errors.New(r.Error), "found a list, want a JSON object")
		default:
			if r.Error != "" || r.Conversation.Messages[1].Content != fmt.Sprintf("a%d", i) {
				t.Fatalf("record %d became %+v", i, r)
			}
		}
	}
}

func TestRecordsAboveTheLimitAreNotSent(t *testing.T) {
	h := newHost(t, host.Options{})
	d, err := h.Dataset(t.Context(), "completion")
	if err != nil {
		t.Fatal(err)
	}
	record := func(n int) []byte {
		b, _ := json.Marshal(map[string]string{"text": strings.Repeat("x", n)})
		return b
	}
	results, err := d.Convert(t.Context(), [][]byte{record(3 << 20), record(17 << 20), record(1), record(5 << 20)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3 << 20, 0, 1, 5 << 20} {
		if n := len(results[i].Conversation.Text); n != want {
			t.Errorf("record %d became a text of %d bytes, want %d", i, n, want)
		}
	}
	wantError(t, errors.New(results[1].Error), "want at most 16777216")
}

func TestForeignPluginsThatFail(t *testing.T) {
	for _, c := range []struct {
		name string
		want []string
	}{
		{"crashes", []string{"building a graph of family crashes: it crashed (exit status 2)", "about to go", "panic: out of cheese"}},
		{"panics", []string{"the plugin panicked: index out of cheese"}},
		{"hangs", []string{"no answer within 2s, so it was ended", "thinking"}},
		{"complains", []string{"architecture complains: config.json: cheese is missing, want a string"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, host.Options{Timeout: 2 * time.Second}, "arch-"+c.name)
			a, err := h.Architecture(t.Context(), c.name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = a.Build(t.Context(), protocol.Request{Config: []byte("{}"), Tensors: tinyTensors()})
			wantError(t, err, c.want...)
			if c.name != "complains" {
				wantError(t, err, "plugin "+c.name+" (", "loraedge-arch-"+c.name, "tell its author")
			}
			noZombies(t)
		})
	}
}

func TestForeignPluginsThatDoNotStart(t *testing.T) {
	for _, c := range []struct {
		name string
		want []string
	}{
		{"exits", []string{"starting it: it ended before the handshake (exit status 3)", "cannot find libfoo.so"}},
		{"babbles", []string{"not the handshake of a loraedge plugin", "Hello! [31mI print before I serve."}},
		{"sleeps", []string{"starting it: no handshake within 2s, so it was ended"}},
		{"oldversion", []string{"speaks another version of the plugin protocol, want version 1", "get a version of the plugin"}},
		{"nobody", []string{"plugin nobody", "asking what it offers: it runs, but cannot be reached", "no-such-socket"}},
		{"nameless", []string{`"[2J" is no name for an architecture`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, host.Options{Timeout: 2 * time.Second}, "arch-"+c.name)
			_, err := h.Architecture(t.Context(), c.name)
			wantError(t, err, append(c.want, "which no plugin knows")...)
			noZombies(t)
		})
	}
}

func TestFileThatIsNoProgram(t *testing.T) {
	folder := t.TempDir()
	h := newHost(t, host.Options{Folder: folder})
	path := filepath.Join(folder, "loraedge-arch-text")
	if err := os.WriteFile(path, []byte("not a program\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Trust(path); err != nil {
		t.Fatal(err)
	}
	_, err := h.Architecture(t.Context(), "text")
	wantError(t, err, "the system cannot run it", "see that it is an executable for this kind of machine")
}

func TestLyingDatasets(t *testing.T) {
	for text, want := range map[string]string{
		"crash": "it crashed (exit status 7)",
		"role":  `message 0 has the role "king", want system, user, assistant or tool`,
		"empty": "want either messages or text",
	} {
		t.Run(text, func(t *testing.T) {
			h := newHost(t, host.Options{}, "data-liar")
			d, err := h.Dataset(t.Context(), "liar")
			if err != nil {
				t.Fatal(err)
			}
			record := func(s string) [][]byte { return [][]byte{[]byte(`{"text": "` + s + `"}`)} }
			_, err = d.Convert(t.Context(), record(text), nil)
			wantError(t, err, "plugin liar (", "converting 1 records of type liar", want)
			// The next call starts it again.
			results, err := d.Convert(t.Context(), record("abc"), nil)
			if err != nil || results[0].Conversation.Text != "cba" {
				t.Errorf("after the failure: %v, %v", results, err)
			}
		})
	}
}

func TestCancelEndsACall(t *testing.T) {
	h := newHost(t, host.Options{}, "arch-hangs")
	a, err := h.Architecture(t.Context(), "hangs")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = a.Build(ctx, protocol.Request{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
		t.Errorf("cancelled call returned %v after %v", err, time.Since(start))
	}
}

func TestEnvironmentIsMinimal(t *testing.T) {
	t.Setenv("HF_TOKEN", "secret")
	h := newHost(t, host.Options{}, "arch-environment")
	a, err := h.Architecture(t.Context(), "environment")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Build(t.Context(), protocol.Request{})
	wantError(t, err, "LORAEDGE_PLUGIN=", "PATH=")
	if strings.Contains(err.Error(), "secret") {
		t.Error("a plugin sees HF_TOKEN")
	}
}

func TestCloseIsFinal(t *testing.T) {
	h := newHost(t, host.Options{})
	a, err := h.Architecture(t.Context(), "llama")
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	_, err = a.Build(t.Context(), protocol.Request{})
	wantError(t, err, "the host is closed")
	noZombies(t)
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error is\n%v\nwant it to have\n%s", err, p)
		}
	}
}
