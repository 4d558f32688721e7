// Package safetensors reads and writes safetensors files: an 8-byte header
// length, a JSON header that gives each tensor's type, shape and byte range,
// then the bytes of all tensors.
//
// Reading maps the file into memory and copies nothing: a Tensor's Data lies in
// the mapping. A header is checked completely before any tensor is handed out,
// with limits that hold before memory is asked for, and every error names the
// file and the tensor. That check is our own: nlpodyssey/safetensors refuses a
// whole file for one F8 tensor, takes the last of two tensors of one name, and
// does not say which tensor is wrong. It lays out the files that are written
// here, and the tests hold the two readers against each other.
//
// The package must not know models, modules or training. Begin with File in
// file.go; header.go holds the check, values.go the way to float32, write.go
// the writer.
package safetensors
