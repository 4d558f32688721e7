package vulkan

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// An operand that kernels cannot count is an error that says so; flat regions are done in parts.
func TestTooManyElements(t *testing.T) {
	l := &lowering{device: &device{Device: &vk.Device{}}}
	large := matrix{dtype: dtype.F32, rows: 1 << 16, cols: 1 << 15}
	_, err := l.entry([]instr{{op: program.OpAdd, in: []matrix{large, large}, out: []matrix{large}, attr: &program.Attr{}}})
	if err == nil || !strings.Contains(err.Error(), "2147483648 elements") {
		t.Errorf("got %v, want an error with the number of elements", err)
	}
	flat := matrix{dtype: dtype.F32, rows: 1, cols: 5 << 30, address: 1 << 20}
	work, err := l.entry([]instr{
		{op: program.OpZero, out: []matrix{flat}},
		{op: program.OpGradNorm, in: []matrix{flat}, out: []matrix{{dtype: dtype.F32, rows: 1, cols: 4}}},
		{op: program.OpSGD, in: []matrix{flat}, out: []matrix{flat, flat, {dtype: dtype.F32, rows: 1, cols: 4}},
			attr: &program.Attr{Ranges: []program.Range{{Len: 1 << 30}, {Offset: 1 << 30, Len: 1 << 30}, {Offset: 1 << 31, Len: 1 << 30}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3, 4, 4} { // with what begins or ends them
		if got := len(work[i].dispatches); got != want {
			t.Errorf("instruction %d: %d dispatches, want %d", i, got, want)
		}
	}
}

// The last rows of tables with almost 2^31 elements, so up to 8 GiB, are found. Only those rows
// are there: the operands' addresses are as much lower as the rows before them are long.
func TestLargeTables(t *testing.T) {
	if !withDevice(t) {
		return
	}
	const rows, cols, there = 131_072, 16_000, 128
	b := open(t).(*Backend)
	for _, kind := range []dtype.DType{dtype.F32, dtype.BF16} {
		size := int(kind.Bytes(there, cols))
		block, err := b.device.Alloc(int64(size)+4*cols+4*rows, vk.OnDevice)
		if err != nil {
			t.Fatal(err)
		}
		defer b.device.Free(block)
		stage, err := newStaging(b.device)
		if err != nil {
			t.Fatal(err)
		}
		defer stage.close()
		at := func(n int) uint64 { return block.Address + uint64(size+4*n) } // of what comes after the rows
		// Every element is its row's number there, plus one.
		values := make([]byte, 0, size)
		for r := range there {
			one := floatBytes([]float32{float32(r + 1)})
			if kind == dtype.BF16 {
				one = one[2:]
			}
			values = append(values, slices.Repeat(one, cols)...)
		}
		if err := stage.upload(block, 0, values); err != nil {
			t.Fatal(err)
		}
		table := matrix{dtype: kind, rows: rows, cols: cols, address: block.Address - uint64(kind.Bytes(rows-there, cols))}
		row := matrix{dtype: dtype.F32, rows: 1, cols: cols, address: at(0)}

		ids := make([]byte, 4)
		copy(ids, push(rows-2))
		if err := stage.upload(block, int64(size+4*cols), ids); err != nil {
			t.Fatal(err)
		}
		id := matrix{dtype: dtype.I32, rows: 1, cols: 1, address: at(cols)}
		k := &kernels{info: &b.device.Info}
		if err := lowerEmbed(k, &instr{in: []matrix{id, table}, out: []matrix{row}, attr: &program.Attr{Scale: 1}}); err != nil {
			t.Fatal(err)
		}
		runPart(t, b, k, nil)
		got := make([]byte, 4*cols)
		if err := stage.download(block, int64(size), got); err != nil {
			t.Fatal(err)
		}
		if want := floatBytes(slices.Repeat([]float32{there - 1}, cols)); !slices.Equal(got, want) {
			t.Errorf("embed, %s: the row before the last is not what the table has", kind)
		}

		// x is that row: its product with the last rows is theirs by its sum.
		result := matrix{dtype: dtype.F32, rows: 1, cols: rows, address: at(cols)}
		k = &kernels{info: &b.device.Info, forceTile: tile{16, 128, 32, 4, 4}}
		p := &product{kind: kindLinear, m: 1, n: rows, k: cols, x: row, w: table, y: result, scale: 1.0 / (cols * (there - 1))}
		if err := k.product(p); err != nil {
			t.Fatal(err)
		}
		runPart(t, b, k, func(c *vk.Command) { c.Base[0], c.Groups[0] = (rows-there)/128, there/128 })
		got = got[:4*there]
		if err := stage.download(block, int64(size+4*cols+4*(rows-there)), got); err != nil {
			t.Fatal(err)
		}
		for r := range there {
			if v := math.Float32frombits(binary.LittleEndian.Uint32(got[4*r:])); v < float32(r+1)*0.999 || v > float32(r+1)*1.001 {
				t.Fatalf("linear, %s: row %d gives %v, want %d", kind, rows-there+r, v, r+1)
			}
		}
	}
}

// runPart runs dispatches, after change has chosen a part of their grids.
func runPart(t *testing.T, b *Backend, k *kernels, change func(*vk.Command)) {
	t.Helper()
	var list []vk.Command
	for _, x := range k.list {
		p, err := b.device.pipeline(x.shader, x.constants, x.wholeSubgroups)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", x.shader, err))
		}
		c := vk.Dispatch(p, x.push, x.groups)
		c.Barrier = 1
		if change != nil {
			change(&c)
		}
		list = append(list, c)
	}
	when, err := b.device.Submit(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.device.Wait(vk.Compute, when); err != nil {
		t.Fatal(err)
	}
}
