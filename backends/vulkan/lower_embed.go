package vulkan

import "fmt"

func lowerEmbed(k *kernels, in *instr) error {
	ids, table, y := in.in[0], in.in[1], in.out[0]
	kind, ok := typeNumbers[table.dtype]
	if !ok || table.dtype.InBlocks() {
		return fmt.Errorf("a table of type %s", table.dtype)
	}
	address, at := weightParts(table)
	k.add("embed", constants(y.cols, kind), push(ids, address, y, k.tables, y.rows, table.rows, in.attr.Scale, at[0], at[1], at[2]),
		flat(y.rows*over(y.cols, 512)), 32*float64(y.elements()))
	return nil
}

func lowerEmbedGrad(k *kernels, in *instr) error {
	ids, order, dy, dtable := in.in[0], in.in[1], in.in[2], in.out[0]
	k.add("embed_grad", constants(dy.cols), push(ids, order, dy, dtable, dy.rows, dtable.rows, in.attr.Scale),
		flat(dy.rows*over(dy.cols, 256)), 48*float64(dy.elements()))
	return nil
}
