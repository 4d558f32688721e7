// Package data turns datasets on disk into batches of tokens: files to raw
// records (container), records to the type that fits them (recognise.go),
// records to examples, in parallel (prepare.go, collect.go), examples to a
// token file (store.go, tokenfile.go) that is kept for the next run (cache.go), an order by a seed (order.go), and packed
// batches (pack.go, plan.go).
//
// It knows no dataset format and no template by name: a Format brings records
// into conversations, an Encoder brings conversations into tokens. Records are
// a stream; only tokens are kept, in a file that is mapped into memory.
package data
