package huggingface

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/formats/internal/atomicfile"
	"github.com/loraedge/loraedge/formats/safetensors"
	"github.com/loraedge/loraedge/formats/tokenizer"
)

// defaultShard is the size beyond which weights are split, in bytes.
const defaultShard = 5_000_000_000

// WriteOptions are what Write can do besides. The zero value is useful.
type WriteOptions struct {
	// TextFrom is a model folder whose tokenizer, chat template and generation
	// files are copied; none when empty.
	TextFrom string
	// ShardBytes is the largest size of one weight file, 5 GB when 0. A single
	// tensor beyond it gets a file of its own.
	ShardBytes int64
}

// Write makes a model folder: config.json, the weights in one file or in shards
// with an index, and the text files. The same input gives the same bytes.
// config.json comes last, so that a folder that was not finished is not taken
// for a model.
func Write(dir string, config []byte, tensors []safetensors.Source, o WriteOptions) error {
	if _, err := ParseObject(config); err != nil {
		return fmt.Errorf("the config to be written to %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if o.TextFrom != "" {
		if err := CopyText(dir, o.TextFrom); err != nil {
			return err
		}
		if err := copyFile(dir, o.TextFrom, generationFile); err != nil {
			return err
		}
	}
	if err := writeWeights(dir, tensors, o.ShardBytes); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, configFile), config)
}

// TextFiles are the names of tokenizer and chat template files.
func TextFiles() []string {
	return append([]string{tokenizerConfig, specialTokensFile, "added_tokens.json", "merges.txt", chatTemplateFile, chatTemplateJSON}, tokenizerFiles...)
}

// CopyText copies the tokenizer and chat template files that are in from into
// dir, so that an adapter's or a model's folder is complete.
func CopyText(dir, from string) error {
	for _, name := range TextFiles() {
		if err := copyFile(dir, from, name); err != nil {
			return err
		}
	}
	more := matching(filepath.Join(from, chatTemplateFolder), "*.jinja")
	if len(more) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Join(dir, chatTemplateFolder), 0o755); err != nil {
		return err
	}
	for _, path := range more {
		if err := copyFile(dir, from, filepath.Join(chatTemplateFolder, filepath.Base(path))); err != nil {
			return err
		}
	}
	return nil
}

// CopyTextTo is CopyText into an adapter's folder. It has no config.json, which tells Transformers
// the tokenizer's class where tokenizer_config.json does not; so it is told there.
func (f *Folder) CopyTextTo(dir string) error {
	if err := CopyText(dir, f.Dir); err != nil {
		return err
	}
	const key = "tokenizer_class"
	if f.TokenizerConfig.Has(key) {
		return nil
	}
	class := "PreTrainedTokenizerFast"
	if !exists(filepath.Join(f.Dir, tokenizerFile)) {
		var kind string
		if _, err := f.Config.Decode("model_type", &kind); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(f.Dir, configFile), err)
		}
		class = tokenizer.ClassOfModel(kind)
	}
	if _, err := f.Config.Decode(key, &class); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(f.Dir, configFile), err)
	}
	if class == "" {
		return nil
	}
	settings := values(f.TokenizerConfig)
	settings[key] = class
	return writeObject(filepath.Join(dir, tokenizerConfig), settings)
}

// WriteChatTemplate makes a template the one that programs find in a folder first.
func WriteChatTemplate(dir, text string) error {
	return atomicfile.WriteBytes(filepath.Join(dir, chatTemplateFile), []byte(text))
}

// copyFile copies one file if from has it.
func copyFile(dir, from, name string) error {
	source, err := os.Open(filepath.Join(from, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer source.Close()
	return atomicfile.Write(filepath.Join(dir, name), func(w io.Writer) error {
		_, err := io.Copy(w, source)
		return err
	})
}

func writeWeights(dir string, tensors []safetensors.Source, shardBytes int64) error {
	if shardBytes == 0 {
		shardBytes = defaultShard
	}
	shards, total, err := split(tensors, shardBytes)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	single := len(shards) == 1
	if err := checkOtherForm(dir, single); err != nil {
		return err
	}
	if single {
		return safetensors.Write(filepath.Join(dir, weightsFile), shards[0], nil)
	}
	var index struct {
		Metadata struct {
			TotalSize int64 `json:"total_size"`
		} `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}
	index.Metadata.TotalSize, index.WeightMap = total, make(map[string]string)
	for i, shard := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		if err := safetensors.Write(filepath.Join(dir, name), shard, nil); err != nil {
			return err
		}
		for _, t := range shard {
			index.WeightMap[t.Name] = name
		}
	}
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, indexFile), append(text, '\n'))
}

// checkOtherForm is an error where dir holds weights of the form, single or
// sharded, that is not to be written: they would stay, and might be read.
func checkOtherForm(dir string, single bool) error {
	other := weightsFile
	if single {
		other = indexFile
	}
	if exists(filepath.Join(dir, other)) {
		return fmt.Errorf("%s already holds another model's %s; write to an empty folder", dir, other)
	}
	return nil
}

// split deals the tensors out, in order of their names, to shards of at most
// limit bytes. There is always at least one shard.
func split(tensors []safetensors.Source, limit int64) (shards [][]safetensors.Source, total int64, err error) {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b safetensors.Source) int { return strings.Compare(a.Name, b.Name) })
	shards = make([][]safetensors.Source, 1)
	var size int64
	for i, t := range sorted {
		if i > 0 && t.Name == sorted[i-1].Name {
			return nil, 0, fmt.Errorf("tensor %q is to be written twice", t.Name)
		}
		n, err := t.Bytes()
		if err != nil {
			return nil, 0, err
		}
		last := len(shards) - 1
		if size+n > limit && len(shards[last]) > 0 {
			shards, last, size = append(shards, nil), last+1, 0
		}
		shards[last] = append(shards[last], t)
		size += n
		total += n
	}
	return shards, total, nil
}
