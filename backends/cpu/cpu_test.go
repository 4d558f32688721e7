package cpu_test

import (
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
// bytes on any number of threads.
func TestConformance(t *testing.T) {
	for _, isa := range cpu.ISAs() {
		t.Run(isa, func(t *testing.T) {
			bt.Run(t, open(isa, 1), bt.Options{Same: map[string]bt.Open{
				"2 threads": open(isa, 2),
				"3 threads": open(isa, 3),
			}})
		})
	}
}
