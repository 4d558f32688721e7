package lower

import (
	"slices"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// regionAlign is the boundary, in elements, on which each trained tensor begins.
const regionAlign = 256

// trainedTensor is a tensor of the regions.
type trainedTensor struct {
	name       string
	rows, cols int
	decay      bool
	rate       float32 // multiplies the learning rate; 0 is 1
	embedding  bool
}

func (t trainedTensor) elements() int64 { return int64(t.rows) * int64(t.cols) }

// wide says whether AdamW8 leaves the tensor's moments in 32 bits: small ones
// and embeddings, as bitsandbytes and Transformers have it.
func (t trainedTensor) wide() bool { return t.embedding || t.elements() < 4096 }

// embeddings are the parameters that embedding operations look rows up in.
func (l *lowerer) embeddings() map[string]bool {
	tables := map[string]bool{}
	for _, op := range l.graph.Embed.Ops {
		if op.Kind == graph.Embedding {
			tables[op.Weight] = true
		}
	}
	return tables
}

func (l *lowerer) dora() bool { return l.Adapter != nil && l.Adapter.DoRA && len(l.model.Modules) > 0 }

// adapterTensors are the trained tensors of an operation's adapter.
func (l *lowerer) adapterTensors(op graph.Op) []trainedTensor {
	if l.Adapter == nil {
		return nil
	}
	rank, scale, ok := l.Adapter.Target(op.Module)
	if !ok {
		return nil
	}
	shape := l.shapes[op.Weight]
	m := Module{Name: op.Module, Rank: rank, In: shape[1], Out: shape[0], Scale: scale, Magnitude: -1, Norm: -1}
	l.ids[op.Module] = uint32(len(l.model.Modules))
	l.model.Modules = append(l.model.Modules, m)
	l.adapters[op.Module] = &m
	tensors := []trainedTensor{
		{name: loraA(op.Module), rows: rank, cols: m.In, decay: true},
		{name: loraB(op.Module), rows: m.Out, cols: rank, decay: true, rate: l.Adapter.RatioB},
	}
	if l.Adapter.DoRA {
		tensors = append(tensors, trainedTensor{name: magnitude(op.Module), rows: 1, cols: m.Out, decay: true, rate: l.Adapter.RatioB})
	}
	return tensors
}

func loraA(module string) string     { return module + ".lora_A.weight" }
func loraB(module string) string     { return module + ".lora_B.weight" }
func magnitude(module string) string { return module + ".lora_magnitude_vector" }

// allocateRegions lays the trained tensors out in one region each of
// parameters and gradients, and of what the optimizer keeps.
func (l *lowerer) allocateRegions(trained []trainedTensor) error {
	if len(trained) == 0 {
		return nil
	}
	if l.Optimizer == AdamW8 { // those in 32 bits come first
		slices.SortStableFunc(trained, func(a, b trainedTensor) int { return order(a.wide(), b.wide()) })
	}
	total := l.layOut(trained)
	state := l.newSpace()
	var failed error
	region := func(name string, t dtype.DType, rows int, cols int64) program.BufferID {
		id, err := l.newBuffer(program.State, state, name, t, rows, int(cols))
		if err != nil && failed == nil {
			failed = err
		}
		return id
	}
	m := l.model
	m.Params, m.Grads = region("params", dtype.F32, 1, total), region("grads", dtype.F32, 1, total)
	m.Optimizer = region("optimizer", dtype.F32, 1, 4)
	m.State = []Region{{"params", m.Params}, {"optimizer", m.Optimizer}}
	l.allocateMoments(trained, total, region)
	if failed != nil {
		return failed
	}
	for i, t := range trained {
		r := l.prog.Ranges[i]
		l.model.Weights[t.name] = l.view(m.Params, t.name, r.Offset, t.rows, t.cols)
		l.grads[t.name] = l.view(m.Grads, "grad."+t.name, r.Offset, t.rows, t.cols)
	}
	for i := range m.Modules {
		x := &m.Modules[i]
		x.A, x.B = m.Weights[loraA(x.Name)], m.Weights[loraB(x.Name)]
		if l.dora() {
			x.Magnitude = m.Weights[magnitude(x.Name)]
			x.Norm = region("norm."+x.Name, dtype.F32, 1, int64(x.Out))
		}
		*l.adapters[x.Name] = *x
	}
	l.addBlocks(program.State, state)
	return failed
}

// order puts what is true first.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// layOut gives each tensor its range and returns the regions' elements.
func (l *lowerer) layOut(trained []trainedTensor) int64 {
	var total int64
	for _, t := range trained {
		r := program.Range{Name: t.name, Offset: total, Len: t.elements(), Rate: 1}
		if t.rate != 0 {
			r.Rate = t.rate
		}
		if t.decay {
			r.Decay = 1
		}
		l.prog.Ranges = append(l.prog.Ranges, r)
		total += (r.Len + regionAlign - 1) / regionAlign * regionAlign
	}
	return total
}
