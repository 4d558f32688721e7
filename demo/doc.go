// Package demo is the model and the data that the binary carries, so that a
// first run needs nothing else: a tiny base model in Hugging Face's layout,
// which this program pretrained itself (tools/demo), and the Alpaca files of
// the demo fine-tune.
//
// What opens models opens folders, so Resolve unpacks the files into a cache
// folder and gives real paths. The package knows no format and no training.
package demo
