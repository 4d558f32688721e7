package backendtest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// memory tests transfers, calls with other arguments, and errors.
func memory(t *testing.T, backend backends.Backend) {
	b := &Builder{BlockSize: 1024}
	x, y := b.Param("x", dtype.F32, 3, 5), b.Param("y", dtype.F32, 3, 5)
	n := b.Param("n", dtype.I32, 4, 1)
	b.Emit(program.OpAdd, program.Attr{}, In(x, x), y)
	p := b.Program()
	// The second call has x and y change places: x becomes four times x.
	p.Entries[0].Calls = append(p.Entries[0].Calls, program.Call{Args: []program.BufferID{1, 0, 2}})
	e, err := backend.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()

	t.Run("planned_equals_allocated", func(t *testing.T) {
		var planned int64
		for _, b := range p.Blocks {
			planned += b.Size
		}
		if got := e.Allocated(); got != planned {
			t.Errorf("allocated %d bytes, planned %d", got, planned)
		}
	})
	t.Run("part_of_a_buffer", func(t *testing.T) { partOfABuffer(t, e, n) })
	t.Run("calls_bind_arguments", func(t *testing.T) { callsBindArguments(t, e, x) })
	t.Run("calls_load_weights", func(t *testing.T) { callsLoadWeights(t, backend) })
	t.Run("calls_park_activations", func(t *testing.T) { callsParkActivations(t, backend) })
	t.Run("calls_number_modules", func(t *testing.T) { callsNumberModules(t, backend) })
	t.Run("inputs", func(t *testing.T) { wrongInputs(t, backend) })
	t.Run("errors", func(t *testing.T) { wrongUse(t, backend, e, n) })
}

func partOfABuffer(t *testing.T, e backends.Executable, n program.Operand) {
	if err := WriteInts(e, n, []int32{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	id := program.BufferID(n.Slot)
	if err := e.Write(id, 8, []byte{255, 255, 255, 255}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 12)
	if err := e.Read(id, 4, got); err != nil {
		t.Fatal(err)
	}
	if want := []byte{2, 0, 0, 0, 255, 255, 255, 255, 4, 0, 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("read % x, want % x", got, want)
	}
}

func callsBindArguments(t *testing.T, e backends.Executable, x program.Operand) {
	values := make([]float32, 15)
	for i := range values {
		values[i] = float32(i) - 3.5
	}
	if err := WriteFloats(e, x, values); err != nil {
		t.Fatal(err)
	}
	s := scalars()
	if err := e.Run(0, &s); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 15)
	if err := ReadFloats(e, x, got); err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v != 4*values[i] {
			t.Fatalf("element %d is %v, want %v", i, v, 4*values[i])
		}
	}
}

// callsLoadWeights runs two calls of one segment, y = x·w with w loaded to the
// same place from two buffers of the host.
func callsLoadWeights(t *testing.T, backend backends.Backend) {
	const rows, inputs, outputs = 2, 3, 5
	b := &Builder{}
	x, w, y1 := b.Param("x", dtype.F32, rows, inputs), b.Param("w", dtype.F32, outputs, inputs), b.Param("y1", dtype.F32, rows, outputs)
	y2, h1, h2 := b.Param("y2", dtype.F32, rows, outputs), b.Param("h1", dtype.F32, outputs, inputs), b.Param("h2", dtype.F32, outputs, inputs)
	b.Emit(program.OpLinear, program.Attr{Scale: 1}, In(x, w, None, None, None, None), y1)
	p := b.Program()
	for _, h := range []program.Operand{h1, h2} {
		p.Blocks[p.Buffers[h.Slot].Place.Block].Class = program.Host
	}
	p.Segments[0].Params = p.Segments[0].Params[:3]
	id := func(o program.Operand) program.BufferID { return program.BufferID(o.Slot) }
	p.Entries[0].Calls = []program.Call{
		{Loads: []program.Copy{{From: id(h1), To: id(w)}}, Args: []program.BufferID{id(x), id(w), id(y1)}},
		{Loads: []program.Copy{{From: id(h2), To: id(w)}}, Args: []program.BufferID{id(x), id(w), id(y2)}},
	}
	e, err := backend.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	fill := func(o program.Operand, n int, by float32) {
		values := make([]float32, n)
		for i := range values {
			values[i] = by * float32(i+1)
		}
		if err := WriteFloats(e, o, values); err != nil {
			t.Fatal(err)
		}
	}
	fill(x, rows*inputs, 1)
	fill(h1, outputs*inputs, 1)
	fill(h2, outputs*inputs, -2)
	s := scalars()
	if err := e.Run(0, &s); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		y  program.Operand
		by float32
	}{{y1, 1}, {y2, -2}} {
		got := make([]float32, rows*outputs)
		if err := ReadFloats(e, c.y, got); err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			for o := range outputs {
				var want float32
				for i := range inputs {
					want += float32(r*inputs+i+1) * c.by * float32(o*inputs+i+1)
				}
				if got[r*outputs+o] != want {
					t.Errorf("weights times %g: element [%d, %d] is %g, want %g", c.by, r, o, got[r*outputs+o], want)
				}
			}
		}
	}
}

// callsParkActivations doubles a value through two buffers in turns, x to y to x
// …, saves every value that was written, and loads them back in reverse, each into
// the buffer that the call before the last one used, to be added up.
func callsParkActivations(t *testing.T, backend backends.Backend) {
	const rows, cols, values = 3, 500, 9
	b := &Builder{}
	x, y, sum := b.Param("x", dtype.F32, rows, cols), b.Param("y", dtype.F32, rows, cols), b.Param("sum", dtype.F32, rows, cols)
	var parked []program.Operand
	for range values {
		parked = append(parked, b.Param("parked", dtype.F32, rows, cols))
	}
	b.Emit(program.OpAdd, program.Attr{}, In(x, x), y)
	p := b.Program()
	for _, o := range parked {
		p.Blocks[p.Buffers[o.Slot].Place.Block].Class = program.Parked
	}
	double := p.Segments[0]
	double.Params = double.Params[:2]
	add := program.Segment{Name: "sum", Params: []program.Slot{double.Params[0], double.Params[0]}, Instrs: []program.Instr{
		{Op: program.OpAdd, In: []program.Operand{{Slot: 0, Rows: rows}, {Slot: 1, Rows: rows}}, Out: []program.Operand{{Slot: 1, Rows: rows}}},
	}}
	p.Segments = []program.Segment{double, add}
	id := func(o program.Operand) program.BufferID { return program.BufferID(o.Slot) }
	turns := [2]program.BufferID{id(x), id(y)}
	var calls, back []program.Call
	for i := range values {
		from, to := turns[i%2], turns[(i+1)%2]
		calls = append(calls, program.Call{Args: []program.BufferID{from, to}, Saves: []program.Copy{{From: to, To: id(parked[i])}}})
		back = append([]program.Call{{
			Loads: []program.Copy{{From: id(parked[i]), To: to}}, Segment: 1, Args: []program.BufferID{to, id(sum)},
		}}, back...)
	}
	// What a step keeps in one entry, and what a forward leaves for a backward.
	forward, backward := p.Entries[0], p.Entries[0]
	p.Entries[0].Kind, p.Entries[0].Calls = program.Step, append(calls[:len(calls):len(calls)], back...)
	forward.Kind, forward.Calls = program.Forward, calls
	backward.Kind, backward.Calls = program.Backward, back
	p.Entries = append(p.Entries, forward, backward)
	e, err := backend.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	start := make([]float32, rows*cols)
	for i := range start {
		start[i] = float32(i) - 700
	}
	for _, entries := range [][]int{{0}, {1, 2}} {
		if err := errors.Join(WriteFloats(e, x, start), WriteFloats(e, sum, make([]float32, rows*cols))); err != nil {
			t.Fatal(err)
		}
		s := scalars()
		for _, entry := range entries {
			if err := e.Run(entry, &s); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]float32, rows*cols)
		if err := ReadFloats(e, sum, got); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if want := start[i] * (1<<(values+1) - 2); v != want { // 2 + 4 + … + 2^values
				t.Fatalf("entries %v: element %d is %g, want %g", entries, i, v, want)
			}
		}
	}
}

// callsNumberModules drops with the module number of the instruction plus that
// of the call.
func callsNumberModules(t *testing.T, backend backends.Backend) {
	const rows, cols = 4, 40
	b := &Builder{}
	x, index, y := b.Param("x", dtype.F32, rows, cols), b.Param("index", dtype.I32, rows, 1), b.Param("y", dtype.F32, rows, cols)
	const p = 0.25
	b.Emit(program.OpDrop, program.Attr{Dropout: program.Dropout{P: p, Module: 3}}, In(x, index), y)
	prog := b.Program()
	second := prog.Entries[0]
	second.Calls = []program.Call{second.Calls[0]}
	second.Calls[0].Module = 1000
	prog.Entries = append(prog.Entries, second)
	e, err := backend.Compile(prog)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ones, numbers := make([]float32, rows*cols), make([]int32, rows)
	for i := range ones {
		ones[i] = 1
	}
	for i := range numbers {
		numbers[i] = int32(7 * i)
	}
	if err := errors.Join(WriteFloats(e, x, ones), WriteInts(e, index, numbers)); err != nil {
		t.Fatal(err)
	}
	s := scalars()
	s.Training = true
	for entry, module := range []uint32{3, 1003} {
		if err := e.Run(entry, &s); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, rows*cols)
		if err := ReadFloats(e, y, got); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			kept := program.Keep(program.RowKey(s.Seed, s.DropoutStep, module, uint32(numbers[i/cols])), uint32(i%cols)) >= program.Threshold(p)
			if (v != 0) != kept {
				t.Fatalf("module %d: element %d is %g, kept: %t", module, i, v, kept)
			}
		}
	}
}

// wrongUse is refused with an error and never a panic.
func wrongUse(t *testing.T, backend backends.Backend, e backends.Executable, n program.Operand) {
	id := program.BufferID(n.Slot)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"write beyond the buffer", func() error { return e.Write(id, 8, make([]byte, 12)) }},
		{"read beyond the buffer", func() error { return e.Read(id, 20, make([]byte, 4)) }},
		{"write before the buffer", func() error { return e.Write(id, -4, make([]byte, 4)) }},
		{"buffer that does not exist", func() error { return e.Write(3, 0, make([]byte, 4)) }},
		{"negative buffer", func() error { return e.Read(-1, 0, make([]byte, 4)) }},
		{"entry that does not exist", func() error { s := scalars(); return e.Run(1, &s) }},
		{"program that fails its check", func() error {
			b := &Builder{}
			b.Emit(program.OpCopy, program.Attr{}, In(b.Param("x", dtype.F32, 2, 3)), b.Param("y", dtype.F32, 2, 4))
			_, err := backend.Compile(b.Program())
			return err
		}},
	} {
		if err := c.do(); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}
