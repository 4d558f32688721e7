package reference_test

import (
	"math"
	"strings"
	"testing"

	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/reference"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// problem is a program that computes an output and, from the direction dy, the
// gradient of loss = Σ out·dy by some of its inputs.
type problem struct {
	bt.Builder
	bt.Source
	ints    map[program.BufferID][]int32
	fixed   map[program.BufferID]float64
	scalars program.Scalars
	out, dy program.Operand
	wrt     []wrt
}

type wrt struct {
	name    string
	x, grad program.Operand
}

func (p *problem) floats(name string, rows, cols int) program.Operand {
	return p.Param(name, dtype.F32, rows, cols)
}

func (p *problem) integers(name string, values ...int32) program.Operand {
	o := p.Param(name, dtype.I32, len(values), 1)
	p.ints[program.BufferID(o.Slot)] = values
	return o
}

// constant fills a parameter with v instead of random numbers.
func (p *problem) constant(o program.Operand, v float64) { p.fixed[program.BufferID(o.Slot)] = v }

// loss says that out is differentiated; its result is the direction.
func (p *problem) loss(out program.Operand, rows, cols int) program.Operand {
	p.out, p.dy = out, p.floats("dy", rows, cols)
	return p.dy
}

// gradient makes the output that the program fills with the gradient by x.
func (p *problem) gradient(name string, x program.Operand, rows, cols int) program.Operand {
	g := p.floats("d"+name, rows, cols)
	p.wrt = append(p.wrt, wrt{name, x, g})
	return g
}

// Central differences of a float64 program agree with its gradients.
func TestGradients(t *testing.T) {
	seen := map[program.Op]bool{}
	for name, build := range gradientCases() {
		t.Run(name, func(t *testing.T) {
			p := &problem{Source: bt.NewSource(7), ints: map[program.BufferID][]int32{}, fixed: map[program.BufferID]float64{}}
			p.scalars = program.Scalars{Seed: 3, DropoutStep: 5, Training: true, Adapter: 1, InvN: 0.25}
			build(p)
			prog := p.Program()
			for _, in := range prog.Segments[0].Instrs {
				seen[in.Op] = true
			}
			p.check(t, prog)
		})
	}
	for _, op := range program.Ops() {
		if strings.HasSuffix(op.String(), "_grad") && !seen[op] {
			t.Errorf("no case has %s", op)
		}
	}
}

func (p *problem) check(t *testing.T, prog *program.Program) {
	e, err := reference.New[float64]().Load(prog)
	if err != nil {
		t.Fatal(err)
	}
	values := p.start(prog)
	loss := func() float64 {
		p.fill(t, e, values)
		if err := e.Run(0, &p.scalars); err != nil {
			t.Fatal(err)
		}
		var sum float64
		dy := e.Values(program.BufferID(p.dy.Slot))
		for i, v := range e.Values(program.BufferID(p.out.Slot)) {
			sum += v * dy[i]
		}
		return sum
	}
	loss()
	grads := make([][]float64, len(p.wrt))
	start := make([][]float64, len(p.wrt))
	for n, w := range p.wrt {
		id := program.BufferID(w.grad.Slot)
		grads[n] = append(grads[n], e.Values(id)...)
		start[n] = values[id]
	}
	const h = 1e-5
	for n, w := range p.wrt {
		x := values[program.BufferID(w.x.Slot)]
		var wrong, size float64
		for i := range x {
			was := x[i]
			x[i] = was + h
			up := loss()
			x[i] = was - h
			down := loss()
			x[i] = was
			want := (up - down) / (2 * h)
			got := grads[n][i] - offset(w, start[n], i)
			wrong += (got - want) * (got - want)
			size += want * want
		}
		if size == 0 || math.Sqrt(wrong/size) > 1e-7 {
			t.Errorf("d%s: ‖g−g*‖/‖g*‖ = %.2g of ‖g*‖ = %.2g", w.name, math.Sqrt(wrong/size), math.Sqrt(size))
		}
	}
}

// offset is what a gradient that is added to held before.
func offset(w wrt, start []float64, i int) float64 {
	if strings.HasSuffix(w.name, "+") {
		return start[i]
	}
	return 0
}

// start gives every F32 parameter random content, gradients included: so that
// one that is added to must be added to, and another must be replaced.
func (p *problem) start(prog *program.Program) map[program.BufferID][]float64 {
	values := map[program.BufferID][]float64{}
	for i, b := range prog.Buffers {
		if b.DType != dtype.F32 {
			continue
		}
		x := make([]float64, b.Rows*b.Cols)
		for n := range x {
			x[n] = p.NormFloat64()
			if v, ok := p.fixed[program.BufferID(i)]; ok {
				x[n] = v
			}
		}
		values[program.BufferID(i)] = x
	}
	return values
}

func (p *problem) fill(t *testing.T, e *reference.Executable[float64], values map[program.BufferID][]float64) {
	for id, x := range values {
		copy(e.Values(id), x)
	}
	for id, x := range p.ints {
		if err := bt.WriteInts(e, program.Operand{Slot: int(id)}, x); err != nil {
			t.Fatal(err)
		}
	}
}
