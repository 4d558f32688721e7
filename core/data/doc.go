// Package data turns a dataset on disk into batches of tokens: containers to
// raw records (read.go), records to examples (prepare.go), examples to a token
// file (store.go), an order by a seed (order.go), and packed batches
// (pack.go, plan.go).
//
// It knows no dataset format and no template by name: a Format brings records
// into conversations, an Encoder brings conversations into tokens. Records are
// a stream; only tokens are kept, in a file.
package data
