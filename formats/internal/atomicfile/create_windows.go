package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// windowsFile does what renameio, which does not build on Windows, does
// elsewhere. os.Rename replaces an existing file there too.
type windowsFile struct {
	*os.File
	path string
	done bool
}

func create(path string) (pending, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"*")
	if err != nil {
		return nil, err
	}
	return &windowsFile{File: f, path: path}, nil
}

func (f *windowsFile) CloseAtomicallyReplace() error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return nil
}

func (f *windowsFile) Cleanup() error {
	if f.done {
		return nil
	}
	// Close fails where CloseAtomicallyReplace closed already; the removal counts.
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
