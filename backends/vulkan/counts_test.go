package vulkan

import (
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// BenchmarkArrange arranges the commands of a training step of 2,048 tokens, without a
// GPU, and tells how many there are; submissions are those of a device that does 10^13 operations a second.
func BenchmarkArrange(b *testing.B) {
	nf4 := func(_ string, block bool) dtype.DType {
		if block {
			return dtype.NF4Double
		}
		return dtype.BF16
	}
	for _, c := range []struct {
		name  string
		model map[string]any
		o     lower.Options
	}{
		{"SmolLM2-135M", llamaConfig(576, 1536, 30, 9, 3, 49152), lower.Options{Keep: lower.KeepAll}},
		{"8B_QLoRA", llamaConfig(4096, 14336, 32, 32, 8, 128256), lower.Options{Store: nf4}},
		{"8B_QLoRA_streamed_parked", llamaConfig(4096, 14336, 32, 32, 8, 128256), lower.Options{Store: nf4, Stream: 32, Park: 31}},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := c.o
			o.Train, o.MaxBlock, o.MaxBuffer = []int{2048}, 1<<30, 4<<30
			o.Adapter = &lower.LoRA{Target: func(m string) (int, float32, bool) { return 16, 1, m != "lm_head" }}
			m, err := lower.Lower(llamaGraph(b, c.model), o)
			if err != nil {
				b.Fatal(err)
			}
			p := m.Program
			var list []command
			var all []batch
			for b.Loop() {
				for e := range p.Entries {
					if p.Entries[e].Kind == program.Step {
						_, list = arranged(b, p, &p.Entries[e])
						all = batches(list, 1e13)
					}
				}
			}
			var instructions, dispatches, copies, barriers, waits int
			last := -1
			for _, s := range all {
				if s.after > 0 {
					waits++
				}
				for i, c := range s.commands {
					switch {
					case c.lane == vk.Transfer:
						copies++
					case c.item >= 0:
						dispatches++
						if c.item != last {
							instructions++
						}
						last = c.item
					}
					if i > 0 && c.Barrier != 0 {
						barriers++
					}
				}
			}
			for unit, n := range map[string]int{"instructions": instructions, "dispatches": dispatches, "copies": copies, "barriers": barriers, "submissions": len(all), "waits": waits} {
				b.ReportMetric(float64(n), unit)
			}
		})
	}
}

// BenchmarkDispatch runs a thousand products of one workgroup, each behind the one before: what
// recording, submitting and starting one takes where there is next to nothing to compute, and
// how much of that is recording and submitting.
func BenchmarkDispatch(b *testing.B) {
	if os.Getenv("LORAEDGE_VULKAN_DEVICE") == "" {
		b.Log("nothing was run on a device: LORAEDGE_VULKAN_DEVICE names none")
		return
	}
	const calls = 1000
	backend, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	p := productProgram(4, 4, 4, dtype.F32, dtype.F32)
	p.Entries[0].Calls = slices.Repeat(p.Entries[0].Calls[:1], calls)
	e, err := backend.Compile(p)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	for b.Loop() {
		if err := e.Run(0, &program.Scalars{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/calls/1e3, "µs/dispatch")
	x := e.(*Executable)
	fastest := time.Duration(math.MaxInt64)
	for range 20 {
		from := time.Now()
		when, err := x.device.Submit(plain(x.entries[0]))
		fastest = min(fastest, time.Since(from))
		if err == nil {
			err = x.device.Wait(vk.Compute, when)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(fastest.Nanoseconds())/calls/1e3, "host-µs/dispatch")
}
