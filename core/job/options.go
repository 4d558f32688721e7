package job

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Decoding takes prompts by decodeChunk tokens, and up to decodeContext in all.
const (
	decodeChunk   = 64
	decodeContext = 1024
)

// options say what to compile for this job.
func (j *Job) options() (lower.Options, error) {
	o := lower.Options{
		Train: data.Buckets(j.capacity()), Full: j.Config.Adapter.Kind == "full",
		Decode: []int{1, decodeChunk}, Cache: j.context(),
	}
	if !o.Full {
		var err error
		if o.Adapter, err = LoRA(j.Base, j.Config.Adapter); err != nil {
			return o, err
		}
	}
	if err := j.setPrecision(&o); err != nil {
		return o, err
	}
	o.Optimizer, o.Noise = optimizers[j.Config.Train.Optimizer], float32(j.Config.Train.NeftuneNoiseAlpha)
	return j.fit(o)
}

// setPrecision says how this job holds frozen weights and multiplies.
func (j *Job) setPrecision(o *lower.Options) error {
	p := model.Precision{Compute: computeTypes[j.Config.Device.Dtype]}
	if q := j.Config.Quantization; q.LoadIn4Bit {
		p.FourBit = dtype.NF4
		if q.DoubleQuant {
			p.FourBit = dtype.NF4Double
		}
	}
	return j.Base.SetPrecision(o, p, j.Device.Describe())
}

// computeTypes are the values of [device] dtype.
var computeTypes = map[string]dtype.DType{"auto": dtype.Invalid, "float32": dtype.F32, "bfloat16": dtype.BF16, "float16": dtype.F16}

// optimizers are the rules by their names. Paging of moments between a GPU's memory
// and the host's is nothing that this program needs: what a name with "paged_"
// asks of the result is the same.
var optimizers = map[string]lower.Optimizer{
	"adamw": lower.AdamW, "paged_adamw": lower.AdamW,
	"adamw_8bit": lower.AdamW8, "paged_adamw_8bit": lower.AdamW8,
	"sgd": lower.SGD,
}

// context is how many tokens sampling during a run may use.
func (j *Job) context() int {
	n := max(j.Config.Data.SequenceLen, 2*decodeChunk)
	if m := j.Base.Graph.MaxPositions; m > 0 {
		n = min(n, m)
	}
	return min(n, decodeContext)
}

// LoRA says which modules of a model get the adapter of a configuration.
func LoRA(b *model.Base, a config.Adapter) (*lower.LoRA, error) {
	targets, err := targetModules(b, a.LoraTargetModules)
	if err != nil {
		return nil, err
	}
	scale := a.LoraAlpha / float64(a.LoraR)
	if a.UseRSLora {
		scale = a.LoraAlpha / math.Sqrt(float64(a.LoraR))
	}
	return &lower.LoRA{
		Dropout: float32(a.LoraDropout), DoRA: a.UseDora, RatioB: float32(a.LoraPlusLRRatio),
		Target: func(module string) (int, float32, bool) {
			return a.LoraR, float32(scale), targets[module]
		},
	}, nil
}

// targetModules are the modules named: by their whole path or its last parts.
func targetModules(b *model.Base, t config.TargetModules) (map[string]bool, error) {
	linears := b.Linears()
	chosen := map[string]bool{}
	if t.AllLinear {
		for _, m := range linears {
			chosen[m] = true
		}
		return chosen, nil
	}
	for _, name := range t.Names {
		found := false
		for _, m := range linears {
			if m == name || strings.HasSuffix(m, "."+name) {
				chosen[m], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("lora_target_modules names %q, which this model does not have; it has %s", name, strings.Join(lastNames(linears), ", "))
		}
	}
	return chosen, nil
}

// lastNames are the distinct last parts of module paths, in order of first use.
func lastNames(modules []string) []string {
	var names []string
	for _, m := range modules {
		last := m[strings.LastIndex(m, ".")+1:]
		if !slices.Contains(names, last) {
			names = append(names, last)
		}
	}
	return names
}
