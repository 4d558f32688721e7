package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// object is a part of a tokenizer.json in the making.
type object map[string]any

// recipe says what a class of Transformers makes of a vocabulary that has no rules of its
// own: the rest of a tokenizer.json.
type recipe struct {
	words bool // the vocabulary is BERT's vocab.txt, else vocab.json with merges.txt
	// named are the tokens of the roles that the folder names none for.
	named map[string]string
	// normalizer, preTokenizer and post write their sections; nil: there is none.
	normalizer, preTokenizer func(*surroundings) any
	post                     func(s *surroundings, ids func(role string) any) any
}

var (
	endOfText = map[string]string{"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}

	gpt2 = recipe{named: endOfText, preTokenizer: gpt2Words}
	qwen = recipe{
		named:      map[string]string{"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
		normalizer: composed, preTokenizer: qwenWords,
	}
	neox = recipe{
		named:      map[string]string{"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|padding|>"},
		normalizer: composed, preTokenizer: gpt2Words,
	}
	roberta = recipe{
		named: map[string]string{"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
			"unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"},
		preTokenizer: gpt2Words, post: robertaEnds,
	}
	deberta = recipe{
		named: map[string]string{"bos_token": "[CLS]", "eos_token": "[SEP]", "sep_token": "[SEP]", "cls_token": "[CLS]",
			"unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"},
		preTokenizer: gpt2Words, post: bertEnds,
	}
	bert = recipe{
		words:      true,
		named:      map[string]string{"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"},
		normalizer: bertText, preTokenizer: func(*surroundings) any { return object{"type": "BertPreTokenizer"} }, post: bertEnds,
	}
)

// classes are the classes that read vocab.json or vocab.txt, by Transformers' name less "Tokenizer".
var classes = map[string]*recipe{
	"GPT2": &gpt2, "CodeGen": &gpt2, "Qwen2": &qwen, "GPTNeoX": &neox,
	"Roberta": &roberta, "Bart": &roberta, "Longformer": &roberta, "LED": &roberta, "Mvp": &roberta, "Deberta": &deberta,
	"Bert": &bert, "DistilBert": &bert, "Electra": &bert, "MobileBert": &bert, "ConvBert": &bert, "LayoutLM": &bert, "SqueezeBert": &bert,
}

// classOfModel is what Transformers takes for a model_type where no file names the class.
var classOfModel = map[string]string{
	"gpt2": "GPT2Tokenizer", "gpt_neo": "GPT2Tokenizer", "gptj": "GPT2Tokenizer", "gpt_bigcode": "GPT2Tokenizer", "opt": "GPT2Tokenizer",
	"starcoder2": "GPT2Tokenizer", "codegen": "CodeGenTokenizer", "phi": "CodeGenTokenizer", "gpt_neox": "GPTNeoXTokenizer",
	"qwen": "QWenTokenizer", "qwen2": "Qwen2Tokenizer", "qwen2_moe": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer", "qwen3_moe": "Qwen2Tokenizer",
	"roberta": "RobertaTokenizer", "bart": "BartTokenizer", "bert": "BertTokenizer", "distilbert": "DistilBertTokenizer", "electra": "ElectraTokenizer",
	"xlm-roberta": "XLMRobertaTokenizer", "camembert": "CamembertTokenizer", "t5": "T5Tokenizer", "mt5": "T5Tokenizer", "whisper": "WhisperTokenizer",
	"albert": "AlbertTokenizer", "xlnet": "XLNetTokenizer", "mbart": "MBartTokenizer", "pegasus": "PegasusTokenizer", "clip": "CLIPTokenizer",
}

// ClassOfModel is the tokenizer class that Transformers takes for a model_type, "" where it is not known here.
func ClassOfModel(kind string) string { return classOfModel[kind] }

func composed(*surroundings) any { return object{"type": "NFC"} }

func (s *surroundings) prefixSpace() bool {
	b, _ := s.settings.boolOr("add_prefix_space", false)
	return b
}

func gpt2Words(s *surroundings) any {
	return object{"type": "ByteLevel", "add_prefix_space": s.prefixSpace(), "use_regex": true}
}

// llama3Pattern cuts words as Llama 3 does; Qwen does so too, but takes digits one by one.
const (
	llama3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwenPattern   = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

func qwenWords(s *surroundings) any {
	return object{"type": "Sequence", "pretokenizers": []any{
		object{"type": "Split", "pattern": object{"Regex": qwenPattern}, "behavior": "Isolated", "invert": false},
		object{"type": "ByteLevel", "add_prefix_space": s.prefixSpace(), "use_regex": false},
	}}
}

// bertText reads BERT's options, which may be null.
func bertText(s *surroundings) any {
	asked := func(key string, otherwise any) any {
		if m := s.settings.at(key); !m.null() {
			return m.raw
		}
		return otherwise
	}
	return object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": asked("tokenize_chinese_chars", true),
		"strip_accents": asked("strip_accents", nil), "lowercase": asked("do_lower_case", true)}
}

func robertaEnds(s *surroundings, id func(string) any) any {
	trim, _ := s.settings.boolOr("trim_offsets", true)
	return object{"type": "RobertaProcessing", "cls": []any{"", id("cls_token")}, "sep": []any{"", id("sep_token")}, "trim_offsets": trim, "add_prefix_space": s.prefixSpace()}
}

func bertEnds(_ *surroundings, id func(string) any) any {
	return object{"type": "BertProcessing", "cls": []any{"", id("cls_token")}, "sep": []any{"", id("sep_token")}}
}

// findClass knows the class of a folder whose vocabulary is a file, name.
func (s *surroundings) findClass(name string, words bool) (*recipe, error) {
	advice := fmt.Sprintf("make a tokenizer.json with Transformers: AutoTokenizer.from_pretrained(%q).save_pretrained(%q)", s.dir, s.dir)
	if s.class == "" {
		return nil, fmt.Errorf("%s holds words but no rules, and neither tokenizer_config.json nor config.json names the tokenizer's class "+
			`("tokenizer_class") or a known model ("model_type"); %s`, name, advice)
	}
	c, ok := classes[strings.TrimSuffix(s.class, "Tokenizer")]
	if !ok {
		return nil, fmt.Errorf("%s is for a %s, which is not supported without a tokenizer.json; %s", name, s.class, advice)
	}
	if c.words != words {
		return nil, fmt.Errorf("a %s reads another file than %s; %s", s.class, name, advice)
	}
	return c, nil
}

// assemble makes a tokenizer of a vocabulary and a class's rules, by way of the
// tokenizer.json that Transformers would write.
func (s *surroundings) assemble(c *recipe, model object) (*Tokenizer, error) {
	for role, token := range c.named {
		if _, ok := s.named[role]; !ok && s.settings.at(role).raw == nil {
			s.named[role] = addedToken{content: token, special: true, lstrip: role == "mask_token" && !c.words}
		}
	}
	file := object{"model": model, "pre_tokenizer": c.preTokenizer(s), "decoder": object{"type": "ByteLevel"}}
	if c.words {
		file["decoder"] = object{"type": "WordPiece", "prefix": "##", "cleanup": true}
	}
	if c.normalizer != nil {
		file["normalizer"] = c.normalizer(s)
	}
	data, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	t, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if err := s.addTo(t); err != nil {
		return nil, err
	}
	if err := t.finish(); err != nil {
		return nil, err
	}
	id := func(role string) int32 {
		if token, ok := s.named[role]; ok {
			if id, ok := t.ID(token.content); ok {
				return id
			}
		}
		return -1
	}
	if c.post == nil {
		s.around(t, id("bos_token"), id("eos_token"), false, false)
		return t, nil
	}
	post, err := json.Marshal(c.post(s, func(role string) any { return id(role) }))
	if err != nil {
		return nil, err
	}
	t.post, err = parsePost(newNode(post, "post_processor"), nil)
	return t, err
}
