package demo

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func TestResolve(t *testing.T) {
	tests := []struct{ name, want, err string }{
		{"embedded:demo", "config.json", ""},
		{"embedded:demo/train.json", "", ""},
		{"embedded:demo/test.json", "", ""},
		{"embedded:demo/tset.json", "", "embedded:demo/test.json"},
		{"embedded:demo/../model", "", "not embedded"},
		{"embedded:demo/", "", "not embedded"},
		{"embedded:other", "", "it has embedded:demo,"},
	}
	cache := t.TempDir()
	for _, test := range tests {
		path, err := Resolve(test.name, cache)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("Resolve(%q) = %q, %v, want an error with %q", test.name, path, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("Resolve(%q): %v", test.name, err)
		} else if _, err := os.Stat(filepath.Join(path, test.want)); err != nil {
			t.Errorf("Resolve(%q): %v", test.name, err)
		}
	}
}

// The ids and the size in config.json are those of tokenizer.json.
func TestModelFolderAgrees(t *testing.T) {
	var config struct {
		VocabSize int `json:"vocab_size"`
		EOS       int `json:"eos_token_id"`
		Pad       int `json:"pad_token_id"`
	}
	var names struct {
		EOS string `json:"eos_token"`
		Pad string `json:"pad_token"`
	}
	var tokenizer struct {
		Model struct{ Vocab map[string]int }
	}
	read(t, "model/config.json", &config)
	read(t, "model/tokenizer_config.json", &names)
	read(t, "model/tokenizer.json", &tokenizer)
	if got := len(tokenizer.Model.Vocab); got != config.VocabSize {
		t.Errorf("the tokenizer has %d tokens, config.json says %d", got, config.VocabSize)
	}
	if got := tokenizer.Model.Vocab[names.EOS]; got != config.EOS {
		t.Errorf("%s is token %d, config.json says %d", names.EOS, got, config.EOS)
	}
	if got := tokenizer.Model.Vocab[names.Pad]; got != config.Pad {
		t.Errorf("%s is token %d, config.json says %d", names.Pad, got, config.Pad)
	}
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := fs.ReadFile(FS, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

var sample = fstest.MapFS{
	"model/config.json": {Data: []byte("{}")},
	"data/train.json":   {Data: []byte("[]")},
}

func TestUnpackRepairs(t *testing.T) {
	cache := t.TempDir()
	root, err := Unpack(sample, cache)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string]func() error{
		"changed": func() error { return os.WriteFile(filepath.Join(root, "model", "config.json"), []byte("{]"), 0o644) },
		"missing": func() error { return os.Remove(filepath.Join(root, "data", "train.json")) },
		"extra":   func() error { return os.WriteFile(filepath.Join(root, "model", "adapter.json"), nil, 0o644) },
		"gone":    func() error { return os.RemoveAll(root) },
		"intact":  func() error { return nil },
	}
	for name, damage := range damages {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		again, err := Unpack(sample, cache)
		if err != nil || again != root {
			t.Fatalf("%s: Unpack = %q, %v, want %q", name, again, err, root)
		}
		if err := fstest.TestFS(os.DirFS(root), "model/config.json", "data/train.json"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := os.ReadFile(filepath.Join(root, "model", "config.json"))
		if err != nil || string(got) != "{}" {
			t.Errorf("%s: config.json is %q, %v", name, got, err)
		}
		if entries, err := os.ReadDir(cache); err != nil || len(entries) != 1 {
			t.Errorf("%s: the cache holds %v, %v, want one folder", name, entries, err)
		}
	}
}

func TestUnpackAtOnce(t *testing.T) {
	cache := t.TempDir()
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			root, err := Unpack(sample, cache)
			if err != nil {
				t.Error(err)
			} else if _, err := os.Stat(filepath.Join(root, "model", "config.json")); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func TestOtherContentIsAnotherFolder(t *testing.T) {
	cache := t.TempDir()
	one, err := Unpack(sample, cache)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Unpack(fstest.MapFS{"model/config.json": {Data: []byte("{ }")}}, cache)
	if err != nil || one == two {
		t.Errorf("different files are unpacked to %q and %q, %v", one, two, err)
	}
}

func TestUnpackWhereNothingCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Unpack(sample, filepath.Join(file, "cache")); err == nil || !strings.Contains(err.Error(), "cache folder") {
		t.Errorf("Unpack below a file: %v, want an error about the cache folder", err)
	}
}
