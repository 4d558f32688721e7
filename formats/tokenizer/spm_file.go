package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// pieceType is what a piece of a SentencePiece model is for.
type pieceType uint64

const (
	pieceNormal      pieceType = 1
	pieceUnknown     pieceType = 2
	pieceControl     pieceType = 3 // as <s>: never found in a text
	pieceUserDefined pieceType = 4 // always found in a text, as it is
	pieceUnused      pieceType = 5
	pieceByte        pieceType = 6
)

// spmFile is what counts of a SentencePiece model file: the protobuf message
// ModelProto of sentencepiece_model.proto.
type spmFile struct {
	pieces []spmPiece
	// of the trainer's settings
	kind               uint64 // 1 unigram, 2 BPE, 3 words, 4 characters
	byteFallback       bool
	whitespaceAsSuffix bool
	unk, bos, eos, pad int32 // -1: none
	// of the normalizer's settings
	charsMap              *charsMap
	addDummyPrefix        bool
	removeExtraWhitespace bool
	escapeWhitespace      bool
	denormalizes          bool
	// prefixFirst says that the dummy prefix goes before the whole text only, not
	// before every part of it between special tokens.
	prefixFirst bool
}

type spmPiece struct {
	text  string
	score float32
	kind  pieceType
}

// parseSPM reads a model file. Fields that it does not know are left out, as
// protobuf has it.
func parseSPM(data []byte) (*spmFile, error) {
	f := &spmFile{
		kind: 1, unk: 0, bos: 1, eos: 2, pad: -1,
		addDummyPrefix: true, removeExtraWhitespace: true, escapeWhitespace: true,
	}
	err := eachField(data, func(n protowire.Number, v field) error {
		switch n {
		case 1:
			return f.addPiece(v)
		case 2:
			return within("trainer_spec", eachField(v.bytes, f.trainer))
		case 3:
			return within("normalizer_spec", eachField(v.bytes, f.normalizer))
		case 5:
			return within("denormalizer_spec", eachField(v.bytes, func(n protowire.Number, v field) error {
				f.denormalizes = f.denormalizes || n == 2 && len(v.bytes) > 0
				return nil
			}))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, f.check()
}

func within(name string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (f *spmFile) addPiece(v field) error {
	p := spmPiece{kind: pieceNormal}
	err := eachField(v.bytes, func(n protowire.Number, v field) error {
		switch n {
		case 1:
			p.text = string(v.bytes)
		case 2:
			p.score = math.Float32frombits(uint32(v.number))
		case 3:
			p.kind = pieceType(v.number)
		}
		return nil
	})
	f.pieces = append(f.pieces, p)
	return within(fmt.Sprintf("piece %d", len(f.pieces)-1), err)
}

func (f *spmFile) trainer(n protowire.Number, v field) error {
	switch n {
	case 3:
		f.kind = v.number
	case 24:
		f.whitespaceAsSuffix = v.number != 0
	case 35:
		f.byteFallback = v.number != 0
	case 40:
		f.unk = int32(v.number)
	case 41:
		f.bos = int32(v.number)
	case 42:
		f.eos = int32(v.number)
	case 43:
		f.pad = int32(v.number)
	}
	return nil
}

func (f *spmFile) normalizer(n protowire.Number, v field) (err error) {
	switch n {
	case 2:
		f.charsMap, err = parseCharsMap(v.bytes)
	case 3:
		f.addDummyPrefix = v.number != 0
	case 4:
		f.removeExtraWhitespace = v.number != 0
	case 5:
		f.escapeWhitespace = v.number != 0
	}
	return err
}

func (f *spmFile) check() error {
	if len(f.pieces) == 0 {
		return errors.New("it has no pieces: it is no SentencePiece model")
	}
	if len(f.pieces) > maxID {
		return fmt.Errorf("it has %d pieces, want at most %d", len(f.pieces), maxID)
	}
	if f.kind != 1 && f.kind != 2 {
		return fmt.Errorf("trainer_spec.model_type is %d, want 1 (unigram) or 2 (BPE)", f.kind)
	}
	if f.denormalizes {
		return errors.New("denormalizer_spec has rules, which are not supported")
	}
	seen := make(map[string]int, len(f.pieces))
	unknown := -1
	for i, p := range f.pieces {
		switch {
		case p.text == "":
			return fmt.Errorf("piece %d is empty", i)
		case len(p.text) > maxTokenBytes:
			return fmt.Errorf("piece %d has %d bytes, want at most %d", i, len(p.text), maxTokenBytes)
		case !utf8.ValidString(p.text):
			return fmt.Errorf("piece %d is not UTF-8: %q", i, p.text)
		case math.IsNaN(float64(p.score)):
			return fmt.Errorf("piece %d (%q): its score is no number", i, p.text)
		case p.kind < pieceNormal || p.kind > pieceByte:
			return fmt.Errorf("piece %d (%q) is of type %d, want 1 to 6", i, p.text, p.kind)
		}
		if first, twice := seen[p.text]; twice {
			return fmt.Errorf("pieces %d and %d are both %q", first, i, p.text)
		}
		seen[p.text] = i
		if p.kind == pieceUnknown {
			if unknown >= 0 {
				return fmt.Errorf("pieces %d and %d are both the unknown one", unknown, i)
			}
			unknown = i
		}
	}
	if unknown < 0 {
		return errors.New("no piece is the unknown one")
	}
	f.unk = int32(unknown)
	for _, id := range []*int32{&f.bos, &f.eos, &f.pad} {
		if *id < 0 || int(*id) >= len(f.pieces) || f.pieces[*id].kind != pieceControl {
			*id = -1
		}
	}
	return nil
}

// field is a value of a protobuf message.
type field struct {
	number uint64
	bytes  []byte
}

var errCut = errors.New("it is cut short or no protobuf")

func eachField(data []byte, found func(protowire.Number, field) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errCut
		}
		data = data[n:]
		var v field
		switch kind {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(data)
			v.number = uint64(x)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return errCut
		}
		data = data[n:]
		if err := found(number, v); err != nil {
			return err
		}
	}
	return nil
}
