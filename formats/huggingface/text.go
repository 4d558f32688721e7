package huggingface

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultTemplate is the name of the chat template that is used unless another
// is asked for.
const DefaultTemplate = "default"

// ChatTemplate is a Jinja template of the model, with the file it is from.
type ChatTemplate struct {
	Name string // DefaultTemplate, or such as "tool_use"
	Text string
	Path string
}

// ChatTemplate finds the template of a name.
func (f *Folder) ChatTemplate(name string) (ChatTemplate, bool) {
	i := slices.IndexFunc(f.ChatTemplates, func(t ChatTemplate) bool { return t.Name == name })
	if i < 0 {
		return ChatTemplate{}, false
	}
	return f.ChatTemplates[i], true
}

// SpecialToken is the text of a special token such as "bos_token", from
// tokenizer_config.json, else special_tokens_map.json. It is false where the
// model has none.
func (f *Folder) SpecialToken(key string) (text string, ok bool, err error) {
	for _, from := range []struct {
		file   string
		object Object
	}{{tokenizerConfig, f.TokenizerConfig}, {specialTokensFile, f.SpecialTokensMap}} {
		if !from.object.Has(key) {
			continue
		}
		var token struct{ Content *string }
		if _, err := from.object.Decode(key, &text); err == nil {
			return text, true, nil
		}
		if _, err := from.object.Decode(key, &token); err != nil || token.Content == nil {
			return "", false, fmt.Errorf("%s: %q: want a string or an object with a content, found %.80s",
				filepath.Join(f.Dir, from.file), key, from.object.Raw(key))
		}
		return *token.Content, true, nil
	}
	return "", false, nil
}

// readTexts reads the small files beside config.json.
func (f *Folder) readTexts() error {
	for name, into := range map[string]*Object{
		tokenizerConfig: &f.TokenizerConfig, specialTokensFile: &f.SpecialTokensMap, generationFile: &f.GenerationConfig,
	} {
		var err error
		if *into, err = optionalObject(filepath.Join(f.Dir, name)); err != nil {
			return err
		}
	}
	var err error
	if f.ChatTemplates, err = readTemplates(f.Dir, f.TokenizerConfig); err != nil {
		return err
	}
	f.EOSTokenIDs, err = f.eosTokenIDs()
	return err
}

func optionalObject(path string) (Object, error) {
	o, err := ReadObject(path)
	if errors.Is(err, os.ErrNotExist) {
		return Object{}, nil
	}
	return o, err
}

// eosTokenIDs reads eos_token_id, which is a number or a list of numbers.
func (f *Folder) eosTokenIDs() ([]int, error) {
	const key = "eos_token_id"
	for _, from := range []struct {
		file   string
		object Object
	}{{generationFile, f.GenerationConfig}, {configFile, f.Config}} {
		if !from.object.Has(key) {
			continue
		}
		var ids []int
		if _, err := from.object.Decode(key, &ids); err != nil {
			ids = make([]int, 1)
			if _, err := from.object.Decode(key, &ids[0]); err != nil {
				return nil, fmt.Errorf("%s: %q: want a token id or a list of them, found %.80s", filepath.Join(f.Dir, from.file), key, from.object.Raw(key))
			}
		}
		for _, id := range ids {
			if id < 0 {
				return nil, fmt.Errorf("%s: %q: %d is no token id", filepath.Join(f.Dir, from.file), key, id)
			}
		}
		return ids, nil
	}
	return nil, nil
}

// readTemplates finds the chat templates in Transformers' order: template files
// if there are any, else chat_template of tokenizer_config.json, which is a
// template or a list of named ones.
func readTemplates(dir string, config Object) ([]ChatTemplate, error) {
	templates, err := templateFiles(dir)
	if err != nil || len(templates) > 0 {
		return templates, err
	}
	path := filepath.Join(dir, chatTemplateJSON)
	old, err := optionalObject(path)
	if err != nil {
		return nil, err
	}
	if !old.Has("chat_template") {
		old, path = config, filepath.Join(dir, tokenizerConfig)
	}
	templates, err = templatesIn(old, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return templates, nil
}

func templateFiles(dir string) ([]ChatTemplate, error) {
	paths := []string{filepath.Join(dir, chatTemplateFile)}
	more := matching(filepath.Join(dir, chatTemplateFolder), "*.jinja")
	var templates []ChatTemplate
	for i, path := range append(paths, more...) {
		text, err := readText(path)
		if i == 0 && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".jinja")
		if i == 0 {
			name = DefaultTemplate
		}
		templates = append(templates, ChatTemplate{Name: name, Text: string(text), Path: path})
	}
	return templates, nil
}

func templatesIn(o Object, path string) ([]ChatTemplate, error) {
	const key = "chat_template"
	if !o.Has(key) {
		return nil, nil
	}
	var text string
	if _, err := o.Decode(key, &text); err == nil {
		return []ChatTemplate{{Name: DefaultTemplate, Text: text, Path: path}}, nil
	}
	var list []struct{ Name, Template *string }
	if _, err := o.Decode(key, &list); err != nil {
		return nil, fmt.Errorf("%q: want a template or a list of named templates, found %.80s", key, o.Raw(key))
	}
	seen := make(map[string]bool)
	var templates []ChatTemplate
	for i, t := range list {
		if t.Name == nil || t.Template == nil {
			return nil, fmt.Errorf("%q: entry %d has no name or no template", key, i+1)
		}
		if seen[*t.Name] {
			return nil, fmt.Errorf("%q: two templates are named %q", key, *t.Name)
		}
		seen[*t.Name] = true
		templates = append(templates, ChatTemplate{Name: *t.Name, Text: *t.Template, Path: path})
	}
	return templates, nil
}
