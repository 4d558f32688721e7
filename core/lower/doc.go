// Package lower compiles a graph, with what is to be trained, into a program:
// forward, backward by one rule an operation, the adapter, the checkpoint
// policy, and a fixed place for every buffer.
//
// It knows no weights, no files and no device but its largest block.
//
// Begin reading at Lower (lower.go); regions.go lays out what is trained, update.go
// applies the optimizer. block.go turns operations into instructions,
// autodiff.go has the backward rules, adapter.go both for adapters, joint.go puts them together,
// narrow.go says which activations are held in 16 bits, head.go has the chunked head, entries.go the order of calls,
// extract.go cuts segments out of forward and backward code, place.go gives
// addresses.
package lower
