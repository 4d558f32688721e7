package cpu_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends/cpu"
)

func TestOptions(t *testing.T) {
	best := cpu.ISAs()[0]
	for _, c := range []struct {
		name         string
		options      cpu.Options
		threads, isa string // the environment
		detail, err  string // what Describe or the error says
	}{
		{name: "given", options: cpu.Options{Threads: 3, ISA: best}, detail: best + ", 3 threads"},
		{name: "best by default", options: cpu.Options{Threads: 1}, detail: best + ", 1 thread"},
		{name: "case and dashes", options: cpu.Options{Threads: 1, ISA: strings.ToLower(strings.ReplaceAll(best, "-", ""))}, detail: best},
		{name: "environment wins", options: cpu.Options{Threads: 3, ISA: "mmx"}, threads: "2", isa: best, detail: best + ", 2 threads"},
		{name: "unknown instruction set", options: cpu.Options{ISA: "mmx"}, err: `no instruction set "mmx"; it has`},
		{name: "negative threads", options: cpu.Options{Threads: -1}, err: "-1 threads, want 1 to"},
		{name: "threads are no number", threads: "many", err: `LORAEDGE_CPU_THREADS is "many"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("LORAEDGE_CPU_THREADS", c.threads)
			t.Setenv("LORAEDGE_CPU_ISA", c.isa)
			b, err := cpu.New(c.options)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := b.Describe(); d.Name != "cpu" || !strings.Contains(d.Detail, c.detail) {
				t.Errorf("describes itself as %s, want %q", fmt.Sprint(d), c.detail)
			}
		})
	}
}
