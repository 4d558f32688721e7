package lower

import (
	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// head emits the head over chunks of HeadRows rows, so that logits exist for
// a chunk only: norm, then for each chunk logits and cross entropy and, with
// gradient, the chunk's gradients; then the norm's backward.
func (f *function) head(gradient bool) {
	f.input()
	last := len(f.seg.Ops) - 1
	f.forward(0, last)
	op := f.seg.Ops[last]
	x := f.values[op.In[0]]
	logits := f.local("logits", min(f.l.HeadRows, f.rows), f.l.graph.Vocab)
	logProbs := f.param("io.logprobs", dtype.F32, f.rows, 1)
	targets, weights := f.token("targets"), f.param("io.weights", dtype.F32, f.rows, 1)
	dx := absent
	if gradient {
		dx = f.local("dhead", f.rows, f.cols(x))
		if last == 0 {
			dx = f.gradient()
		}
	}
	for from := 0; from < f.rows; from += f.l.HeadRows {
		n := min(f.l.HeadRows, f.rows-from)
		part := rowsOf(logits, 0, n)
		xs := rowsOf(x, from, n)
		u, z := f.adapted(last, xs, part)
		f.emit(program.OpCrossEntropy, program.Attr{Gradient: gradient},
			operands(rowsOf(targets, from, n), rowsOf(weights, from, n)), part, rowsOf(logProbs, from, n))
		if gradient {
			f.linearWeightGrads(last, xs, part)
			f.linearInputGrad(last, f.adaptedGrads(last, xs, u, z, part), rowsOf(dx, from, n), false)
		}
	}
	if gradient {
		f.grads[op.In[0]] = dx
		f.backward(last)
		f.finish()
	}
}

// headLogits emits the head with all logits written for the host.
func (f *function) headLogits() {
	f.input()
	last := len(f.seg.Ops) - 1
	f.forward(0, last)
	x := f.values[f.seg.Ops[last].In[0]]
	f.adapted(last, x, f.param("io.logits", dtype.F32, f.rows, f.l.graph.Vocab))
}
