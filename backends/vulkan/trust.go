package vulkan

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// matrixTypes are the types of factors that matrix units may have, the preferred one first.
var matrixTypes = []dtype.DType{dtype.BF16, dtype.F16}

// verdict says whether matrix units are used for a type of factors.
type verdict struct {
	compute dtype.DType
	unit    unit
	// not says why they are not used; "" where they are.
	not string
}

// The values of LORAEDGE_VULKAN_MATRIX: neither what is known of a driver nor a measured time
// turns matrix units off that it forces, wrong results do.
const (
	matrixVariable = "LORAEDGE_VULKAN_MATRIX"
	matricesOff    = "0"
	matricesForced = "1"
)

// Numbers of VkDriverId.
const (
	driverAMDProprietary = 1
	driverAMDOpenSource  = 2
	driverIntelWindows   = 5
	driverIntelMesa      = 6
)

// slowFamilies have matrices that are computed without matrix units, or by units that the driver does not use well.
var slowFamilies = []struct {
	is  func(*vk.Info) bool
	why string
}{
	{func(i *vk.Info) bool { return i.Kind == vk.CPU },
		"the processor has none and emulates them"},
	// Arc A770: products at 0.0007 times the speed without, github.com/ggml-org/llama.cpp/pull/24404; gains from Xe2 on,
	// pull/14001. Xe2 is told by subgroups of 16 at least, where older ones have 8.
	{func(i *vk.Info) bool {
		return (i.DriverID == driverIntelWindows || i.DriverID == driverIntelMesa) && i.MinSubgroup < 16
	},
		"Intel's graphics before Xe2 are slower with them"},
	// "AMD's proprietary driver for older generations" has them without the hardware, github.com/ggml-org/llama.cpp/pull/10597.
	// RDNA 3, the first with the hardware, is also the first with dot products of signed and unsigned bytes; what has bfloat16 is newer.
	{func(i *vk.Info) bool {
		return (i.DriverID == driverAMDProprietary || i.DriverID == driverAMDOpenSource) && !i.MixedDotProducts && !i.Features.Bfloat16Matrix
	},
		"AMD's driver emulates them before RDNA 3"},
}

// prove checks what the device computes: an error where it is wrong without matrix units, else matrix units are used for
// every type in which they are right and not slower. broken are types whose kernels lost the device before.
func (b *Backend) prove(broken map[dtype.DType]error) error {
	d := b.device
	if err := b.probe(dtype.F32); err != nil {
		return err
	}
	d.matrices = map[dtype.DType]bool{}
	for _, compute := range matrixTypes {
		v, err := b.judge(compute, broken[compute])
		if err != nil {
			return err
		}
		d.matrices[compute] = v.not == ""
		d.verdicts = append(d.verdicts, v)
	}
	return nil
}

// judge decides on one type. Errors are those that leave no device to go on with.
func (b *Backend) judge(compute dtype.DType, broken error) (verdict, error) {
	info, asked := &b.device.Info, os.Getenv(matrixVariable)
	u, ok := unitFor(info, compute)
	v := verdict{compute: compute, unit: u}
	switch {
	case !ok && slices.ContainsFunc(shapes(info), func(s string) bool { return strings.Contains(s, " "+factorNames[compute]+"→") }):
		v.not = "no kernel fits the driver's shapes"
	case !ok:
		v.not = "the driver has none"
	case asked == matricesOff:
		v.not = matrixVariable + " is 0"
	case asked != matricesForced && slowFamily(info) != "":
		v.not = slowFamily(info)
	case broken != nil:
		v.not = broken.Error()
	}
	if v.not != "" {
		return v, nil
	}
	b.device.matrices[compute] = true
	err := b.probe(compute)
	if err == nil && asked != matricesForced {
		var slow bool
		if slow, err = b.slower(compute); slow {
			v.not = "a product takes longer than without them"
		}
	}
	b.device.matrices[compute] = false
	switch {
	case errors.Is(err, backends.ErrLost):
		return v, &brokenType{compute, err}
	case errors.Is(err, backends.ErrOutOfMemory):
		return v, err
	case err != nil:
		v.not = err.Error()
	}
	return v, nil
}

// factorNames are the types in the words of vk.Component.
var factorNames = map[dtype.DType]string{dtype.BF16: vk.Bfloat16.String(), dtype.F16: vk.Float16.String()}

func slowFamily(i *vk.Info) string {
	for _, f := range slowFamilies {
		if f.is(i) {
			return f.why
		}
	}
	return ""
}

// brokenType says in which type the device was lost.
type brokenType struct {
	compute dtype.DType
	error
}

func (e *brokenType) Unwrap() error { return e.error }

// clearlySlower is how many times as long a product must take on matrix units for them to be turned off. Emulated ones take ten
// to a thousand times as long, used ones a half or less: noise reaches neither side, so that
// the same device is judged alike each time.
const clearlySlower = 1.5

// slower measures a product of middle size with and without matrix units by the device's clock, the best of several each, in
// turns, so that both find the same clock rates and neighbours. A device without a clock is not slower.
func (b *Backend) slower(compute dtype.DType) (bool, error) {
	if b.device.PrepareTimes() != nil {
		return false, nil
	}
	e, err := b.Compile(productProgram(1024, 256, 2048, compute, dtype.F32, compute))
	if err != nil {
		return false, err
	}
	defer e.Close()
	best := [2]float64{math.Inf(1), math.Inf(1)}
	for range 5 {
		for entry := range best {
			t, err := e.(backends.Timer).Time(entry, &program.Scalars{})
			if err != nil {
				return false, err
			}
			best[entry] = min(best[entry], t[0].Seconds)
		}
		if best[1] > 20*best[0] {
			break // long decided
		}
	}
	return best[1] > clearlySlower*best[0], nil
}

// productProgram is y = x·wᵀ with x, w and y as buffers 0, 1 and 2, in one entry for each of computes.
func productProgram(rows, inputs, outputs int, weight dtype.DType, computes ...dtype.DType) *program.Program {
	p := &program.Program{}
	var call program.Call
	var params []program.Slot
	for i, s := range [][2]int{{rows, inputs}, {outputs, inputs}, {rows, outputs}} {
		b := program.Buffer{Name: "xwy"[i : i+1], DType: dtype.F32, Rows: s[0], Cols: s[1], Place: program.Place{Block: i}}
		if i == 1 {
			b.DType = weight
		}
		size := (b.Bytes() + program.Align - 1) / program.Align * program.Align
		p.Blocks = append(p.Blocks, program.Block{Class: program.Arena, Size: size})
		p.Buffers = append(p.Buffers, b)
		params = append(params, program.Slot{Name: b.Name, DType: b.DType, Rows: b.Rows, Cols: b.Cols})
		call.Args = append(call.Args, program.BufferID(i))
	}
	none := program.Operand{Slot: program.None}
	for i, compute := range computes {
		p.Segments = append(p.Segments, program.Segment{Params: params, Instrs: []program.Instr{{
			Op: program.OpLinear, Attr: program.Attr{Scale: 1, Compute: compute},
			In:  []program.Operand{{Slot: 0, Rows: rows}, {Slot: 1, Rows: outputs}, none, none, none, none},
			Out: []program.Operand{{Slot: 2, Rows: rows}},
		}}})
		c := call
		c.Segment = i
		p.Entries = append(p.Entries, program.Entry{Kind: program.Forward, Calls: []program.Call{c}})
	}
	return p
}

// inWords says in one line which matrix units are used, and why others are not.
func inWords(all []verdict) string {
	var used, not []string
	for _, v := range all {
		name := map[dtype.DType]string{dtype.BF16: "bfloat16", dtype.F16: "float16"}[v.compute]
		if v.not == "" {
			used = append(used, fmt.Sprintf("%s %dx%dx%d", name, v.unit.m, v.unit.n, v.unit.k))
		} else {
			not = append(not, fmt.Sprintf("not in %s: %s", name, v.not))
		}
	}
	if len(used) > 0 {
		return "matrix units: " + strings.Join(append([]string{strings.Join(used, ", ")}, not...), "; ")
	}
	if len(all) == 2 && all[0].not == all[1].not {
		return "no matrix units: " + all[0].not
	}
	return "no matrix units: " + strings.Join(not, "; ")
}
