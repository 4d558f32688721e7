package adapter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/internal/atomicfile"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// Write makes the folder dir with the adapter as PEFT loads it. The same
// adapter gives the same bytes. Config and tensors must agree, as in Read. The
// configuration comes last, so that a folder that was not finished is not taken
// for an adapter.
func Write(dir string, a *Adapter) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("the adapter to be written to %s: %w", dir, err)
	}
	config, err := a.Config.json()
	if err != nil {
		return fmt.Errorf("the adapter to be written to %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	d := a.DType
	if d == dtype.Invalid {
		d = dtype.F32
	}
	var tensors []safetensors.Source
	for _, m := range a.Modules {
		tensors = append(tensors,
			safetensors.FromFloat32s(keyPrefix+m.Path+keyA, []int{m.R, m.In}, m.A, d),
			safetensors.FromFloat32s(keyPrefix+m.Path+keyB, []int{m.Out, m.R}, m.B, d))
		if a.Config.UseDoRA {
			tensors = append(tensors, safetensors.FromFloat32s(keyPrefix+m.Path+keyM, []int{m.Out}, m.Magnitude, d))
		}
	}
	for _, s := range a.Saved {
		tensors = append(tensors, safetensors.Source{Name: keyPrefix + s.Name, DType: s.DType, Shape: s.Shape, Data: s.Data})
	}
	if err := safetensors.Write(filepath.Join(dir, weightsFile), tensors, nil); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, configFile), config)
}

// configJSON is adapter_config.json with its keys in order, as PEFT sorts them.
// It has the keys that PEFT 0.10 knew and every reader expects; later ones all
// stand for variants of LoRA that are off, and older versions of PEFT refuse
// keys that they do not know.
type configJSON struct {
	AlphaPattern        ordered `json:"alpha_pattern"`
	AutoMapping         any     `json:"auto_mapping"`
	BaseModelNameOrPath *string `json:"base_model_name_or_path"`
	Bias                string  `json:"bias"`
	FanInFanOut         bool    `json:"fan_in_fan_out"`
	InferenceMode       bool    `json:"inference_mode"`
	InitLoraWeights     bool    `json:"init_lora_weights"`
	LayerReplication    any     `json:"layer_replication"`
	LayersPattern       any     `json:"layers_pattern"`
	LayersToTransform   any     `json:"layers_to_transform"`
	LoftqConfig         ordered `json:"loftq_config"`
	LoraAlpha           float64 `json:"lora_alpha"`
	LoraDropout         float64 `json:"lora_dropout"`
	MegatronConfig      any     `json:"megatron_config"`
	MegatronCore        string  `json:"megatron_core"`
	ModulesToSave       any     `json:"modules_to_save"`
	PeftType            string  `json:"peft_type"`
	R                   int     `json:"r"`
	RankPattern         ordered `json:"rank_pattern"`
	Revision            any     `json:"revision"`
	TargetModules       any     `json:"target_modules"`
	TaskType            string  `json:"task_type"`
	UseDora             bool    `json:"use_dora"`
	UseRslora           bool    `json:"use_rslora"`
}

func (c Config) json() ([]byte, error) {
	out := configJSON{
		Bias: "none", FanInFanOut: c.FanInFanOut, InferenceMode: true, InitLoraWeights: true, LoraAlpha: c.LoraAlpha, LoraDropout: c.LoraDropout,
		MegatronCore: "megatron.core", PeftType: "LORA", R: c.R, TaskType: c.TaskType, UseRslora: c.UseRSLoRA, UseDora: c.UseDoRA,
	}
	if out.TaskType == "" {
		out.TaskType = "CAUSAL_LM"
	}
	if c.BaseModelNameOrPath != "" {
		out.BaseModelNameOrPath = &c.BaseModelNameOrPath
	}
	if len(c.ModulesToSave) > 0 {
		out.ModulesToSave = slices.Sorted(slices.Values(c.ModulesToSave))
	}
	if c.TargetPattern != "" {
		out.TargetModules = c.TargetPattern
	} else {
		out.TargetModules = slices.Compact(slices.Sorted(slices.Values(c.TargetModules)))
	}
	for _, p := range c.RankPattern {
		out.RankPattern = append(out.RankPattern, keyValue{p.Pattern, p.R})
	}
	for _, p := range c.AlphaPattern {
		out.AlphaPattern = append(out.AlphaPattern, keyValue{p.Pattern, p.LoraAlpha})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(out)
	return b.Bytes(), err
}

// ordered is a JSON object whose order counts: of patterns, the first that
// matches is taken.
type ordered []keyValue

type keyValue struct {
	key   string
	value any
}

func (o ordered) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, kv := range o {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(kv.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(kv.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, key...), ':'), value...)
	}
	return append(b, '}'), nil
}
