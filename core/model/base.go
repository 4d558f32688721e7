package model

import (
	"fmt"
	"strings"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/formats/huggingface"
	"github.com/loraedge/loraedge/formats/safetensors"
)

// Architectures compiles a model's config.json into a graph; plugins do it.
type Architectures interface {
	// Architecture builds the graph of a model for contexts of sequenceLen tokens.
	// tensors is empty for a model that starts at random.
	Architecture(modelType string, config []byte, tensors []Tensor, sequenceLen int) (*graph.Graph, error)
}

// Tensor is what an architecture learns of a tensor of the model's files.
type Tensor struct {
	Name  string
	DType string
	Shape []int
}

// Base is an open base model: its files and its graph.
type Base struct {
	Folder *huggingface.Folder
	Graph  *graph.Graph
	// Random says that the folder has no weights and the model starts at random.
	Random bool
}

// Open opens the model folder dir for contexts of sequenceLen tokens. With
// random the folder needs no weights.
func Open(dir string, archs Architectures, sequenceLen int, random bool) (*Base, error) {
	open := huggingface.Open
	if random {
		open = huggingface.OpenConfig
	}
	folder, err := open(dir)
	if err != nil {
		return nil, err
	}
	b := &Base{Folder: folder, Random: random}
	if b.Graph, err = b.build(archs, sequenceLen); err != nil {
		folder.Close()
		return nil, fmt.Errorf("base model %s: %w", dir, err)
	}
	return b, nil
}

func (b *Base) build(archs Architectures, sequenceLen int) (*graph.Graph, error) {
	var modelType string
	if _, err := b.Folder.Config.Decode("model_type", &modelType); err != nil {
		return nil, fmt.Errorf("config.json: model_type: %w", err)
	}
	if modelType == "" {
		return nil, fmt.Errorf(`config.json has no "model_type", which says what architecture the model has`)
	}
	var tensors []Tensor
	if !b.Random {
		for _, t := range b.Folder.Tensors() {
			tensors = append(tensors, Tensor{t.Name, t.DType.String(), t.Shape})
		}
	}
	g, err := archs.Architecture(modelType, b.Folder.Config.Bytes(), tensors, sequenceLen)
	if err != nil {
		return nil, err
	}
	if !b.Random {
		err = b.checkTensors(g)
	}
	return g, err
}

// checkTensors compares every parameter of the graph with the files.
func (b *Base) checkTensors(g *graph.Graph) error {
	var problems []string
	for _, p := range g.Params {
		t, ok := b.Folder.Tensor(p.Tensor)
		if !ok {
			problems = append(problems, fmt.Sprintf("tensor %s is missing", p.Tensor))
			continue
		}
		if err := checkShape(p, t); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) == 0 {
		return nil
	}
	shown := problems[:min(len(problems), 5)]
	more := ""
	if n := len(problems) - len(shown); n > 0 {
		more = fmt.Sprintf("\n  … and %d more", n)
	}
	return fmt.Errorf("the weights do not fit config.json:\n  %s%s", strings.Join(shown, "\n  "), more)
}

func checkShape(p graph.Param, t safetensors.Tensor) error {
	if !t.DType.Convertible() {
		return fmt.Errorf("tensor %s has dtype %s; wanted F32, F16 or BF16", t.Name, t.DType)
	}
	want := append([]int(nil), p.Shape...)
	if p.Transpose && len(want) == 2 {
		want[0], want[1] = want[1], want[0]
	}
	ok := len(want) == len(t.Shape)
	for i := range want {
		if ok && i == 0 && !p.Transpose {
			ok = p.FirstRow+want[0] <= t.Shape[0] && (p.FirstRow > 0 || want[0] == t.Shape[0])
		} else if ok {
			ok = want[i] == t.Shape[i]
		}
	}
	if !ok {
		return fmt.Errorf("tensor %s has shape %v; config.json wants %v", t.Name, t.Shape, want)
	}
	return nil
}

// Close unmaps the files.
func (b *Base) Close() error { return b.Folder.Close() }

// Linears are the modules of the blocks that an adapter can attach to.
func (b *Base) Linears() []string {
	var names []string
	for _, block := range b.Graph.Blocks {
		for _, op := range block.Ops {
			if op.Kind == graph.Linear {
				names = append(names, op.Module)
			}
		}
	}
	return names
}
