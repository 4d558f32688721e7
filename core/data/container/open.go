package container

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

const knownKinds = "wanted .json or .jsonl (records), .csv or .tsv (a header line, then a record a line), .parquet, or .txt (a document a line), each also as .gz or .zst"

// kinds are the containers by the end of their files' names.
var kinds = map[string]string{
	".json": ".json", ".jsonl": ".jsonl", ".ndjson": ".jsonl",
	".csv": ".csv", ".tsv": ".tsv", ".tab": ".tsv",
	".parquet": ".parquet", ".pq": ".parquet",
	".txt": ".txt", ".text": ".txt",
}

// compressions are the ends of names that say how a file is compressed.
var compressions = []string{".gz", ".gzip", ".zst", ".zstd"}

// kindOf is the container that a file's name says, without its compression.
func kindOf(path string) (string, error) {
	name := strings.ToLower(path)
	if ext := filepath.Ext(name); slices.Contains(compressions, ext) {
		name = strings.TrimSuffix(name, ext)
	}
	ext := filepath.Ext(name)
	if kind, ok := kinds[ext]; ok {
		return kind, nil
	}
	return "", fmt.Errorf("dataset %s: files that end in %q are not known; %s", path, ext, knownKinds)
}

// open opens a file and takes compression off it. The file's own bytes tell
// how it is compressed, whatever its name says.
func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	in := bufio.NewReaderSize(f, 1<<20)
	start, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, fmt.Errorf("dataset: %w", err)
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: not a gzip file: %w", path, err)
		}
		return &stream{Reader: &named{z, path, "gzip"}, close: f.Close}, nil
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: not a zstd file: %w", path, err)
		}
		return &stream{Reader: &named{z, path, "zstd"}, close: func() error { z.Close(); return f.Close() }}, nil
	}
	if ext := strings.ToLower(filepath.Ext(path)); slices.Contains(compressions, ext) && len(start) > 0 {
		f.Close()
		return nil, fmt.Errorf("%s: the name ends in %s, but the file is not compressed so; rename it", path, ext)
	}
	return &stream{Reader: in, close: f.Close}, nil
}

// maxWindow bounds the memory that a zstd file can ask for, in bytes: that of
// zstd --long.
const maxWindow = 128 << 20

type stream struct {
	io.Reader
	close func() error
}

func (s *stream) Close() error { return s.close() }

// named adds to a decompressor's errors what is damaged.
type named struct {
	io.Reader
	path, kind string
}

func (n *named) Read(p []byte) (int, error) {
	k, err := n.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("the %s data is damaged or cut off: %w", n.kind, err)
	}
	return k, err
}

// lfsPointer begins the file that Git leaves in place of a large one.
const lfsPointer = "version https://git-lfs."

var errLFSPointer = errors.New("this is a Git LFS pointer, not the data; fetch the file itself: git lfs pull")

func isLFSPointer(f io.ReaderAt) bool {
	start := make([]byte, len(lfsPointer))
	_, err := f.ReadAt(start, 0)
	return err == nil && string(start) == lfsPointer
}

// text checks the beginning of a text file and skips a byte-order mark.
func text(r io.Reader, path string) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	start, err := in.Peek(len(lfsPointer))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case bytes.HasPrefix(start, []byte("\ufeff")):
		in.Discard(3)
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}),
		len(start) > 1 && (start[0] == 0) != (start[1] == 0): // without a byte-order mark
		return nil, fmt.Errorf("%s: the text is UTF-16; save the file as UTF-8", path)
	case string(start) == lfsPointer:
		return nil, fmt.Errorf("%s: %w", path, errLFSPointer)
	case bytes.HasPrefix(start, []byte("PAR1")):
		return nil, fmt.Errorf("%s: this is a Parquet file; name it .parquet", path)
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return nil, fmt.Errorf("%s: this is a zip archive (or an .xlsx table); unpack it, or save the table as CSV in UTF-8", path)
	}
	return in, nil
}
