package adapter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/huggingface"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// Read reads the adapter in a folder and checks that its configuration and its
// tensors agree and that all values are finite. Errors name the file and the
// key, module or tensor.
func Read(dir string) (*Adapter, error) {
	configPath := filepath.Join(dir, configFile)
	object, err := huggingface.ReadObject(configPath)
	if errors.Is(err, os.ErrNotExist) {
		return nil, explainNoConfig(dir)
	}
	if err != nil {
		return nil, err
	}
	var a Adapter
	if a.Config, err = parseConfig(object); err != nil {
		return nil, fmt.Errorf("%s: %w", configPath, err)
	}
	file, err := safetensors.Open(filepath.Join(dir, weightsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, explainNoWeights(dir)
	}
	if err != nil {
		return nil, err
	}
	err = a.readTensors(file)
	if err == nil {
		err = a.check()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("the adapter in %s: %w", dir, err)
	}
	return &a, nil
}

func explainNoConfig(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("there is no adapter folder %s; nothing is downloaded: give the path of a folder that holds %s", dir, configFile)
	}
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err == nil {
		return fmt.Errorf("%s is a whole model, not an adapter: it has config.json, but no %s", dir, configFile)
	}
	return fmt.Errorf("%s has no %s, so it is not an adapter in PEFT's format", dir, configFile)
}

func explainNoWeights(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "adapter_model.bin")); err == nil {
		return fmt.Errorf("%s has its weights in adapter_model.bin, PyTorch's pickle format, which can run code when it is read; "+
			"save the adapter again with a current PEFT, which writes %s", dir, weightsFile)
	}
	return fmt.Errorf("%s has no %s", dir, weightsFile)
}

// parts are the tensors of a module while they are collected.
type parts struct{ a, b, magnitude *safetensors.Tensor }

// readTensors sorts the tensors of the file into modules and saved tensors.
func (a *Adapter) readTensors(file *safetensors.File) error {
	pairs := make(map[string]*parts)
	var paths []string
	for _, key := range file.Names() {
		t, _ := file.Tensor(key)
		name, ok := strings.CutPrefix(key, keyPrefix)
		if !ok || name == "" {
			return fmt.Errorf("tensor %q does not begin with %s, as PEFT's keys do", key, keyPrefix)
		}
		path, which := partOf(name)
		if which == "" {
			if err := a.save(t, name); err != nil {
				return err
			}
			continue
		}
		if pairs[path] == nil {
			pairs[path] = new(parts)
			paths = append(paths, path)
		}
		switch which {
		case keyA:
			pairs[path].a = &t
		case keyB:
			pairs[path].b = &t
		case keyM:
			pairs[path].magnitude = &t
		}
	}
	slices.Sort(paths)
	types := make(map[dtype.DType]bool)
	for _, path := range paths {
		m, err := readModule(path, pairs[path])
		if err != nil {
			return err
		}
		a.Modules = append(a.Modules, m)
		a.DType = pairs[path].a.DType
		types[a.DType], types[pairs[path].b.DType] = true, true
	}
	if len(types) != 1 { // mixed, or no modules
		a.DType = dtype.F32
	}
	return nil
}

// partOf splits a tensor's name into the module's path and the key of a part, ""
// for another tensor.
func partOf(name string) (path, which string) {
	for _, key := range []string{keyA, keyB, keyM} {
		if path, ok := strings.CutSuffix(name, key); ok {
			return path, key
		}
	}
	return "", ""
}

// save keeps a tensor that is no A or B, unless it belongs to a kind of adapter
// that is not read here.
func (a *Adapter) save(t safetensors.Tensor, name string) error {
	for _, foreign := range []struct{ part, what string }{
		{"lora_embedding_", "LoRA on an embedding"},
		{".lora_B.bias", "LoRA with a bias on B"},
		{"lora_", "another kind of LoRA"},
		{"trainable_tokens_", "trainable tokens"},
	} {
		if strings.Contains(name, foreign.part) {
			return fmt.Errorf("tensor %q belongs to %s, which is not supported", t.Name, foreign.what)
		}
	}
	if !t.DType.Convertible() {
		return fmt.Errorf("tensor %q has type %s; a trained tensor is of F32, F16 or BF16", t.Name, t.TypeName)
	}
	if err := safetensors.CheckFinite(t); err != nil {
		return err
	}
	a.Saved = append(a.Saved, Saved{Name: name, DType: t.DType, Shape: t.Shape, Data: bytes.Clone(t.Data)})
	return nil
}

func readModule(path string, p *parts) (Module, error) {
	switch {
	case path == "":
		return Module{}, errors.New("there is a tensor of an adapter without a module path")
	case p.a == nil:
		return Module{}, fmt.Errorf("module %s has lora_B, but its lora_A is missing", path)
	case p.b == nil:
		return Module{}, fmt.Errorf("module %s has lora_A, but its lora_B is missing", path)
	case len(p.a.Shape) != 2 || len(p.b.Shape) != 2:
		return Module{}, fmt.Errorf("module %s: lora_A has shape %v and lora_B %v; only LoRA on linears, with two dimensions, is supported", path, p.a.Shape, p.b.Shape)
	case p.a.Shape[0] != p.b.Shape[1]:
		return Module{}, fmt.Errorf("module %s: lora_A %v and lora_B %v do not fit: want [r, in] and [out, r]", path, p.a.Shape, p.b.Shape)
	}
	if p.magnitude != nil && (len(p.magnitude.Shape) != 1 || p.magnitude.Shape[0] != p.b.Shape[0]) {
		return Module{}, fmt.Errorf("module %s: lora_magnitude_vector has shape %v, want [out] = [%d]", path, p.magnitude.Shape, p.b.Shape[0])
	}
	m := Module{Path: path, R: p.a.Shape[0], In: p.a.Shape[1], Out: p.b.Shape[0]}
	for _, part := range []struct {
		from *safetensors.Tensor
		into *[]float32
	}{{p.a, &m.A}, {p.b, &m.B}, {p.magnitude, &m.Magnitude}} {
		if part.from == nil {
			continue
		}
		values, err := safetensors.Float32s(*part.from)
		if err != nil {
			return Module{}, err
		}
		if err := safetensors.CheckFinite(*part.from); err != nil {
			return Module{}, err
		}
		*part.into = values
	}
	return m, nil
}
