package model

import (
	"fmt"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/formats/huggingface"
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
	err := g.CheckTensors(func(name string) ([]int, bool) {
		t, ok := b.Folder.Tensor(name)
		return t.Shape, ok
	})
	if err != nil {
		return fmt.Errorf("the weights do not fit config.json: %w", err)
	}
	for _, p := range g.Params {
		if t, _ := b.Folder.Tensor(p.Tensor); !t.DType.Convertible() && !t.DType.InBlocks() {
			return fmt.Errorf("%s: tensor %s has dtype %s; wanted F32, F16 or BF16", t.Path, t.Name, t.TypeName)
		}
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
