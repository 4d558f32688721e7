// Package graph is what an architecture plugin returns: a language model as
// segments (embed, blocks, head) of few operations over activations [T, width].
//
// It knows no weights, no gradients, no device and no model by name. Begin
// reading at Graph; Check says what a valid graph is.
package graph
