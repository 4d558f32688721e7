package huggingface

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/loraedge/loraedge/formats/internal/atomicfile"
)

// Ending is the token that a trained model writes behind its answers.
type Ending struct {
	Token string
	ID    int
	// KeepEOS leaves the tokenizer's eos_token as it is: the chat template writes that one for something else.
	KeepEOS bool
}

// WriteEnding tells other programs where answers end, in dir, to which the text files of f were
// copied. It changes nothing where the base model stops at that token anyway. Otherwise the token
// joins eos_token_id of generation_config.json, at which generation stops, and becomes the tokenizer's eos_token, for
// programs that take an adapter's tokenizer but the base model's generation_config.json, as Transformers and PEFT do.
func (f *Folder) WriteEnding(dir string, end Ending) error {
	if slices.Contains(f.EOSTokenIDs, end.ID) {
		return nil
	}
	settings := values(f.GenerationConfig)
	if len(settings) == 0 { // Transformers looks into config.json only where this file is missing
		for _, key := range []string{"bos_token_id", "pad_token_id"} {
			if f.Config.Has(key) {
				settings[key] = f.Config.Raw(key)
			}
		}
	}
	settings["eos_token_id"] = append([]int{end.ID}, f.EOSTokenIDs...)
	if err := writeObject(filepath.Join(dir, generationFile), settings); err != nil {
		return err
	}
	if eos, _, err := f.SpecialToken("eos_token"); err != nil || eos == end.Token || end.KeepEOS {
		return err
	}
	for _, name := range []string{tokenizerConfig, specialTokensFile} {
		path := filepath.Join(dir, name)
		o, err := optionalObject(path)
		if err != nil {
			return err
		}
		if name == specialTokensFile && !o.Has("eos_token") {
			continue
		}
		settings := values(o)
		settings["eos_token"] = end.Token
		if err := writeObject(path, settings); err != nil {
			return err
		}
	}
	return nil
}

// values are an object's values by their keys.
func values(o Object) map[string]any {
	all := make(map[string]any)
	for _, key := range o.Keys() {
		all[key] = o.Raw(key)
	}
	return all
}

// writeObject writes a JSON object for people to read, keys sorted.
func writeObject(path string, values map[string]any) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(values); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}
