// Command tokenizer makes the demo model's tokenizer.json: a byte-level BPE
// trained on the corpus that tools/demo/generate wrote. The same corpus gives
// the same bytes.
//
//	go run ./tools/demo/tokenizer -corpus .cache/demo/corpus.jsonl -out demo/model/tokenizer.json
//
// Begin with train.go, the training; words.go cuts text as GPT-2 does, json.go
// writes the file that Hugging Face's tokenizers read.
package main
