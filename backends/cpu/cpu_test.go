package cpu_test

import (
	"slices"
	"testing"

	"github.com/loraedge/loraedge/backends"
	bt "github.com/loraedge/loraedge/backends/backendtest"
	"github.com/loraedge/loraedge/backends/cpu"
)

func open(isa string, threads int) bt.Open {
	return func(t *testing.T) backends.Backend {
		b, err := cpu.New(cpu.Options{Threads: threads, ISA: isa})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// Every instruction set that this machine has passes the suite, with the same
// bytes on any number of threads. The log names those that are not run.
func TestConformance(t *testing.T) {
	for _, isa := range []string{"AVX-512-BF16", "AVX-512", "AVX2", "SSE2", "NEON"} {
		if !slices.Contains(cpu.ISAs(), isa) {
			t.Logf("not run, this machine or build lacks it: %s", isa)
		}
	}
	for _, isa := range cpu.ISAs() {
		t.Run(isa, func(t *testing.T) {
			bt.Run(t, open(isa, 1), bt.Options{Same: map[string]bt.Open{
				"2 threads": open(isa, 2),
				"3 threads": open(isa, 3),
			}})
		})
	}
}
