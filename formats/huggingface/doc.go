// Package huggingface reads and writes model folders as Transformers has them:
// config.json, weights in one safetensors file or in shards with an index,
// tokenizer files, chat templates and generation settings.
//
// Opening a folder checks that it is complete and consistent and that its
// weights are in a format that can be trained, and says what to do where they
// are not. Nothing is ever downloaded.
//
// The package must not know what any key of config.json means, save those that
// announce quantised weights, and must not know tokenizers, templates or
// training. Begin with Open in folder.go; weights.go finds the tensors, text.go
// the files beside them, unusable.go names what else a folder may be.
package huggingface
