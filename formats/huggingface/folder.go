package huggingface

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/loraedge/loraedge/formats/safetensors"
)

// Names of the files of a model folder.
const (
	configFile         = "config.json"
	weightsFile        = "model.safetensors"
	indexFile          = "model.safetensors.index.json"
	tokenizerFile      = "tokenizer.json"
	tokenizerConfig    = "tokenizer_config.json"
	specialTokensFile  = "special_tokens_map.json"
	generationFile     = "generation_config.json"
	chatTemplateFile   = "chat_template.jinja"
	chatTemplateJSON   = "chat_template.json"
	chatTemplateFolder = "additional_chat_templates"
)

// Folder is an open model folder. The weights stay mapped until Close. Objects
// of files that the folder lacks are empty.
type Folder struct {
	Dir              string
	Config           Object
	TokenizerConfig  Object
	SpecialTokensMap Object
	GenerationConfig Object
	ChatTemplates    []ChatTemplate // as Transformers finds them, see ChatTemplate
	EOSTokenIDs      []int          // of generation_config.json, else of config.json; none where neither has any

	files   []*safetensors.File
	names   []string // sorted
	tensors map[string]safetensors.Tensor

	quantized map[string]quantized4 // by the weight's name
	stored    []safetensors.Tensor  // all tensors as they are in the files, sorted by name
}

// Open reads a model folder and maps its weights. It fails where something is
// missing, contradicts itself, or is in a format that cannot be trained; the
// error says which and what to do.
func Open(dir string) (*Folder, error) {
	f, err := OpenConfig(dir)
	if err != nil {
		return nil, err
	}
	if err := f.openWeights(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenConfig is Open without the weights: for a model that starts at random.
func OpenConfig(dir string) (*Folder, error) {
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir}
	var err error
	if f.Config, err = ReadObject(filepath.Join(dir, configFile)); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, explainNoConfig(dir)
		}
		return nil, err
	}
	if err := checkQuantization(dir, f.Config); err != nil {
		return nil, err
	}
	if err := f.readTexts(); err != nil {
		return nil, err
	}
	return f, nil
}

// Close removes the mappings. No tensor of the folder may be used afterwards.
func (f *Folder) Close() error {
	var all error
	for _, file := range f.files {
		all = errors.Join(all, file.Close())
	}
	f.files = nil
	return all
}

// Tensors lists the tensors of all weight files, sorted by name. Each says its
// file, offset, length, type and shape; its data is mapped, not copied.
func (f *Folder) Tensors() []safetensors.Tensor {
	all := make([]safetensors.Tensor, len(f.names))
	for i, name := range f.names {
		all[i] = f.tensors[name]
	}
	return all
}

// Tensor finds a tensor by its name.
func (f *Folder) Tensor(name string) (safetensors.Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// tokenizerFiles are the tokenizer files in use; where a folder has several, the
// first one counts, as in Transformers.
var tokenizerFiles = []string{
	tokenizerFile, "tekken.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "tiktoken.model", "qwen.tiktoken", "vocab.json", "vocab.txt",
}

// Release lets go of the memory that reading a tensor, and all its parts where
// it is quantised, has taken; it can be read again.
func (f *Folder) Release(name string) error {
	parts := []safetensors.Tensor{f.tensors[name]}
	if q, ok := f.quantized[name]; ok {
		parts = []safetensors.Tensor{q.codes, q.absmax, q.nested}
	}
	for _, part := range parts {
		if err := f.releasePart(part); err != nil {
			return err
		}
	}
	return nil
}

// releasePart lets go of one tensor of a file.
func (f *Folder) releasePart(t safetensors.Tensor) error {
	for _, file := range f.files {
		if file.Path() == t.Path {
			return file.Release(t.Name)
		}
	}
	return nil
}

// TokenizerPath is the path of the tokenizer's file, an error where there is none.
func (f *Folder) TokenizerPath() (string, error) {
	for _, name := range tokenizerFiles {
		if path := filepath.Join(f.Dir, name); exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s has no tokenizer: none of %s; take the files that came with the model, or make a tokenizer.json with Transformers: "+
		"AutoTokenizer.from_pretrained(…).save_pretrained(%q)", f.Dir, strings.Join(tokenizerFiles, ", "), f.Dir)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// matching lists the paths in dir whose names match a pattern, sorted. Unlike
// filepath.Glob it does not read dir itself as a pattern.
func matching(dir, pattern string) []string {
	entries, _ := os.ReadDir(dir)
	var paths []string
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}
