package huggingface

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/safetensors"
)

const config = `{"model_type": "llama"}`

func floats(name string, values ...float32) safetensors.Source {
	return safetensors.FromFloat32s(name, []int{len(values)}, values, dtype.F32)
}

func write(t testing.TB, config string, tensors []safetensors.Source, o WriteOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := Write(dir, []byte(config), tensors, o); err != nil {
		t.Fatal(err)
	}
	return dir
}

func hashOf(t testing.TB, dir string) string {
	t.Helper()
	h, err := mustOpen(t, dir).Hash(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// The hash depends on config, names, types, shapes and data, and on nothing
// else.
func TestHash(t *testing.T) {
	base := []safetensors.Source{floats("a", 1, 2), floats("b", 3)}
	want := hashOf(t, write(t, config, base, WriteOptions{}))
	if len(want) != 64 {
		t.Errorf("hash %q", want)
	}
	if got := hashOf(t, write(t, config, base, WriteOptions{ShardBytes: 8})); got != want {
		t.Error("sharding changes the hash")
	}
	sameBytes := floats("a", 1, 2)
	sameBytes.Shape = []int{2, 1}
	asInts := safetensors.Source{Name: "b", DType: dtype.I32, Shape: []int{1}, Data: []byte{0, 0, 0x40, 0x40}}
	for name, dir := range map[string]string{
		"config": write(t, config+" ", base, WriteOptions{}),
		"value":  write(t, config, []safetensors.Source{floats("a", 1, 2), floats("b", 4)}, WriteOptions{}),
		"name":   write(t, config, []safetensors.Source{floats("a", 1, 2), floats("c", 3)}, WriteOptions{}),
		"shape":  write(t, config, []safetensors.Source{sameBytes, floats("b", 3)}, WriteOptions{}),
		"type":   write(t, config, []safetensors.Source{floats("a", 1, 2), asInts}, WriteOptions{}),
		"split":  write(t, config, []safetensors.Source{floats("a", 1), floats("b", 2, 3)}, WriteOptions{}),
	} {
		if hashOf(t, dir) == want {
			t.Errorf("another %s does not change the hash", name)
		}
	}
}

func TestHashOfSeveralChunks(t *testing.T) {
	big := make([]byte, 2*hashChunk+8)
	source := func() []safetensors.Source {
		return []safetensors.Source{{Name: "a", DType: dtype.U8, Shape: []int{len(big)}, Data: big}}
	}
	before := hashOf(t, write(t, config, source(), WriteOptions{}))
	big[len(big)-1] = 1
	if hashOf(t, write(t, config, source(), WriteOptions{})) == before {
		t.Error("the last byte of a large tensor does not count")
	}
}

func TestCheckFinite(t *testing.T) {
	ints := safetensors.Source{Name: "int", DType: dtype.I32, Shape: []int{1}, Data: []byte{255, 255, 255, 255}}
	good := mustOpen(t, write(t, config, []safetensors.Source{floats("a", 1), ints}, WriteOptions{}))
	if err := good.CheckFinite(context.Background()); err != nil {
		t.Error(err)
	}
	bad := mustOpen(t, write(t, config, []safetensors.Source{
		floats("a", 1), floats("b", 1, float32(math.Inf(1))), floats("c", float32(math.NaN())),
	}, WriteOptions{ShardBytes: 4}))
	err := bad.CheckFinite(context.Background())
	for _, want := range []string{"model-00002-of-00003.safetensors", `"b"`, "element [1]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if err := bad.CheckFinite(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v", err)
	}
	if h, err := bad.Hash(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %q, %v", h, err)
	}
}

func TestWriteAndRead(t *testing.T) {
	from := folder(t, files{
		"tokenizer.json": `{"t":1}`, "chat_template.jinja": "T", "additional_chat_templates/rag.jinja": "R",
		"generation_config.json": `{"eos_token_id":7}`, "README.md": "not copied",
	})
	tensors := []safetensors.Source{floats("b", 1, 2, 3), floats("a", 4), floats("c", 5, 6)}
	for _, c := range []struct {
		shardBytes int64
		want       []string // the weight files
	}{
		{0, []string{"model.safetensors"}},
		{16, []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}},
		{1, []string{"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"}},
	} {
		dir := write(t, config, tensors, WriteOptions{TextFrom: from, ShardBytes: c.shardBytes})
		f := mustOpen(t, dir)
		var names, weights []string
		for _, tensor := range f.Tensors() {
			names = append(names, tensor.Name)
		}
		if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
			t.Error(diff)
		}
		b, _ := f.Tensor("b")
		if values, err := safetensors.Float32s(b); err != nil || !cmp.Equal(values, []float32{1, 2, 3}) {
			t.Errorf("b = %v, %v", values, err)
		}
		for _, path := range matching(dir, "*.safetensors") {
			weights = append(weights, filepath.Base(path))
		}
		if diff := cmp.Diff(c.want, weights); diff != "" {
			t.Error(diff)
		}
		if string(f.Config.Bytes()) != config || len(f.ChatTemplates) != 2 || !cmp.Equal(f.EOSTokenIDs, []int{7}) {
			t.Errorf("config %s, %d templates, end tokens %v", f.Config.Bytes(), len(f.ChatTemplates), f.EOSTokenIDs)
		}
		if exists(filepath.Join(dir, "README.md")) {
			t.Error("README.md was copied")
		}
	}
}

// A folder read and written again in shards as Transformers cuts them has the
// tensors' bytes unchanged.
func TestRewriteTransformersFolder(t *testing.T) {
	in := mustOpen(t, "testdata/tiny")
	var sources []safetensors.Source
	for _, tensor := range in.Tensors() {
		sources = append(sources, safetensors.FromTensor(tensor))
	}
	dir := write(t, string(in.Config.Bytes()), sources, WriteOptions{TextFrom: in.Dir, ShardBytes: 1000})
	out := mustOpen(t, dir)
	for _, want := range in.Tensors() {
		got, ok := out.Tensor(want.Name)
		if !ok || !bytes.Equal(got.Data, want.Data) || !cmp.Equal(got.Shape, want.Shape) {
			t.Errorf("%s changed", want.Name)
		}
	}
	if hashOf(t, dir) != hashOf(t, in.Dir) {
		t.Error("the hash changed")
	}
}

func TestWriteErrors(t *testing.T) {
	for _, c := range []struct {
		name    string
		before  files
		config  string
		tensors []safetensors.Source
		want    string
	}{
		{"config is no object", nil, "[]", nil, "want a JSON object"},
		{"a tensor twice", nil, config, []safetensors.Source{floats("a", 1), floats("a", 1)}, "twice"},
		{"impossible shape", nil, config, []safetensors.Source{{Name: "a", Shape: []int{-1}, DType: dtype.F32}}, `"a"`},
		{"an index is there", files{index: "{}"}, config, []safetensors.Source{floats("a", 1)}, index},
	} {
		dir := folder(t, c.before)
		err := Write(dir, []byte(c.config), c.tensors, WriteOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v, want %q and the folder", c.name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "config.json")); err == nil {
			t.Errorf("%s: config.json was written", c.name)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	benchmarkContent(b, func(f *Folder) error { _, err := f.Hash(b.Context()); return err })
}
func BenchmarkCheckFinite(b *testing.B) {
	benchmarkContent(b, func(f *Folder) error { return f.CheckFinite(b.Context()) })
}

func benchmarkContent(b *testing.B, do func(*Folder) error) {
	const size = 128 << 20
	weights := safetensors.Source{Name: "w", DType: dtype.BF16, Shape: []int{size / 2}, Data: make([]byte, size)}
	f := mustOpen(b, write(b, config, []safetensors.Source{weights}, WriteOptions{}))
	b.SetBytes(size)
	for b.Loop() {
		if err := do(f); err != nil {
			b.Fatal(err)
		}
	}
}
