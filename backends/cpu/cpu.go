package cpu

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/backends/internal/system"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Options choose how the processor is used; the zero value takes all of it.
type Options struct {
	// Threads is the number of threads; 0 is one for each processor.
	Threads int
	// ISA is one of ISAs; "" is the best.
	ISA string
}

// Backend is the processor of this machine.
type Backend struct {
	threads int
	isa     string
}

const maxThreads = 1024

// bf16ISA multiplies bfloat16; the others multiply floats where BF16 is asked for.
const bf16ISA = "AVX-512-BF16"

// New opens the backend. A number of threads or an instruction set that cannot
// be had is an error.
func New(o Options) (*Backend, error) {
	threads, isa := o.Threads, o.ISA
	if s := os.Getenv("LORAEDGE_CPU_THREADS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("LORAEDGE_CPU_THREADS is %q, want a number from 1 to %d", s, maxThreads)
		}
		threads = n
	}
	if s := os.Getenv("LORAEDGE_CPU_ISA"); s != "" {
		isa = s
	}
	if threads == 0 {
		threads = min(runtime.NumCPU(), maxThreads)
	}
	if threads < 1 || threads > maxThreads {
		return nil, fmt.Errorf("cpu: %d threads, want 1 to %d", threads, maxThreads)
	}
	all := ISAs()
	if isa == "" {
		isa = all[0]
	}
	i := slices.IndexFunc(all, func(name string) bool { return plainName(name) == plainName(isa) })
	if i < 0 {
		return nil, fmt.Errorf("cpu: this processor or build has no instruction set %q; it has %s", isa, strings.Join(all, ", "))
	}
	return &Backend{threads, all[i]}, nil
}

// plainName is how an instruction set is compared: AVX-512 is avx512.
func plainName(isa string) string { return strings.ToLower(strings.ReplaceAll(isa, "-", "")) }

// Describe names the processor, the instruction set and the threads.
// MemoryBytes is what is available now.
func (b *Backend) Describe() backends.Device {
	threads := fmt.Sprintf("%d threads", b.threads)
	if b.threads == 1 {
		threads = "1 thread"
	}
	detail := fmt.Sprintf("%s, %s, %s", system.ProcessorName(), b.isa, threads)
	if lacking != "" {
		detail += "; " + lacking
	}
	d := backends.Device{
		Name: "cpu", Detail: detail, MemoryBytes: system.AvailableMemory(),
		Stores:   []dtype.DType{dtype.BF16, dtype.F16, dtype.NF4, dtype.NF4Double},
		Computes: []dtype.DType{dtype.BF16, dtype.F16},
	}
	if b.isa == bf16ISA {
		d.Prefers, d.Activations = dtype.BF16, []dtype.DType{dtype.BF16}
	}
	return d
}

// Compile allocates the program's blocks, zeroed, and resolves its entries.
func (b *Backend) Compile(p *program.Program) (backends.Executable, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	if err := b.Describe().CheckTypes(p); err != nil {
		return nil, err
	}
	return newExecutable(p, b)
}

// Peak measures multiply-adds in registers on all threads, the best of some
// tries: whatever else runs on the machine can only lower one.
func (b *Backend) Peak(d dtype.DType) (float64, error) {
	if d == dtype.F16 {
		return 0, nil // factors of F16 are multiplied as F32
	}
	m, err := newMachine(b.threads, b.isa)
	if err != nil {
		return 0, err
	}
	defer m.close()
	var best float64
	for range 10 {
		best = max(best, 1e9*m.peak(d == dtype.BF16, 0.02))
	}
	return best, nil
}
