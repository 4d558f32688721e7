package data

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Cache keeps token files for the next run of the same data and settings.
type Cache struct {
	Dir string // "" keeps nothing
	// MinBytes is the size of data files below which keeping is not worth a
	// file: they are tokenised in less than a second.
	MinBytes int64
	// MaxBytes bounds the folder: files unused for longest go first.
	MaxBytes int64
}

const tokenExt = ".tokens"

// PrepareCached is Prepare, or finds what it made before from the same files
// and settings, which settings stands for. found says so. A cache that cannot
// be used is not an error: the tokens then lie in a temporary file.
func PrepareCached(ctx context.Context, sources []Source, o Options, settings any, cache Cache) (s *Store, found bool, err error) {
	path, err := cache.path(ctx, sources, o, settings)
	if err != nil {
		return nil, false, err
	}
	if path != "" {
		if s, err := OpenStore(path); err == nil {
			now := time.Now()
			os.Chtimes(path, now, now)
			return s, true, nil
		}
		s, err = prepareIn(ctx, filepath.Dir(path), sources, o)
		if err == nil {
			if s.Keep(path) == nil {
				cache.prune(path)
			}
			if s.m != nil {
				return s, false, nil
			}
			err = errStore{errors.New("the finished file cannot be opened again")}
		}
		if full := (errStore{}); !errors.As(err, &full) {
			return nil, false, err
		}
	}
	s, err = prepareIn(ctx, os.TempDir(), sources, o)
	return s, false, err
}

func prepareIn(ctx context.Context, dir string, sources []Source, o Options) (*Store, error) {
	s, err := NewStore(dir)
	if err != nil {
		return nil, errStore{err}
	}
	if _, err := Prepare(ctx, sources, o, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// path is the token file of data and settings, "" where none is to be kept.
func (c Cache) path(ctx context.Context, sources []Source, o Options, settings any) (string, error) {
	if c.Dir == "" || os.MkdirAll(c.Dir, 0o755) != nil {
		return "", nil
	}
	var size int64
	for _, s := range sources {
		if s.Limit > 0 { // a part of a file is not worth reading all of it for its hash
			return "", nil
		}
		for _, f := range s.Files {
			if st, err := os.Stat(f); err == nil {
				size += st.Size()
			}
		}
	}
	if size < c.MinBytes {
		return "", nil
	}
	sums, err := hashFiles(ctx, sources)
	if err != nil {
		return "", err
	}
	key, err := json.Marshal([]any{fileMagic, sources, sums, o.SequenceLen, o.Long, o.DropDuplicates, o.Ends, o.Begin, settings})
	if err != nil {
		return "", fmt.Errorf("naming the tokenised data: %w", err)
	}
	sum := sha256.Sum256(key)
	return filepath.Join(c.Dir, hex.EncodeToString(sum[:16])+tokenExt), nil
}

// hashFiles gives the SHA-256 of every file of every source, in order. The
// whole content is read: times and sizes stay the same where a file is put
// back or copied over, and stale tokens would be trained on in silence. Reading costs a second
// or two a gigabyte, tokenising minutes.
func hashFiles(ctx context.Context, sources []Source) ([]string, error) {
	var files []string
	for _, s := range sources {
		files = append(files, s.Files...)
	}
	sums, errs := make([]string, len(files)), make([]error, len(files))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, f := range files {
		slots <- struct{}{}
		wg.Go(func() {
			sums[i], errs[i] = hashFile(ctx, f)
			<-slots
		})
	}
	wg.Wait()
	return sums, errors.Join(errs...)
}

func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for ctx.Err() == nil {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", fmt.Errorf("dataset: %w", err)
		}
	}
	return "", ctx.Err()
}

// prune removes the token files that were unused for longest, until the rest
// is within the bound, and what an interrupted run left of a day ago; but not the newest, nor what
// other programs put there.
func (c Cache) prune(newest string) {
	entries, err := os.ReadDir(c.Dir)
	if err != nil || c.MaxBytes == 0 {
		return
	}
	var files []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil || !info.Mode().IsRegular():
		case filepath.Ext(e.Name()) == tokenExt:
			files = append(files, info)
		case strings.HasPrefix(e.Name(), unfinished) && time.Since(info.ModTime()) > 24*time.Hour:
			os.Remove(filepath.Join(c.Dir, e.Name()))
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(b.ModTime().UnixNano(), a.ModTime().UnixNano()) })
	var sum int64
	for _, f := range files {
		sum += f.Size()
		if path := filepath.Join(c.Dir, f.Name()); sum > c.MaxBytes && path != newest {
			os.Remove(path)
		}
	}
}
