package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// parseSPMFolder reads a SentencePiece model and what the class of the folder
// adds to it.
func parseSPMFolder(data []byte, dir string) (*Tokenizer, error) {
	f, err := parseSPM(data)
	if err != nil {
		return nil, notSPM(data, err)
	}
	s, err := readSurroundings(dir)
	if err != nil {
		return nil, err
	}
	closes := f.bos < 0 // whether the end token goes behind a text unasked
	everyPart := slices.Contains([]string{"XLMRobertaTokenizer", "CamembertTokenizer", "T5Tokenizer"}, s.class)
	var more []addedToken
	switch class := strings.TrimSuffix(s.class, "Tokenizer"); {
	case class == "XLMRoberta":
		err = f.renumber([]string{"<s>", "<pad>", "</s>", "<unk>"}, "<unk>", "<s>", "</s>")
		closes = true
	case class == "Camembert":
		err = f.renumber([]string{"<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"}, "<unk>")
		closes = true
	case class == "T5":
		f.bos, closes = -1, true
		more, err = s.sentinels(len(f.pieces))
	case slices.Contains(otherSPM, class):
		return nil, fmt.Errorf("a %s does more than its SentencePiece model says; make a tokenizer.json with Transformers: "+
			"AutoTokenizer.from_pretrained(%q).save_pretrained(%q)", s.class, dir, dir)
	}
	if err != nil {
		return nil, err
	}
	prefix, err := s.settings.boolOr("add_prefix_space", true)
	if err != nil {
		return nil, err
	}
	legacy, err := s.settings.boolOr("legacy", everyPart)
	if err != nil {
		return nil, err
	}
	f.addDummyPrefix, f.prefixFirst = f.addDummyPrefix && prefix, !legacy
	t, err := f.tokenizer()
	if err != nil {
		return nil, err
	}
	for i, p := range f.pieces {
		if p.kind == pieceControl || p.kind == pieceUnknown {
			t.added = append(t.added, addedToken{id: int32(i), content: p.text, special: true, lstrip: everyPart && p.text == "<mask>"})
		}
	}
	t.added = append(t.added, more...)
	if err := s.addTo(t); err != nil {
		return nil, err
	}
	for i := range t.added { // they are found in the text before SentencePiece sees it
		t.added[i].normalized = false
	}
	s.around(t, f.bos, f.eos, true, closes)
	return t, t.finish()
}

// otherSPM are classes of Transformers, less "Tokenizer", that number the pieces of a
// SentencePiece model otherwise, rewrite the text before, or put around it what depends on
// more than the text.
var otherSPM = []string{
	"Albert", "Barthez", "BigBird", "BigBirdPegasus", "Cpm", "Deberta", "DebertaV2", "ErnieM", "FNet", "GPTSw3", "LayoutXLM", "M2M100", "Marian", "MBart", "MBart50",
	"Nllb", "Pegasus", "PLBart", "Reformer", "RemBert", "SeamlessM4T", "Speech2Text", "SpeechT5", "Udop", "XGLM", "XLMProphetNet", "XLNet",
}

// renumber gives the pieces the numbers that fairseq gave them: first come the tokens of its own
// instead of the model's own ones, and the mask comes last.
func (f *spmFile) renumber(first []string, own ...string) error {
	var pieces []spmPiece
	for _, text := range first {
		kind := pieceControl
		if text == "<unk>" {
			kind = pieceUnknown
		}
		pieces = append(pieces, spmPiece{text: text, kind: kind})
	}
	for i, text := range own {
		if i >= len(f.pieces) || f.pieces[i].text != text {
			return fmt.Errorf("its first pieces are not %q, so it is no model of the class that tokenizer_config.json names", own)
		}
	}
	pieces = append(pieces, f.pieces[len(own):]...)
	f.pieces = append(pieces, spmPiece{text: "<mask>", kind: pieceControl})
	number := func(text string) int32 {
		return int32(slices.IndexFunc(f.pieces, func(p spmPiece) bool { return p.text == text }))
	}
	f.unk, f.bos, f.eos, f.pad = number("<unk>"), number("<s>"), number("</s>"), number("<pad>")
	return nil
}

// sentinels are T5's tokens for what was left out of a text. They lie behind
// the pieces, the first the last.
func (s *surroundings) sentinels(pieces int) ([]addedToken, error) {
	count, err := s.settings.intOr("extra_ids", 100)
	if err != nil {
		return nil, err
	}
	if pieces+count > maxID {
		return nil, s.settings.at("extra_ids").errorf("is %d, which with %d pieces makes more than %d tokens", count, pieces, maxID)
	}
	all := make([]addedToken, count)
	for i := range all {
		all[i] = addedToken{id: int32(pieces + count - 1 - i), content: fmt.Sprintf("<extra_id_%d>", i), special: true}
	}
	return all, nil
}
