package lower_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
)

const rows = 20

func batch() *data.Batch { return data.NewBatch(examples(), rows, 0) }

// TestGradientsAgainstFiniteDifferences compares elements of every gradient of a
// whole step with central differences of the loss, in float64.
func TestGradientsAgainstFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		name string
		tied bool
		o    lower.Options
	}{
		{"lora, recomputed", true, lower.Options{Adapter: allLinear(2, 0)}},
		{"lora, kept", true, lower.Options{Adapter: allLinear(2, 0), Keep: lower.KeepAll}},
		{"lora with dropout", false, lower.Options{Adapter: allLinear(2, 0.3)}},
		{"lora with dropout, kept", false, lower.Options{Adapter: allLinear(2, 0.3), Keep: lower.KeepAll}},
		{"lora on the head too", false, lower.Options{Adapter: &lower.LoRA{Target: func(string) (int, float32, bool) { return 1, 0.5, true }}}},
		{"lora on one module", false, lower.Options{Adapter: &lower.LoRA{Target: func(m string) (int, float32, bool) { return 3, 1, m == "layers.1.k" }}}},
		{"dora, recomputed", true, lower.Options{Adapter: withDoRA(2, 0)}},
		{"dora with dropout, kept", true, lower.Options{Adapter: withDoRA(2, 0.3), Keep: lower.KeepAll}},
		{"dora on the head too, with dropout", false, lower.Options{Adapter: &lower.LoRA{DoRA: true, Dropout: 0.2, Target: func(string) (int, float32, bool) { return 1, 0.5, true }}}},
		{"lora with noise", true, lower.Options{Adapter: allLinear(2, 0), Noise: 5}},
		{"full, tied", true, lower.Options{Full: true}},
		{"full, kept", false, lower.Options{Full: true, Keep: lower.KeepAll}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Train, c.o.HeadRows = []int{rows}, 6
			m := start(t, tinyModel(c.tied), c.o)
			b := batch()
			s := training(0.25)
			m.run(t, program.Step, s, b)
			got := m.gradients()
			params := m.exe.Values(m.Params)
			const h = 1e-5
			for _, r := range m.Program.Ranges {
				var gradients, want []float64 // of a dozen elements
				for i := r.Offset; i < r.Offset+r.Len; i += 1 + r.Len/12 {
					was := params[i]
					params[i] = was + h
					up := m.run(t, program.Score, s, b)
					params[i] = was - h
					down := m.run(t, program.Score, s, b)
					params[i] = was
					gradients, want = append(gradients, got[i]), append(want, (up-down)/(2*h)*0.25)
				}
				if d := distance(gradients, want); !(d < 1e-6) {
					t.Errorf("%s: gradient differs from finite differences by %.2g", r.Name, d)
				}
			}
		})
	}
}

func TestSameGradients(t *testing.T) {
	base := lower.Options{Train: []int{rows}, Adapter: allLinear(2, 0.2), HeadRows: 6}
	m := start(t, tinyModel(true), base)
	s := training(0.25)
	loss := m.run(t, program.Step, s, batch())
	want := m.gradients()

	check := func(name string, gotLoss float64, got []float64) {
		t.Helper()
		if math.Abs(gotLoss-loss) > 1e-12*math.Abs(loss) {
			t.Errorf("%s: loss %v, want %v", name, gotLoss, loss)
		}
		if d := distance(got, want); !(d < 1e-12) {
			t.Errorf("%s: gradients differ by %.2g", name, d)
		}
	}
	t.Run("forward then backward", func(t *testing.T) {
		m.clearGradients()
		got := m.run(t, program.Forward, s, batch())
		m.run(t, program.Backward, s, batch())
		check(t.Name(), got, m.gradients())
	})
	for name, change := range map[string]func(*lower.Options){
		"streamed weights":  func(o *lower.Options) { o.Stream = 2 },
		"one streamed":      func(o *lower.Options) { o.Stream = 1 },
		"some kept":         func(o *lower.Options) { o.Keep = 1 },
		"kept activations":  func(o *lower.Options) { o.Keep = lower.KeepAll },
		"another head size": func(o *lower.Options) { o.HeadRows = 64 },
		"tiny blocks":       func(o *lower.Options) { o.MaxBlock = 44000 },
	} {
		t.Run(name, func(t *testing.T) {
			o := base
			change(&o)
			m := start(t, tinyModel(true), o)
			got := m.run(t, program.Step, s, batch())
			check(name, got, m.gradients())
		})
	}
	t.Run("a longer bucket", func(t *testing.T) {
		o := base
		o.Train = []int{32}
		m := start(t, tinyModel(true), o)
		got := m.run(t, program.Step, s, data.NewBatch(examples(), 32, 0))
		check(t.Name(), got, m.gradients())
	})
}

// TestWindowSplits splits a window of four rows in the ways a user can: one
// micro batch of four, four of one, and four of one in layer-major order; and
// packs its documents in one row. Dropout is on: it follows the tokens' index.
func TestWindowSplits(t *testing.T) {
	const row = 8
	docs := examples()
	s := training(1.0 / 16)
	var together []data.Example
	for _, e := range docs { // each document padded to a row of its own
		pad := data.Example{IDs: make([]int32, row-len(e.IDs)), Weights: make([]float32, row-len(e.IDs))}
		together = append(together, e)
		if len(pad.IDs) > 0 {
			together = append(together, pad)
		}
	}
	const noise = 3 // follows the tokens' index and documents too
	one := start(t, tinyModel(true), lower.Options{Train: []int{4 * row}, Adapter: allLinear(2, 0.2), Noise: noise})
	loss := one.run(t, program.Step, s, data.NewBatch(together, 4*row, 0))
	want := one.gradients()

	for _, keep := range []int{0, 1, lower.KeepAll} {
		m := start(t, tinyModel(true), lower.Options{Train: []int{row}, Micros: 4, Adapter: allLinear(2, 0.2), Noise: noise, Keep: keep})
		var window []*data.Batch
		for i, e := range docs {
			window = append(window, data.NewBatch([]data.Example{e}, row, i*row))
		}
		var sum float64
		for _, b := range window {
			sum += m.run(t, program.Step, s, b)
		}
		if d := distance(m.gradients(), want); !(d < 1e-12) || math.Abs(sum-loss) > 1e-12*loss {
			t.Errorf("4 micro batches of 1 (keep %d): loss %v, want %v; gradients differ by %.2g", keep, sum, loss, d)
		}
		m.clearGradients()
		sum = m.run(t, program.Step, s, window...)
		if d := distance(m.gradients(), want); !(d < 1e-12) || math.Abs(sum-loss) > 1e-12*loss {
			t.Errorf("layer-major (keep %d): loss %v, want %v; gradients differ by %.2g", keep, sum, loss, d)
		}
	}
}

func TestPackedEqualsUnpacked(t *testing.T) {
	o := lower.Options{Train: []int{rows, 8}, Adapter: allLinear(2, 0)}
	s := training(0.25)
	packed := start(t, tinyModel(false), o)
	loss := packed.run(t, program.Step, s, batch())
	alone := start(t, tinyModel(false), o)
	var sum float64
	for _, e := range examples() {
		sum += alone.run(t, program.Step, s, data.NewBatch([]data.Example{e}, 8, 0))
	}
	if d := distance(packed.gradients(), alone.gradients()); !(d < 1e-12) || math.Abs(sum-loss) > 1e-12*loss {
		t.Errorf("packed loss %v, unpacked %v; gradients differ by %.2g", loss, sum, d)
	}
}

func TestAdapterOff(t *testing.T) {
	for name, adapter := range map[string]*lower.LoRA{"lora": allLinear(2, 0), "dora": withDoRA(2, 0), "dora with dropout": withDoRA(2, 0.5)} {
		t.Run(name, func(t *testing.T) { adapterOff(t, adapter) })
	}
}

func adapterOff(t *testing.T, adapter *lower.LoRA) {
	o := lower.Options{Train: []int{rows}, Adapter: adapter}
	m := start(t, tinyModel(true), o)
	off := m.run(t, program.Score, &program.Scalars{Adapter: 0}, batch())
	on := m.run(t, program.Score, &program.Scalars{Adapter: 1}, batch())
	base := start(t, tinyModel(true), lower.Options{Score: []int{rows}})
	want := base.run(t, program.Score, &program.Scalars{}, batch())
	if math.Abs(off-want) > 1e-12*want || math.Abs(on-want) < 1e-3 {
		t.Errorf("loss with the adapter off %v, on %v, base alone %v", off, on, want)
	}
}

// TestDecode compares the logits of a prompt fed in pieces with the
// log-probabilities that Score gives.
func TestDecode(t *testing.T) {
	for name, adapter := range map[string]*lower.LoRA{"lora": allLinear(2, 0), "dora": withDoRA(2, 0), "dora with dropout": withDoRA(2, 0.5)} {
		t.Run(name, func(t *testing.T) { decode(t, adapter) })
	}
}

func decode(t *testing.T, adapter *lower.LoRA) {
	const n = 9
	doc := data.Example{IDs: []int32{3, 1, 4, 1, 5, 9, 2, 6, 5}, Weights: []float32{1, 1, 1, 1, 1, 1, 1, 1, 1}}
	m := start(t, tinyModel(true), lower.Options{Score: []int{n}, Adapter: adapter, Decode: []int{1, 4}, Cache: 16})
	b := data.NewBatch([]data.Example{doc}, n, 0)
	m.run(t, program.Score, &program.Scalars{Adapter: 1}, b)
	score := m.Program.Entries[m.entry(t, program.Score, n, 1)].IO[0]
	want := append([]float64(nil), m.exe.Values(score.LogProbs)...)

	past := 0
	for _, piece := range []int{4, 3, 1, 1} {
		size := 4
		if piece == 1 {
			size = 1
		}
		entry := m.entry(t, program.Decode, size, 1)
		io := m.Program.Entries[entry].IO[0]
		ids, positions := make([]byte, 4*size), make([]byte, 4*size)
		for i := range size {
			positions[4*i] = byte(past + i)
			if i < piece {
				ids[4*i] = byte(doc.IDs[past+i])
			}
		}
		for id, bytes := range map[program.BufferID][]byte{io.IDs: ids, io.Positions: positions} {
			if err := m.exe.Write(id, 0, bytes); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.exe.Run(entry, &program.Scalars{Adapter: 1, Past: past, Tokens: piece}); err != nil {
			t.Fatal(err)
		}
		for i := range piece {
			if past+i+1 == n {
				break
			}
			logits := m.exe.Values(io.Logits)[i*vocab:][:vocab]
			got := logits[doc.IDs[past+i+1]] - logSumExp(logits)
			if math.Abs(got-want[past+i]) > 1e-12 {
				t.Errorf("token %d: log-probability %v, Score gives %v", past+i, got, want[past+i])
			}
		}
		past += piece
	}
}

func logSumExp(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += math.Exp(v)
	}
	return math.Log(sum)
}

// Noise is for training only, and not the same in every step.
func TestNoise(t *testing.T) {
	m := start(t, tinyModel(true), lower.Options{Train: []int{rows}, Adapter: allLinear(2, 0), Noise: 5})
	plain := start(t, tinyModel(true), lower.Options{Train: []int{rows}, Adapter: allLinear(2, 0)})
	evaluation := &program.Scalars{Adapter: 1}
	if got, want := m.run(t, program.Score, evaluation, batch()), plain.run(t, program.Score, evaluation, batch()); got != want {
		t.Errorf("loss of an evaluation %v, without noise %v", got, want)
	}
	s := training(0.25)
	first := m.run(t, program.Step, s, batch())
	again := m.run(t, program.Step, s, batch())
	s.DropoutStep++
	if other := m.run(t, program.Step, s, batch()); first != again || other == first || first == plain.run(t, program.Step, training(0.25), batch()) {
		t.Errorf("losses %v, %v again, %v in the next step", first, again, other)
	}
}

// With 8-bit moments the tensors of at least 4,096 elements have them, but for
// the embeddings; every tensor is in one optimizer's ranges.
func TestMomentsIn8Bits(t *testing.T) {
	large := tinyModel(false)
	large.Vocab = 600
	for i := range large.Params {
		if p := &large.Params[i]; p.Name == "embed.weight" || p.Name == "head.weight" {
			p.Shape[0] = 600
		}
	}
	large.Head.Ops[1].Columns = 600
	wideUp := &lower.LoRA{Target: func(name string) (int, float32, bool) {
		if name == "layers.1.up" {
			return 512, 1, true // A is [512, 8], B is [12, 512]
		}
		return 2, 1, name != "head"
	}}
	for _, c := range []struct {
		name string
		o    lower.Options
		want []string
	}{
		{"lora", lower.Options{Adapter: wideUp}, []string{"layers.1.up.lora_A.weight", "layers.1.up.lora_B.weight"}},
		{"full", lower.Options{Full: true}, []string{"head.weight"}},
		{"nothing large", lower.Options{Adapter: allLinear(2, 0)}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Train, c.o.Optimizer = []int{rows}, lower.AdamW8
			m := start(t, large, c.o)
			update := m.Program.Entries[m.entry(t, program.Update, 0, 0)]
			got := map[program.Op][]string{}
			for _, in := range m.Program.Segments[update.Calls[0].Segment].Instrs {
				for _, r := range in.Attr.Ranges {
					got[in.Op] = append(got[in.Op], r.Name)
				}
			}
			if !slices.Equal(got[program.OpAdamW8], c.want) {
				t.Errorf("in 8 bits are %q, wanted %q", got[program.OpAdamW8], c.want)
			}
			if n := len(got[program.OpAdamW]) + len(got[program.OpAdamW8]); n != len(m.Program.Ranges) {
				t.Errorf("%d of %d tensors are updated", n, len(m.Program.Ranges))
			}
		})
	}
}

func TestBlocksOfOneShapeShareSegments(t *testing.T) {
	m := start(t, tinyModel(true), lower.Options{Train: []int{rows}, Adapter: allLinear(2, 0)})
	// embed, two heads, update, and forward and backward of: the two blocks
	// without a window, the one with, and the first block's own backward.
	names := ""
	for _, s := range m.Program.Segments {
		names += fmt.Sprintln(s.Name)
	}
	if got := len(m.Program.Segments); got != 4+2+3 {
		t.Errorf("%d segments:\n%s", got, names)
	}
}

// What is larger than a block that buffers share gets one of its own, of exactly
// its size, and no larger than the device allows.
func TestLargeBuffers(t *testing.T) {
	const most = 2048
	o := lower.Options{Train: []int{rows}, Adapter: allLinear(2, 0), MaxBlock: most}
	m := start(t, tinyModel(true), o)
	b := m.Program.Buffers[m.Params]
	if got := m.Program.Blocks[b.Place.Block].Size; b.Bytes() <= most || got != b.Bytes() {
		t.Errorf("parameters of %d bytes are in a block of %d", b.Bytes(), got)
	}
	shared := 0
	for _, b := range m.Program.Buffers {
		if size := m.Program.Blocks[b.Place.Block].Size; b.Place.Offset > 0 && b.Place.Offset+b.Bytes() > most && size <= most {
			t.Errorf("%s ends at byte %d of a block of %d", b.Name, b.Place.Offset+b.Bytes(), size)
		} else if b.Place.Offset > 0 {
			shared++
		}
	}
	if shared == 0 {
		t.Error("no two buffers share a block")
	}
	o.MaxBuffer = 40000
	_, err := lower.Lower(tinyModel(true), o)
	if err == nil || err.Error() != "params [1, 10752]: needs 43008 bytes in one piece, and the device allocates at most 40000" {
		t.Errorf("got %v", err)
	}
}
