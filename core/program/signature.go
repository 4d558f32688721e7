package program

import "github.com/loraedge/loraedge/formats/dtype"

// operandRule is what an instruction wants of one operand. rows and cols are
// dimensions: a name stands for one number throughout an instruction, a number
// for itself.
type operandRule struct {
	name       string
	dtypes     []dtype.DType // any of these
	rows, cols string
	optional   bool
	narrowing  narrowing
}

// signature is the operands of an instruction in their order, and which
// attributes it obeys.
type signature struct {
	in, out    []operandRule
	accumulate bool // Attr.Accumulate has a meaning
	dropout    bool // Attr.Dropout has a meaning, and then needs the operand "index"
	compute    bool // Attr.Compute has a meaning
	// together lists pairs of operands that are there or absent together.
	together [][2]string
	// inPlace says that an output may be at the very place of an input.
	inPlace bool
}

func f32(name, rows, cols string) operandRule {
	return operandRule{name: name, dtypes: []dtype.DType{dtype.F32}, rows: rows, cols: cols}
}

// table is a frozen or trained matrix whose rows are looked up.
func table(name, rows, cols string) operandRule {
	return operandRule{name: name, dtypes: []dtype.DType{dtype.F32, dtype.BF16, dtype.F16}, rows: rows, cols: cols}
}

// weight is a frozen or trained matrix that is a factor of products.
func weight(name, rows, cols string) operandRule {
	return operandRule{name: name, dtypes: []dtype.DType{dtype.F32, dtype.BF16, dtype.F16, dtype.NF4, dtype.NF4Double}, rows: rows, cols: cols}
}

func i32(name, rows string) operandRule {
	return operandRule{name: name, dtypes: []dtype.DType{dtype.I32}, rows: rows, cols: "1"}
}

// codes are whole numbers that hold four codes of 8 bits each.
func codes(name, rows, cols string) operandRule {
	return operandRule{name: name, dtypes: []dtype.DType{dtype.I32}, rows: rows, cols: cols}
}

func optional(r operandRule) operandRule {
	r.optional = true
	return r
}

func rules(r ...operandRule) []operandRule { return r }

// signatures is the table in ops.go as data.
var signatures = [opCount]signature{
	OpEmbed: {
		in:  rules(i32("ids", "R"), table("table", "V", "C")),
		out: rules(f32("y", "R", "C")),
	},
	OpEmbedGrad: {
		in:  rules(i32("ids", "R"), i32("order", "R"), f32("dy", "R", "C")),
		out: rules(f32("dtable", "V", "C")),
	},
	OpRMSNorm: {
		in:  rules(f32("x", "R", "C"), f32("w", "1", "G")),
		out: rules(narrow(result, f32("y", "R", "C")), f32("rstd", "R", "C/G")),
	},
	OpRMSNormGrad: {
		in:         rules(f32("x", "R", "C"), f32("w", "1", "G"), f32("rstd", "R", "C/G"), f32("dy", "R", "C")),
		out:        rules(f32("dx", "R", "C")),
		accumulate: true,
	},
	OpRMSNormWeightGrad: {
		in:  rules(f32("x", "R", "C"), f32("rstd", "R", "C/G"), f32("dy", "R", "C")),
		out: rules(f32("dw", "1", "G")),
	},
	OpLinear: {
		in: rules(narrow(factor, f32("x", "R", "I")), weight("w", "O", "I"), optional(f32("bias", "1", "O")),
			optional(narrow(factor, f32("u", "R", "K"))), optional(f32("b", "O", "K")), optional(i32("index", "R"))),
		out:        rules(narrow(sum, f32("y", "R", "O"))),
		accumulate: true, dropout: true, compute: true,
		together: [][2]string{{"u", "b"}},
	},
	OpLinearGrad: {
		in: rules(narrow(factor, f32("dy", "R", "O")), weight("w", "O", "I"),
			optional(narrow(factor, f32("du", "R", "K"))), optional(f32("a", "K", "I")), optional(i32("index", "R"))),
		out:        rules(narrow(sum, f32("dx", "R", "I"))),
		accumulate: true, dropout: true, compute: true,
		together: [][2]string{{"du", "a"}},
	},
	OpLinearWeightGrad: {
		in:      rules(narrow(factor, f32("dy", "R", "O")), narrow(factor, f32("x", "R", "I")), optional(i32("index", "R"))),
		out:     rules(f32("dw", "O", "I")),
		dropout: true, compute: true,
	},
	OpBiasGrad: {
		in:  rules(f32("dy", "R", "O")),
		out: rules(f32("db", "1", "O")),
	},
	OpRoPE: {
		in:      rules(f32("x", "R", "Heads·HeadDim"), i32("positions", "R"), f32("invFreq", "1", "n/2")),
		out:     rules(narrow(result, f32("y", "R", "Heads·HeadDim"))),
		inPlace: true,
	},
	OpAttention: {
		in: rules(narrow(factor, f32("q", "R", "Heads·HeadDim")), narrow(factor, f32("k", "R", "KVHeads·HeadDim")), narrow(factor, f32("v", "R", "KVHeads·HeadDim")),
			i32("first", "R"), i32("last", "R")),
		out:     rules(narrow(result, f32("o", "R", "Heads·HeadDim")), f32("lse", "R", "Heads")),
		compute: true,
	},
	OpAttentionGrad: {
		in: rules(narrow(factor, f32("q", "R", "Heads·HeadDim")), narrow(factor, f32("k", "R", "KVHeads·HeadDim")), narrow(factor, f32("v", "R", "KVHeads·HeadDim")),
			narrow(factor, f32("o", "R", "Heads·HeadDim")), f32("lse", "R", "Heads"), narrow(factor, f32("do", "R", "Heads·HeadDim")),
			i32("first", "R"), i32("last", "R")),
		out:     rules(narrow(sum, f32("dq", "R", "Heads·HeadDim")), narrow(sum, f32("dk", "R", "KVHeads·HeadDim")), narrow(sum, f32("dv", "R", "KVHeads·HeadDim"))),
		compute: true,
	},
	OpCacheAppend: {
		in:  rules(f32("x", "R", "C")),
		out: rules(f32("cache", "N", "C")),
	},
	OpAttentionCached: {
		in: rules(f32("q", "R", "Heads·HeadDim"), f32("kcache", "N", "KVHeads·HeadDim"),
			f32("vcache", "N", "KVHeads·HeadDim")),
		out: rules(f32("o", "R", "Heads·HeadDim")),
	},
	OpGated: {
		in:  rules(f32("a", "R", "C"), f32("b", "R", "C")),
		out: rules(narrow(result, f32("y", "R", "C"))),
	},
	OpGatedGrad: {
		in:  rules(f32("a", "R", "C"), f32("b", "R", "C"), f32("dy", "R", "C")),
		out: rules(narrow(result, f32("da", "R", "C")), narrow(result, f32("db", "R", "C"))),
	},
	OpAdd: {
		in:      rules(f32("a", "R", "C"), f32("b", "R", "C")),
		out:     rules(f32("y", "R", "C")),
		inPlace: true,
	},
	OpCopy: {
		in:  rules(f32("x", "R", "C")),
		out: rules(f32("y", "R", "C")),
	},
	OpZero: {
		out: rules(f32("x", "R", "C")),
	},
	OpCrossEntropy: {
		in:  rules(i32("targets", "R"), f32("weights", "R", "1")),
		out: rules(f32("logits", "R", "V"), f32("logp", "R", "1")),
	},
	OpGradNorm: {
		in:  rules(f32("grads", "1", "N")),
		out: rules(f32("optimizer", "1", "4")),
	},
	OpAdamW: {
		in: rules(f32("grads", "1", "N")),
		out: rules(f32("params", "1", "N"), f32("m", "1", "N"), f32("v", "1", "N"),
			f32("optimizer", "1", "4")),
	},
	OpAdamW8: {
		in: rules(f32("grads", "1", "N"), f32("signed", "1", "256"), f32("unsigned", "1", "256"), f32("optimizer", "1", "4")),
		out: rules(f32("params", "1", "N"), codes("m", "1", "N/4"), codes("v", "1", "N/4"),
			f32("scales", "2", "N/256")),
	},
	OpSGD: {
		in:  rules(f32("grads", "1", "N")),
		out: rules(f32("params", "1", "N"), f32("m", "1", "N"), f32("optimizer", "1", "4")),
	},
	OpNoise: {
		in:  rules(i32("first", "R"), i32("last", "R"), i32("index", "R")),
		out: rules(f32("y", "R", "C")),
	},
	OpDrop: {
		in:         rules(f32("x", "R", "C"), optional(i32("index", "R"))),
		out:        rules(f32("y", "R", "C")),
		accumulate: true, dropout: true,
	},
	OpWeightNorm: {
		in:  rules(weight("w", "O", "I"), f32("a", "K", "I"), f32("b", "O", "K")),
		out: rules(f32("n", "1", "O")),
	},
	OpMagnitude: {
		in:         rules(f32("x", "R", "O"), f32("m", "1", "O"), f32("n", "1", "O"), optional(f32("bias", "1", "O"))),
		out:        rules(f32("y", "R", "O")),
		accumulate: true,
	},
	OpMagnitudeGrad: {
		in:  rules(f32("dy", "R", "O"), f32("x", "R", "O"), f32("m", "1", "O"), f32("n", "1", "O")),
		out: rules(f32("dx", "R", "O"), f32("dm", "1", "O")),
	},
}
