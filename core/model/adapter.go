package model

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/formats/adapter"
	"github.com/loraedge/loraedge/formats/dtype"
	"github.com/loraedge/loraedge/formats/huggingface"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// AdapterSettings are what adapter_config.json says besides the tensors.
type AdapterSettings struct {
	BaseModel string // as a person names it
	Rank      int
	Alpha     float64
	Dropout   float64
	UseRSLoRA bool
	UseDoRA   bool
}

// SaveAdapter writes the adapter to dir as PEFT loads it.
func (s *Session) SaveAdapter(dir string, a AdapterSettings) error {
	out := &adapter.Adapter{Config: adapter.Config{
		BaseModelNameOrPath: a.BaseModel, R: a.Rank, LoraAlpha: a.Alpha, LoraDropout: a.Dropout, UseRSLoRA: a.UseRSLoRA, UseDoRA: a.UseDoRA,
		TargetModules: s.targetNames(),
	}}
	if s.starts != nil { // the scale stays with twice the rank
		out.Config.R *= 2
		out.Config.LoraAlpha *= 2
		if a.UseRSLoRA {
			out.Config.LoraAlpha = math.Sqrt2 * a.Alpha
		}
	}
	for _, m := range s.Lowered.Modules {
		module := adapter.Module{Path: m.Name, R: m.Rank, In: m.In, Out: m.Out}
		var err error
		if module.A, err = s.readFloats(m.A); err != nil {
			return err
		}
		if module.B, err = s.readFloats(m.B); err != nil {
			return err
		}
		if m.Magnitude >= 0 {
			if module.Magnitude, err = s.readFloats(m.Magnitude); err != nil {
				return err
			}
		}
		if first, ok := s.starts[m.Name]; ok {
			module = first.onOriginal(module)
		}
		out.Modules = append(out.Modules, module)
	}
	return adapter.Write(dir, out)
}

// targetNames are the shortest names that mean exactly the adapted modules:
// last names where these fit every module of that name, else whole paths.
func (s *Session) targetNames() []string {
	adapted := map[string]bool{}
	for _, m := range s.Lowered.Modules {
		adapted[m.Name] = true
	}
	partly := map[string]bool{} // last names that some module without an adapter has
	for _, m := range s.base.Linears() {
		if !adapted[m] {
			partly[lastName(m)] = true
		}
	}
	var names []string
	for _, m := range s.Lowered.Modules {
		name := m.Name
		if last := lastName(name); !partly[last] {
			name = last
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func lastName(module string) string { return module[strings.LastIndex(module, ".")+1:] }

// SaveModel writes all parameters to dir as a Hugging Face folder, in the
// element type that config.json names.
func (s *Session) SaveModel(dir string) error {
	to, err := s.base.dtype()
	if err != nil {
		return err
	}
	var sources []safetensors.Source
	for _, p := range s.base.Graph.Params {
		if p.Transpose || p.FirstRow > 0 {
			return fmt.Errorf("parameter %s is a part of tensor %s: such a model cannot be written yet", p.Name, p.Tensor)
		}
		values, err := s.readFloats(s.Lowered.Weights[p.Name])
		if err != nil {
			return err
		}
		sources = append(sources, safetensors.FromFloat32s(p.Tensor, p.Shape, values, to))
	}
	return huggingface.Write(dir, s.base.Folder.Config.Bytes(), sources, huggingface.WriteOptions{TextFrom: s.base.Folder.Dir})
}

// CopyText copies the tokenizer and template files of the base to dir.
func (b *Base) CopyText(dir string) error { return b.Folder.CopyTextTo(dir) }

// StartWith is Start with the adapter of a folder in place; dir "" is the base
// alone. Of o.Adapter only what an adapter's folder does not say counts: dropout and the
// ratio of rates.
func (b *Base) StartWith(device backends.Backend, o lower.Options, dir string) (*Session, error) {
	if dir == "" {
		return b.Start(device, o, 0, nil)
	}
	a, err := adapter.Read(dir)
	if err != nil {
		return nil, err
	}
	training := o.Adapter
	if o.Adapter, err = b.adapterTargets(a); err != nil {
		return nil, fmt.Errorf("adapter %s: %w", dir, err)
	}
	if training != nil {
		o.Adapter.Dropout, o.Adapter.RatioB = training.Dropout, training.RatioB
	}
	s, err := b.Start(device, o, 0, nil)
	if err != nil {
		return nil, err
	}
	if err := s.setAdapter(a); err != nil {
		s.Close()
		return nil, fmt.Errorf("adapter %s: %w", dir, err)
	}
	return s, nil
}

// adapterTargets gives each linear the rank and scale that an adapter has for it.
func (b *Base) adapterTargets(a *adapter.Adapter) (*lower.LoRA, error) {
	if len(a.Saved) > 0 {
		return nil, fmt.Errorf("it replaces whole tensors (%s, …) with modules_to_save, which this version cannot apply", a.Saved[0].Name)
	}
	linears := b.Linears()
	scales := map[string]float32{}
	for _, m := range a.Modules {
		if !slices.Contains(linears, m.Path) {
			return nil, fmt.Errorf("module %s is not a linear of this base model's blocks; is it an adapter for another model?", m.Path)
		}
		scale, err := a.Config.Scale(m.Path)
		if err != nil {
			return nil, err
		}
		scales[m.Path] = float32(scale)
	}
	return &lower.LoRA{DoRA: a.Config.UseDoRA, Target: func(module string) (int, float32, bool) {
		m, ok := a.Module(module)
		return m.R, scales[module], ok
	}}, nil
}

func (s *Session) setAdapter(a *adapter.Adapter) error {
	for _, m := range s.Lowered.Modules {
		given, _ := a.Module(m.Name)
		if given.In != m.In || given.Out != m.Out {
			return fmt.Errorf("module %s is [%d, %d], the base model's is [%d, %d]; is it an adapter for another model?", m.Name, given.Out, given.In, m.Out, m.In)
		}
		if err := s.writeFloats(m.A, 0, given.A); err != nil {
			return err
		}
		if err := s.writeFloats(m.B, 0, given.B); err != nil {
			return err
		}
		if m.Magnitude >= 0 {
			if err := s.writeFloats(m.Magnitude, 0, given.Magnitude); err != nil {
				return err
			}
		}
	}
	return s.refresh()
}

// dtype is the element type that config.json names, F32 where it names none.
func (b *Base) dtype() (dtype.DType, error) {
	for _, key := range []string{"dtype", "torch_dtype"} {
		var name string
		if _, err := b.Folder.Config.Decode(key, &name); err != nil {
			return dtype.F32, fmt.Errorf("config.json: %s: %w", key, err)
		}
		switch name {
		case "bfloat16":
			return dtype.BF16, nil
		case "float16":
			return dtype.F16, nil
		}
	}
	return dtype.F32, nil
}
