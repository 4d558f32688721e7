// Package tokenizer turns text into token ids and back as the model's own
// library does: Hugging Face's `tokenizers` for a tokenizer.json, SentencePiece
// for a tokenizer.model, mistral-common for a tekken.json, tiktoken for a list of ranks,
// Transformers for a vocabulary whose rules are in one of its classes.
//
// It must know nothing of chat templates, datasets or training: it maps text to
// ids and gives, for every token, the bytes of the text it came from.
//
// A text goes through these stages:
//
//	added.go        tokens that are recognised in the text before anything else
//	normalize.go    the text is rewritten (NFC, Replace, Prepend, BERT's clean-up, ...)
//	charsmap.go     one of these ways: SentencePiece's table of characters
//	pretokenize.go  the text is cut into words; cut.go and regex.go do the cutting
//	model.go        a word becomes token ids, by one of the models
//	post.go         special tokens are put around, offsets are trimmed
//	decode.go       the way back, by the steps in decoders.go
//
// The models are bpe.go (with merge.go), unigram.go and wordmodel.go. A
// SentencePiece file is read by spm_file.go and becomes the same stages in spm.go and
// spm_bpe.go; spm_class.go has what some classes of Transformers do to its pieces. tekken.go and
// tiktoken.go read their files into the model of ranked.go. vocabulary.go reads vocab.json, merges.txt and
// vocab.txt; class.go has the rules that go with them. surroundings.go reads the small
// files beside all of these.
//
// text.go keeps the alignment of a rewritten text with the input. characters.go is
// made from the Rust library, whose parts know other versions of Unicode than Go.
// Begin reading at tokenizer.go; load.go says which file is read how.
package tokenizer
