// Package corpus writes the texts of the demo: the documents that the base
// model is pretrained on, and the records of the demo fine-tune. The same seed
// gives the same bytes.
//
// All that is said in the texts comes from tools/demo/world; the package knows
// no tokens and trains nothing. Begin with corpus.go, the mixture of documents;
// stories.go, lessons.go and chats.go write them, records.go the fine-tune.
package corpus
