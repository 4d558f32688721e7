package adapter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/formats/dtype"
)

const (
	configFile  = "adapter_config.json"
	weightsFile = "adapter_model.safetensors"

	keyPrefix = "base_model.model."
	keyA      = ".lora_A.weight"
	keyB      = ".lora_B.weight"
	keyM      = ".lora_magnitude_vector"
)

// Adapter is a LoRA adapter with its weights in memory.
type Adapter struct {
	Config  Config
	Modules []Module // sorted by path, after Read
	Saved   []Saved  // sorted by name, after Read
	// DType is the type of A and B in the file: F32 when Invalid, or F16 or BF16.
	DType dtype.DType
}

// Module is the part of an adapter that belongs to one linear of the base: it
// adds Scale(Path)·B·A to the linear's weight. With DoRA each row of the sum is
// then scaled to the norm that Magnitude gives.
type Module struct {
	Path       string // "model.layers.0.self_attn.q_proj"
	R, In, Out int
	A          []float32 // [R, In]
	B          []float32 // [Out, R]
	Magnitude  []float32 // [Out] with DoRA
}

// Saved is a tensor of the base that was trained whole (modules_to_save), in the
// type that the file has it in.
type Saved struct {
	Name  string // "lm_head.weight"
	DType dtype.DType
	Shape []int
	Data  []byte // little-endian
}

// Module finds the part that belongs to the linear at path.
func (a *Adapter) Module(path string) (Module, bool) {
	i := slices.IndexFunc(a.Modules, func(m Module) bool { return m.Path == path })
	if i < 0 {
		return Module{}, false
	}
	return a.Modules[i], true
}

// check is an error where config, modules and saved tensors contradict each
// other: PEFT would refuse such an adapter or leave parts of it out.
func (a *Adapter) check() error {
	if err := a.Config.check(); err != nil {
		return err
	}
	if len(a.Modules) == 0 && len(a.Saved) == 0 {
		return fmt.Errorf("the adapter has no tensors")
	}
	paths := make(map[string]bool)
	for _, m := range a.Modules {
		if paths[m.Path] {
			return fmt.Errorf("module %s is there twice", m.Path)
		}
		paths[m.Path] = true
		if err := a.Config.checkModule(m); err != nil {
			return fmt.Errorf("module %s: %w", m.Path, err)
		}
	}
	for _, name := range a.Config.ModulesToSave {
		if !slices.ContainsFunc(a.Saved, func(s Saved) bool { return belongsTo(s.Name, name) }) {
			return fmt.Errorf("modules_to_save names %s, but the adapter has no tensor of it", name)
		}
	}
	return nil
}

func (c Config) checkModule(m Module) error {
	r, err := c.Rank(m.Path)
	if err != nil {
		return err
	}
	if _, err := c.Alpha(m.Path); err != nil {
		return err
	}
	targeted, err := c.Targets(m.Path)
	switch {
	case err != nil:
		return err
	case !targeted:
		return fmt.Errorf("it has tensors, but target_modules does not name it")
	case m.R != r:
		return fmt.Errorf("its tensors have rank %d, but the configuration gives it r = %d", m.R, r)
	case len(m.A) != m.R*m.In || m.In < 1:
		return fmt.Errorf("lora_A has %d values, want [r, in] = [%d, %d]", len(m.A), m.R, m.In)
	case len(m.B) != m.Out*m.R || m.Out < 1:
		return fmt.Errorf("lora_B has %d values, want [out, r] = [%d, %d]", len(m.B), m.Out, m.R)
	case c.UseDoRA && len(m.Magnitude) != m.Out:
		return fmt.Errorf("lora_magnitude_vector has %d values, want out = %d, since use_dora is set", len(m.Magnitude), m.Out)
	case !c.UseDoRA && m.Magnitude != nil:
		return errors.New("it has a lora_magnitude_vector, but use_dora is not set")
	}
	return nil
}

// belongsTo reports whether the tensor of a name is one of a module that is
// called module or whose path ends so.
func belongsTo(tensor, module string) bool {
	for path := tensor; ; {
		dot := strings.LastIndexByte(path, '.')
		if dot < 0 {
			return false
		}
		path = path[:dot]
		if path == module || strings.HasSuffix(path, "."+module) {
			return true
		}
	}
}
