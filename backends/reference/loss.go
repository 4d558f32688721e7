package reference

import "math"

// crossEntropy: logp = logits[target] − logsumexp(logits); with Gradient the
// logits become weight·InvN·LossScale·(softmax − onehot), the gradient of
// −LossScale·Σ weight·InvN·logp.
// Rows without target (−1) give 0.
func crossEntropy[F Float](t *step[F]) {
	targets, weights, logits, logp := t.in[0], t.in[1], t.out[0], t.out[1]
	for r := range logits.rows {
		target := int(targets.ints[r])
		if target == -1 {
			logp.set(r, 0, 0)
			if t.Gradient {
				clear(logits.row(r))
			}
			continue
		}
		lse := logSumExp(logits.row(r))
		logp.set(r, 0, logits.at(r, target)-lse)
		if !t.Gradient {
			continue
		}
		scale := weights.at(r, 0) * float64(t.s.LossFactor())
		for c := range logits.cols {
			p := math.Exp(logits.at(r, c) - lse)
			if c == target {
				p--
			}
			logits.set(r, c, scale*p)
		}
	}
}

func logSumExp[F Float](row []F) float64 {
	highest := math.Inf(-1)
	for _, v := range row {
		highest = max(highest, float64(v))
	}
	var sum float64
	for _, v := range row {
		sum += math.Exp(float64(v) - highest)
	}
	return highest + math.Log(sum)
}
