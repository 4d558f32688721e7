// Command generate writes the corpus of the demo's base model and the two
// Alpaca files of the demo fine-tune, as tools/demo/corpus makes them.
//
//	go run ./tools/demo/generate -corpus .cache/demo/corpus.jsonl -data demo/data
package main
