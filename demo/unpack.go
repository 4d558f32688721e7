package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// prefix begins the name of everything embedded: "embedded:demo" is the model,
// "embedded:demo/train.json" a file of data/.
const prefix = "embedded:demo"

// Resolve gives the path of what name means, "embedded:demo" or
// "embedded:demo/FILE", after unpacking into a folder of cacheDir where that
// was not done yet. The error of an unknown name lists the known ones.
func Resolve(name, cacheDir string) (string, error) {
	inside, err := locate(FS, name)
	if err != nil {
		return "", err
	}
	root, err := Unpack(FS, cacheDir)
	if err != nil {
		return "", fmt.Errorf("unpacking %s: %w", name, err)
	}
	return filepath.Join(root, filepath.FromSlash(inside)), nil
}

// locate is the path of an embedded name in files.
func locate(files fs.FS, name string) (string, error) {
	if name == prefix {
		return "model", nil
	}
	if file, ok := strings.CutPrefix(name, prefix+"/"); ok && fs.ValidPath(file) {
		inside := path.Join("data", file)
		if info, err := fs.Stat(files, inside); err == nil && info.Mode().IsRegular() {
			return inside, nil
		}
	}
	known := []string{prefix}
	entries, err := fs.ReadDir(files, "data")
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		known = append(known, prefix+"/"+e.Name())
	}
	return "", fmt.Errorf("%q is not embedded in this program; it has %s", name, strings.Join(known, ", "))
}

// Unpack writes files into a folder of cacheDir that is named by their
// content, and returns that folder. It is written under another name, synced
// and renamed, so that it is complete whenever it exists, also when several
// processes unpack at once. A folder that was changed since is written anew.
func Unpack(files fs.FS, cacheDir string) (string, error) {
	names, hash, err := digest(files)
	if err != nil {
		return "", err
	}
	root := filepath.Join(cacheDir, "demo-"+hash)
	if intact(files, names, root) {
		return root, nil
	}
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	fresh, err := os.MkdirTemp(cacheDir, "demo-*.tmp")
	if err != nil {
		return "", fmt.Errorf("making a folder in the cache: %w", err)
	}
	defer os.RemoveAll(fresh)
	unpacked := filepath.Join(fresh, "demo")
	for _, name := range names {
		if err := writeSynced(files, name, filepath.Join(unpacked, filepath.FromSlash(name))); err != nil {
			return "", err
		}
	}
	if err := os.Rename(unpacked, root); err == nil || intact(files, names, root) {
		return root, nil // or another process was first
	}
	// A folder cannot be renamed over one that is not empty: the damaged one goes first.
	if err := os.Rename(root, filepath.Join(fresh, "damaged")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("replacing the damaged cache folder %s (it can be deleted): %w", root, err)
	}
	if err := os.Rename(unpacked, root); err != nil && !intact(files, names, root) {
		return "", fmt.Errorf("renaming the unpacked folder: %w", err)
	}
	return root, nil
}

// digest lists the regular files in order and hashes their names and bytes.
func digest(files fs.FS) (names []string, hash string, err error) {
	sum := sha256.New()
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		names = append(names, name)
		for _, part := range [][]byte{[]byte(name), content} {
			sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(part))))
			sum.Write(part)
		}
		return nil
	})
	slices.Sort(names)
	return names, hex.EncodeToString(sum.Sum(nil)[:8]), err
}

// intact reports whether root holds exactly the files.
func intact(files fs.FS, names []string, root string) bool {
	found := 0
	err := filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found++
		}
		return err
	})
	if err != nil || found != len(names) {
		return false
	}
	for _, name := range names {
		want, err := fs.ReadFile(files, name)
		if err != nil {
			return false
		}
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(got, want) {
			return false
		}
	}
	return true
}

func writeSynced(files fs.FS, name, target string) error {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("writing %s: %w", target, err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", target, err)
	}
	return f.Close()
}
