// Package cpu runs programs on the processor: in C with vector extensions where
// the program was built with a C compiler, else in plain Go.
//
// Results have the same bytes whatever the number of threads: work is divided
// by outputs, and the order of every sum depends on shapes alone. Another
// instruction set may round differently.
//
// It must not know models, training or files; its only contract is ops.go of
// core/program, and backendtest holds it to that.
//
// Begin reading at cpu.go (options) and executable.go (memory, what a run
// checks). With cgo, native.go hands resolved instructions to engine.c, which
// runs them on the threads of pool.c; the kernels are the files *.inc.h, in the
// order of isa.inc.h, stamped once per instruction set by isa_*.c. Without cgo,
// plain.go has the same instructions.
//
// Products of bfloat16 (Attr.Compute) need AVX-512-BF16. Elsewhere, and for
// float16, the factors keep their bits and floats are multiplied, which rounds
// less. Weights of any type are decoded into the panels of a product, never as
// a whole. docs/performance.md says how fast all this is, and what was tried.
//
// Two environment variables override the options, so that a test or a user can
// choose without a configuration: LORAEDGE_CPU_THREADS (a number) and
// LORAEDGE_CPU_ISA (avx512bf16, avx512, avx2, sse2 or neon, as the processor has it).
package cpu
