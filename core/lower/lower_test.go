package lower_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/core/program"
)

const rows = 20

func batch() *data.Batch { return data.NewBatch(examples(), rows, 0) }

// TestGradientsAgainstFiniteDifferences compares every gradient of a whole
// step with central differences of the loss, in float64.
func TestGradientsAgainstFiniteDifferences(t *testing.T) {
	for _, c := range []struct {
		name string
		tied bool
		o    lower.Options
	}{
		{"lora, recomputed", true, lower.Options{Adapter: allLinear(2, 0)}},
		{"lora, kept", true, lower.Options{Adapter: allLinear(2, 0), Keep: true}},
		{"lora with dropout", false, lower.Options{Adapter: allLinear(2, 0.3)}},
		{"lora with dropout, kept", false, lower.Options{Adapter: allLinear(2, 0.3), Keep: true}},
		{"lora on the head too", false, lower.Options{Adapter: &lower.LoRA{Target: func(string) (int, float32, bool) { return 1, 0.5, true }}}},
		{"lora on one module", false, lower.Options{Adapter: &lower.LoRA{Target: func(m string) (int, float32, bool) { return 3, 1, m == "layers.1.k" }}}},
		{"full, tied", true, lower.Options{Full: true}},
		{"full, kept", false, lower.Options{Full: true, Keep: true}},
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
			want := make([]float64, len(got))
			for _, r := range m.Program.Ranges {
				for i := r.Offset; i < r.Offset+r.Len; i++ {
					was := params[i]
					params[i] = was + h
					up := m.run(t, program.Score, s, b)
					params[i] = was - h
					down := m.run(t, program.Score, s, b)
					params[i] = was
					want[i] = (up - down) / (2 * h) * 0.25
				}
				end := r.Offset + r.Len
				if d := distance(got[r.Offset:end], want[r.Offset:end]); !(d < 1e-6) {
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
		"kept activations":  func(o *lower.Options) { o.Keep = true },
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
	one := start(t, tinyModel(true), lower.Options{Train: []int{4 * row}, Adapter: allLinear(2, 0.2)})
	loss := one.run(t, program.Step, s, data.NewBatch(together, 4*row, 0))
	want := one.gradients()

	for _, keep := range []bool{false, true} {
		m := start(t, tinyModel(true), lower.Options{Train: []int{row}, Micros: 4, Adapter: allLinear(2, 0.2), Keep: keep})
		var window []*data.Batch
		for i, e := range docs {
			window = append(window, data.NewBatch([]data.Example{e}, row, i*row))
		}
		var sum float64
		for _, b := range window {
			sum += m.run(t, program.Step, s, b)
		}
		if d := distance(m.gradients(), want); !(d < 1e-12) || math.Abs(sum-loss) > 1e-12*loss {
			t.Errorf("4 micro batches of 1 (keep %t): loss %v, want %v; gradients differ by %.2g", keep, sum, loss, d)
		}
		m.clearGradients()
		sum = m.run(t, program.Step, s, window...)
		if d := distance(m.gradients(), want); !(d < 1e-12) || math.Abs(sum-loss) > 1e-12*loss {
			t.Errorf("layer-major (keep %t): loss %v, want %v; gradients differ by %.2g", keep, sum, loss, d)
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
	o := lower.Options{Train: []int{rows}, Adapter: allLinear(2, 0)}
	m := start(t, tinyModel(true), o)
	off := m.run(t, program.Score, &program.Scalars{Adapter: 0}, batch())
	on := m.run(t, program.Score, &program.Scalars{Adapter: 1}, batch())
	base := start(t, tinyModel(true), lower.Options{Score: []int{rows}})
	want := base.run(t, program.Score, &program.Scalars{}, batch())
	if off != want || on == want {
		t.Errorf("loss with the adapter off %v, on %v, base alone %v", off, on, want)
	}
}

// TestDecode compares the logits of a prompt fed in pieces with the
// log-probabilities that Score gives.
func TestDecode(t *testing.T) {
	const n = 9
	doc := data.Example{IDs: []int32{3, 1, 4, 1, 5, 9, 2, 6, 5}, Weights: []float32{1, 1, 1, 1, 1, 1, 1, 1, 1}}
	m := start(t, tinyModel(true), lower.Options{Score: []int{n}, Adapter: allLinear(2, 0), Decode: []int{1, 4}, Cache: 16})
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

func TestTooSmallBlocks(t *testing.T) {
	_, err := lower.Lower(tinyModel(true), lower.Options{Train: []int{rows}, Adapter: allLinear(2, 0), MaxBlock: 512})
	if err == nil || err.Error() != "params [1, 10752]: needs 43008 bytes in one piece, and the device allocates at most 512" {
		t.Errorf("got %v", err)
	}
}
