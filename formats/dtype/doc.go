// Package dtype is the one list of element types in loraedge: their names,
// sizes, and the conversions of whole byte slices to and from float32.
//
// It is a leaf: it must not know files, tensors, shapes or devices, so that
// file formats, programs and backends can all speak of the same types. Bytes
// are little-endian everywhere, as in safetensors and GGUF files.
//
// Begin with the table in dtype.go; convert.go holds the conversions, finite.go
// the search for NaN and infinity, block.go the layout of NF4, and nf4.go how
// it is made.
package dtype
