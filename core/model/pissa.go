package model

import (
	"fmt"
	"math"

	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/adapter"
	"github.com/loraedge/loraedge/formats/dtype"
)

// start is how a module's adapter began.
type start struct{ a, b []float32 }

// InitPiSSA begins a new adapter with the principal singular values and vectors
// of each weight, W ≈ U·diag(S)·Vᵀ: A = √(S/scale)·Vᵀ, B = U·√(S/scale), and takes
// scale·B·A out of the weight (PiSSA; Meng et al., 2024). A saved adapter then has twice the
// rank: it adds scale·(B·A − B₀·A₀) to the original base, with B₀, A₀ those of the beginning.
// progress (optional) hears of modules done; its error ends the work.
func (s *Session) InitPiSSA(seed uint64, progress func(done, total int) error) error {
	weights := map[string]program.BufferID{}
	for _, seg := range s.base.Graph.Segments() {
		for _, op := range seg.Ops {
			if op.Kind == graph.Linear {
				weights[op.Module] = s.Lowered.Weights[op.Weight]
			}
		}
	}
	s.starts = map[string]start{}
	for i, m := range s.Lowered.Modules {
		if progress != nil {
			if err := progress(i, len(s.Lowered.Modules)); err != nil {
				return err
			}
		}
		if err := s.takePrincipal(m, weights[m.Name], seed); err != nil {
			return fmt.Errorf("PiSSA of %s: %w", m.Name, err)
		}
	}
	return nil
}

func (s *Session) takePrincipal(m lower.Module, id program.BufferID, seed uint64) error {
	b := s.Lowered.Program.Buffers[id]
	if b.DType.InBlocks() {
		return fmt.Errorf("its weight is in 4 bits, and a part of it cannot be taken out; use init = \"default\", or a base model that is not quantised")
	}
	if m.Rank > min(m.In, m.Out) {
		return fmt.Errorf("lora_r is %d, more than its weight [%d, %d] has singular values", m.Rank, m.Out, m.In)
	}
	data := make([]byte, b.Bytes())
	if err := s.exe.Read(id, 0, data); err != nil {
		return err
	}
	w := make([]float32, m.Out*m.In)
	if err := dtype.ToFloat32(w, data, b.DType); err != nil {
		return err
	}
	first := firstFactors(w, m, seed)
	for o := range m.Out {
		row := w[o*m.In : (o+1)*m.In]
		for k := range m.Rank {
			f := m.Scale * first.b[o*m.Rank+k]
			for c, v := range first.a[k*m.In : (k+1)*m.In] {
				row[c] -= f * v
			}
		}
	}
	s.starts[m.Name] = first
	if err := dtype.FromFloat32(data, w, b.DType); err != nil {
		return err
	}
	if err := s.exe.Write(id, 0, data); err != nil {
		return err
	}
	if err := s.writeFloats(m.A, 0, first.a); err != nil {
		return err
	}
	return s.writeFloats(m.B, 0, first.b)
}

// firstFactors are A and B of a weight's principal part.
func firstFactors(w []float32, m lower.Module, seed uint64) start {
	u, values, v := principal(w, m.Out, m.In, m.Rank, seed)
	first := start{make([]float32, m.Rank*m.In), make([]float32, m.Out*m.Rank)}
	for k, value := range values {
		root := math.Sqrt(value / float64(m.Scale))
		for c, x := range v[k] {
			first.a[k*m.In+c] = float32(root * x)
		}
		for o, x := range u[k] {
			first.b[o*m.Rank+k] = float32(root * x)
		}
	}
	return first
}

// onOriginal makes a module's adapter one of twice the rank for the original
// weight: [A; A₀] and [B, −B₀].
func (first start) onOriginal(m adapter.Module) adapter.Module {
	wide := adapter.Module{Path: m.Path, R: 2 * m.R, In: m.In, Out: m.Out}
	wide.A = append(append(wide.A, m.A...), first.a...)
	for o := range m.Out {
		wide.B = append(wide.B, m.B[o*m.R:(o+1)*m.R]...)
		for _, v := range first.b[o*m.R : (o+1)*m.R] {
			wide.B = append(wide.B, -v)
		}
	}
	return wide
}
