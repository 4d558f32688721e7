package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
)

// A token file is, in little-endian order: the magic; the examples, each its ids (int32)
// and its weights as runs (uint32 how many tokens, float32 weight); the
// index, an entry an example; the counts and settings as JSON; the footer.

const (
	fileMagic   = "loraedge tokens 1\n"
	footerMagic = "tokens.1"
	entryBytes  = 24
	runBytes    = 8
	footerBytes = 8 + 8 + 8 + sha256.Size + len(footerMagic)
)

// fileMeta is the JSON of a token file.
type fileMeta struct {
	Counts Counts `json:"counts"`
	Hash   string `json:"hash"`
	Top    int32  `json:"top"` // the highest id
}

// block is an example as the file holds it.
type block struct {
	bytes                 []byte
	tokens, runs, trained int
	kind                  Kind
	source                int // of the record, in the order of the sources
	top                   int32
	sum                   [sha256.Size]byte
}

func newBlock(e Example) block {
	b := block{tokens: len(e.IDs), trained: e.Trained(), kind: e.Kind, bytes: make([]byte, 0, 4*len(e.IDs)+4*runBytes)}
	for _, id := range e.IDs {
		b.top = max(b.top, id)
		b.bytes = binary.LittleEndian.AppendUint32(b.bytes, uint32(id))
	}
	for from := 0; from < len(e.Weights); {
		to := from + 1
		for to < len(e.Weights) && math.Float32bits(e.Weights[to]) == math.Float32bits(e.Weights[from]) {
			to++
		}
		b.bytes = binary.LittleEndian.AppendUint32(b.bytes, uint32(to-from))
		b.bytes = binary.LittleEndian.AppendUint32(b.bytes, math.Float32bits(e.Weights[from]))
		b.runs++
		from = to
	}
	h := sha256.New()
	h.Write(b.bytes)
	h.Write(binary.LittleEndian.AppendUint32([]byte{byte(b.kind)}, uint32(b.tokens)))
	h.Sum(b.sum[:0])
	return b
}

// entry is an example's entry of the index.
type entry struct {
	offset                int64
	tokens, runs, trained int
	source                int
	kind                  Kind
}

func (b *block) entry(index []byte, offset int64) []byte {
	index = binary.LittleEndian.AppendUint64(index, uint64(offset)|uint64(b.kind)<<56)
	for _, n := range []int{b.tokens, b.runs, b.trained, b.source} {
		index = binary.LittleEndian.AppendUint32(index, uint32(n))
	}
	return index
}

func readEntry(b []byte) entry {
	first := binary.LittleEndian.Uint64(b)
	return entry{
		offset: int64(first & (1<<56 - 1)), kind: Kind(first >> 56),
		tokens: int(binary.LittleEndian.Uint32(b[8:])), runs: int(binary.LittleEndian.Uint32(b[12:])), trained: int(binary.LittleEndian.Uint32(b[16:])),
		source: int(binary.LittleEndian.Uint32(b[20:])),
	}
}

// footer says where index and JSON are; sum is over both.
type footer struct {
	index       int64
	count, meta int
	sum         [sha256.Size]byte
}

func (f footer) bytes() []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(f.index))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.count))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.meta))
	return append(append(b, f.sum[:]...), footerMagic...)
}

var errNoTokenFile = errors.New("not a whole token file")

// readFooter finds the index and the JSON of a file.
func readFooter(file []byte) (entries []byte, meta fileMeta, err error) {
	if len(file) < len(fileMagic)+footerBytes || string(file[:len(fileMagic)]) != fileMagic || !bytes.HasSuffix(file, []byte(footerMagic)) {
		return nil, meta, errNoTokenFile
	}
	body, f := file[:len(file)-footerBytes], file[len(file)-footerBytes:]
	index, count, size := binary.LittleEndian.Uint64(f), binary.LittleEndian.Uint64(f[8:]), binary.LittleEndian.Uint64(f[16:])
	total := uint64(len(body))
	if index > total || count > (total-index)/entryBytes || size != total-index-count*entryBytes {
		return nil, meta, errNoTokenFile
	}
	rest := body[index:]
	if sum := sha256.Sum256(rest); !bytes.Equal(sum[:], f[24:24+sha256.Size]) {
		return nil, meta, errNoTokenFile
	}
	if err := json.Unmarshal(rest[count*entryBytes:], &meta); err != nil {
		return nil, meta, errNoTokenFile
	}
	return rest[:count*entryBytes], meta, nil
}
