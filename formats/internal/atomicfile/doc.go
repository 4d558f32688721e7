// Package atomicfile writes a file so that its name never shows half of it:
// the bytes go to a temporary file beside it, are synced, and the file is
// renamed. Every format of loraedge that writes a file does it through here.
//
// It must not know what it writes.
package atomicfile

import (
	"bufio"
	"io"
)

// bufferSize is large enough that small writes cost no system call each.
const bufferSize = 1 << 20

// Write creates or replaces the file at path with what write produces. When
// write or the file system fails, the file at path is as it was before and the
// temporary file is gone.
func Write(path string, write func(io.Writer) error) error {
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	b := bufio.NewWriterSize(f, bufferSize)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// WriteBytes creates or replaces the file at path with data.
func WriteBytes(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// pending is a file that is not yet at its name.
type pending interface {
	io.Writer
	// CloseAtomicallyReplace syncs the file and gives it its name.
	CloseAtomicallyReplace() error
	// Cleanup removes the file unless it was given its name.
	Cleanup() error
}
