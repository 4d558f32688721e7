// Package tokenizer turns text into token ids and back as the Hugging Face
// `tokenizers` library does, from a model's own tokenizer.json.
//
// It holds byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM) and BPE with byte
// fallback (Llama 2, TinyLlama, Mistral v1). It must know nothing of chat
// templates, datasets or training: it maps text to ids and gives, for every
// token, the bytes of the text it came from.
//
// A text goes through these stages; each has a file:
//
//	added.go        tokens that are recognised in the text before anything else
//	normalize.go    the text is rewritten (NFC, Replace, Prepend, ...)
//	pretokenize.go  the text is cut into words
//	bpe.go          a word becomes token ids
//	post.go         special tokens are put around, offsets are trimmed
//	decode.go       the way back
//
// text.go keeps the alignment of a rewritten text with the input. Begin
// reading at tokenizer.go.
package tokenizer
