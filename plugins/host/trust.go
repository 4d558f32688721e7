package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// trustFile is in the user's own configuration, where no lora.toml can reach.
const trustFile = "trusted-plugins.json"

// trust is what the user allowed: SHA-256 by path. The bytes decide, so that a
// plugin may be moved; the path is there to notice that a file has changed.
type trust struct {
	Plugins map[string]string `json:"plugins"`
}

func (t trust) has(sum string) bool {
	for _, s := range t.Plugins {
		if s == sum {
			return true
		}
	}
	return false
}

func (t trust) hasPath(path string) bool { _, ok := t.Plugins[path]; return ok }

// Trust allows the executable at path to run from now on, as long as its bytes
// stay the same, and returns their SHA-256.
func (h *Host) Trust(path string) (sum string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", err
	}
	c, ok := fromFile(path, "")
	if !ok {
		return "", fmt.Errorf("%s: not named like a plugin: want %sNAME or %sNAME", path, archPrefix, dataPrefix)
	}
	if c.Problem != "" {
		return "", fmt.Errorf("%s: %s", path, c.Problem)
	}
	if sum, err = hashFile(path); err != nil {
		return "", err
	}
	if err := h.store(path, sum); err != nil {
		return "", fmt.Errorf("storing that %s is trusted: %w", path, err)
	}
	return sum, nil
}

// store adds an entry while no other process does.
func (h *Host) store(path, sum string) error {
	if err := os.MkdirAll(h.options.Config, 0o700); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(h.options.Config, trustFile+".lock"))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	t, err := h.readTrust()
	if err != nil {
		return err
	}
	t.Plugins[path] = sum
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(h.options.Config, trustFile), append(data, '\n'))
}

// readTrust reads the store; one that does not exist is empty.
func (h *Host) readTrust() (trust, error) {
	path := filepath.Join(h.options.Config, trustFile)
	t := trust{Plugins: map[string]string{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, fmt.Errorf("reading which plugins are trusted: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil || t.Plugins == nil {
		return trust{}, fmt.Errorf("%s is damaged, so no plugin is trusted; remove it and trust your plugins again", path)
	}
	return t, nil
}

// replaceFile writes a file so that it is whole or as it was before.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
