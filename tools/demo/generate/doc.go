// Command generate writes the texts that the demo is made of: the corpus that
// the base model is pretrained on, and the two Alpaca files of the demo
// fine-tune. The same seed gives the same bytes.
//
//	go run ./tools/demo/generate -corpus .cache/demo/corpus.jsonl -data demo/data
//
// It knows no tokens and trains nothing. All that is said in the texts comes
// from tools/demo/world. Begin with corpus.go, the mixture of documents;
// stories.go, lessons.go and chats.go write one kind of document each, and
// records.go writes the fine-tune.
package main
