package vulkan

import "math/bits"

// groupSize is the number of invocations of a workgroup that reduces n
// elements: a power of two from 32 to 256.
func groupSize(n int) int {
	return min(max(1<<bits.Len(uint(n-1)), 32), 256)
}

func lowerRMSNorm(k *kernels, in *instr) error {
	x, w, y, rstd := in.in[0], in.in[1], in.out[0], in.out[1]
	n := rstd.elements()
	k.add("rms_norm", constants(groupSize(w.cols), w.cols, activationTypes(y)), push(x, w, y, rstd, n, in.attr.Eps, in.attr.Offset),
		flat(n), 32*float64(y.elements()))
	return nil
}

func lowerRMSNormGrad(k *kernels, in *instr) error {
	x, w, rstd, dy, dx := in.in[0], in.in[1], in.in[2], in.in[3], in.out[0]
	n := rstd.elements()
	k.add("rms_norm_grad", constants(groupSize(w.cols), w.cols, in.attr.Accumulate), push(x, w, rstd, dy, dx, n, in.attr.Offset),
		flat(n), 48*float64(dx.elements()))
	return nil
}

func lowerRMSNormWeightGrad(k *kernels, in *instr) error {
	x, rstd, dy, dw := in.in[0], in.in[1], in.in[2], in.out[0]
	k.columnSums(&columnSums{terms: termsNorm, x: x, dy: dy, rstd: rstd, rows: rstd.elements(), y: dw})
	return nil
}

func lowerBiasGrad(k *kernels, in *instr) error {
	dy, db := in.in[0], in.out[0]
	k.columnSums(&columnSums{terms: termsX, x: dy, rows: dy.rows, y: db})
	return nil
}

// What column_sums.comp adds up.
const (
	termsX = iota
	termsNorm
	termsProduct
)

// columnSums is a call of column_sums.comp; norm is given where the sums are multiplied by adapter/norm.
type columnSums struct {
	terms             int
	x, dy, rstd, norm matrix
	rows              int
	y                 matrix
}

// columnSums adds sums over rows to y [1, C], in two dispatches: parts of at least 64 rows, and as
// many as keep a large GPU busy.
func (k *kernels) columnSums(s *columnSums) {
	cols := s.y.cols
	each := max(64, over(s.rows, 256))
	n := over(s.rows, each)
	part := k.scratch(n, cols)
	columns := uint32(over(cols, 64))
	k.add("column_sums", constants(s.terms, false, false), push(s.x, s.dy, s.rstd, s.norm, part, k.scalars, s.rows, cols, each),
		[3]uint32{columns, uint32(n), 1}, 32*float64(s.rows*cols))
	k.then("column_sums", constants(termsX, true, s.norm.given()), push(part, matrix{}, matrix{}, s.norm, s.y, k.scalars, n, cols, n),
		[3]uint32{columns, 1, 1}, 16*float64(n*cols))
}
