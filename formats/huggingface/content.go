package huggingface

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/loraedge/loraedge/formats/safetensors"
)

// CheckFinite is an error where a tensor holds NaN or infinity; it names file,
// tensor and element. It reads all weights of types F16, BF16, F32 and F64 once;
// other types have no such values, or cannot be trained and fail elsewhere.
func (f *Folder) CheckFinite(ctx context.Context) error {
	var floats []safetensors.Tensor
	for _, t := range f.Tensors() {
		if t.DType.IsFloat() && t.DType.Size() > 1 {
			floats = append(floats, t)
		}
	}
	return parallel(ctx, len(floats), func(i int) error { return safetensors.CheckFinite(floats[i]) })
}

// hashChunk is how many bytes of a tensor are hashed as one piece of work.
const hashChunk = 32 << 20

// Hash identifies the base model by its content, as 64 hexadecimal digits. It
// covers the bytes of config.json and the name, type, shape and data of every
// tensor. It does not cover file names, the split into shards, headers'
// metadata, or the tokenizer and template files: those change what a run reads,
// not the model that it trains. It reads all weights once.
//
// It is SHA-256 over config.json's length and bytes, then tensor by tensor in
// order of names over their descriptions and the SHA-256 of each 32 MiB of
// their data, so that several cores can work on it.
func (f *Folder) Hash(ctx context.Context) (string, error) {
	type chunk struct {
		of   safetensors.Tensor
		data []byte
		last bool
	}
	var chunks []chunk
	for _, t := range f.stored {
		for rest := t.Data; len(rest) > 0; {
			n := min(hashChunk, len(rest))
			chunks, rest = append(chunks, chunk{t, rest[:n], n == len(rest)}), rest[n:]
		}
	}
	sums := make([][sha256.Size]byte, len(chunks))
	err := parallel(ctx, len(chunks), func(i int) error {
		sums[i] = sha256.Sum256(chunks[i].data)
		if chunks[i].last {
			return f.releasePart(chunks[i].of)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	all := sha256.New()
	hashBytes(all, f.Config.text)
	for _, t := range f.stored {
		hashBytes(all, []byte(t.Name))
		hashBytes(all, []byte(t.TypeName))
		hashNumber(all, len(t.Shape))
		for _, dim := range t.Shape {
			hashNumber(all, dim)
		}
		hashNumber(all, len(t.Data))
		for done := 0; done < len(t.Data); done += hashChunk {
			all.Write(sums[0][:])
			sums = sums[1:]
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

func hashBytes(h hash.Hash, b []byte) {
	hashNumber(h, len(b))
	h.Write(b)
}

func hashNumber(h hash.Hash, n int) {
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

// parallel does the pieces 0 to n-1 on all cores until one fails or ctx ends.
// Of several failures it returns the one of the first piece: pieces begin in
// order, so that is the same one however many cores there are.
func parallel(ctx context.Context, n int, do func(i int) error) error {
	var (
		next   atomic.Int64
		failed atomic.Bool
		wait   sync.WaitGroup
	)
	errs := make([]error, n)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for !failed.Load() && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = do(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
