package graph

import (
	"fmt"
	"sort"
	"strings"
)

// kind is what Check knows of a Kind.
type kind struct {
	// version counts up when the meaning of the kind grows; a plugin is told
	// the versions that the host has.
	version int
	inputs  int
	// fields are those of Op that count beyond Kind, Module, In and Columns.
	fields string
	// check gets the columns of the inputs.
	check func(c *checker, op Op, in []int) error
}

var kinds = map[Kind]kind{
	Embedding: {1, 1, "Weight Scale", checkEmbedding},
	RMSNorm:   {1, 1, "Weight Eps Offset", checkRMSNorm},
	Linear:    {1, 1, "Weight Bias", checkLinear},
	RoPE:      {1, 1, "Scale Heads HeadDim InvFreq Interleaved", checkRoPE},
	Attention: {1, 3, "Scale Heads KVHeads HeadDim Window SoftCap", checkAttention},
	Gated:     {1, 2, "Activation", checkGated},
	Add:       {1, 2, "", checkAdd},
}

var activations = []string{SiLU, GELU, GELUTanh}

// Versions are the kinds of operations that this program knows, with the
// version of each.
func Versions() map[Kind]int {
	v := make(map[Kind]int, len(kinds))
	for name, k := range kinds {
		v[name] = k.version
	}
	return v
}

func knownKinds() string {
	var names []string
	for name := range kinds {
		names = append(names, string(name))
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// ignoredField is a field that is set although it is not among those that
// count, or "". Such a field would be a part of the model that is silently
// left out.
func ignoredField(op Op, fields string) string {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Weight", op.Weight != ""},
		{"Bias", op.Bias != ""},
		{"Eps", op.Eps != 0},
		{"Offset", op.Offset != 0},
		{"Scale", op.Scale != 0},
		{"Heads", op.Heads != 0},
		{"KVHeads", op.KVHeads != 0},
		{"HeadDim", op.HeadDim != 0},
		{"InvFreq", len(op.InvFreq) != 0},
		{"Interleaved", op.Interleaved},
		{"Window", op.Window != 0},
		{"SoftCap", op.SoftCap != 0},
		{"Activation", op.Activation != ""},
	} {
		if f.set && !hasField(fields, f.name) {
			return f.name
		}
	}
	return ""
}

func hasField(fields, name string) bool {
	for _, f := range strings.Fields(fields) {
		if f == name {
			return true
		}
	}
	return false
}

func checkEmbedding(c *checker, op Op, _ []int) error {
	if err := checkPositive("Scale", op.Scale); err != nil {
		return err
	}
	return c.matrix("weight", op.Weight, c.graph.Vocab, op.Columns)
}

func checkRMSNorm(c *checker, op Op, in []int) error {
	if err := sameColumns(op, in); err != nil {
		return err
	}
	if !finite(op.Eps) || op.Eps < 0 {
		return fmt.Errorf("Eps is %v, want a number of at least 0", op.Eps)
	}
	if !finite(op.Offset) {
		return fmt.Errorf("Offset is %v, want a number", op.Offset)
	}
	group, err := c.vector("weight", op.Weight)
	if err != nil {
		return err
	}
	if op.Columns%group != 0 {
		return fmt.Errorf("weight %s has %d columns, want a divisor of the %d columns of the input", op.Weight, group, op.Columns)
	}
	return nil
}

func checkLinear(c *checker, op Op, in []int) error {
	if err := c.matrix("weight", op.Weight, op.Columns, in[0]); err != nil {
		return err
	}
	if op.Bias == "" {
		return nil
	}
	n, err := c.vector("bias", op.Bias)
	if err == nil && n != op.Columns {
		err = fmt.Errorf("bias %s has %d columns, want %d", op.Bias, n, op.Columns)
	}
	return err
}

func checkRoPE(_ *checker, op Op, in []int) error {
	if err := sameColumns(op, in); err != nil {
		return err
	}
	if err := checkHeads("Heads", op.Heads, op.HeadDim, op.Columns); err != nil {
		return err
	}
	if err := checkPositive("Scale", op.Scale); err != nil {
		return err
	}
	if n := len(op.InvFreq); n < 1 || 2*n > op.HeadDim {
		return fmt.Errorf("InvFreq has %d frequencies, want 1 to %d, half the columns of a head", n, op.HeadDim/2)
	}
	for i, f := range op.InvFreq {
		if !finite(f) || f < 0 {
			return fmt.Errorf("InvFreq[%d] is %v, want a number of at least 0", i, f)
		}
	}
	return nil
}

func checkAttention(_ *checker, op Op, in []int) error {
	if err := checkHeads("Heads", op.Heads, op.HeadDim, in[0]); err != nil {
		return fmt.Errorf("query: %w", err)
	}
	for i, name := range []string{"key", "value"} {
		if err := checkHeads("KVHeads", op.KVHeads, op.HeadDim, in[i+1]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if op.Heads%op.KVHeads != 0 {
		return fmt.Errorf("%d query heads over %d key heads, want a multiple", op.Heads, op.KVHeads)
	}
	if op.Columns != in[0] {
		return fmt.Errorf("%d columns, want the query's %d", op.Columns, in[0])
	}
	if err := checkPositive("Scale", op.Scale); err != nil {
		return err
	}
	if op.Window < 0 || op.Window > maxContext {
		return fmt.Errorf("Window is %d, want 0 (none) to %d", op.Window, maxContext)
	}
	if !finite(op.SoftCap) || op.SoftCap < 0 {
		return fmt.Errorf("SoftCap is %v, want 0 (none) or more", op.SoftCap)
	}
	return nil
}

func checkGated(_ *checker, op Op, in []int) error {
	for _, known := range activations {
		if op.Activation == known {
			return sameColumns(op, in)
		}
	}
	return fmt.Errorf("Activation is %s, want %s", shown(op.Activation), strings.Join(activations, ", "))
}

func checkAdd(_ *checker, op Op, in []int) error { return sameColumns(op, in) }

func sameColumns(op Op, in []int) error {
	for i, n := range in {
		if n != op.Columns {
			return fmt.Errorf("input %d has %d columns, want %d as the result has", i, n, op.Columns)
		}
	}
	return nil
}

func checkHeads(field string, heads, dim, columns int) error {
	if heads < 1 || heads > maxSize {
		return fmt.Errorf("%s is %d, want 1 to %d", field, heads, maxSize)
	}
	if dim < 1 || dim > maxSize {
		return fmt.Errorf("HeadDim is %d, want 1 to %d", dim, maxSize)
	}
	if int64(heads)*int64(dim) != int64(columns) {
		return fmt.Errorf("%s · HeadDim is %d · %d, want %d columns", field, heads, dim, columns)
	}
	return nil
}

func checkPositive(field string, x float32) error {
	if !finite(x) || x <= 0 {
		return fmt.Errorf("%s is %v, want a number above 0", field, x)
	}
	return nil
}
