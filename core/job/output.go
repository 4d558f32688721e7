package job

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/loraedge/loraedge/formats/huggingface"
)

// Names in the output folder.
const (
	metricsFile    = "metrics.jsonl"
	runFile        = "run.json"
	checkpointsDir = "checkpoints"
	lockFile       = ".lock"
)

// ours are the things a run writes: what --overwrite removes, and nothing else.
var ours = append([]string{
	metricsFile, runFile, checkpointsDir, "adapter_model.safetensors", "adapter_config.json", "model.safetensors", "config.json", "generation_config.json",
}, huggingface.TextFiles()...)

// claim makes the output folder this run's own: it exists, is writable and
// locked, and is empty, to be resumed or to be overwritten.
func claim(dir string, resume, overwrite bool) (unlock func(), err error) {
	st, err := os.Stat(dir)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err == nil && !st.IsDir() {
		return nil, fmt.Errorf("output_dir %s is a file; name a folder", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("output_dir %s cannot be made: %w; choose a folder that can be written", dir, reason(err))
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("output_dir %s cannot be written: %w; choose another folder", dir, reason(err))
	}
	if !ok {
		return nil, fmt.Errorf("another run is writing to %s; wait for it, or choose another output_dir", dir)
	}
	unlock = func() {
		os.Remove(lock.Path())
		if isNew {
			os.Remove(dir) // where the run wrote nothing
		}
		lock.Unlock()
	}
	if err := checkUse(dir, resume, overwrite); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// checkUse says whether a run may write to the folder as it is.
func checkUse(dir string, resume, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var found []string
	for _, e := range entries {
		if e.Name() != lockFile {
			found = append(found, e.Name())
		}
	}
	if len(found) == 0 || resume {
		return nil
	}
	if !overwrite {
		return fmt.Errorf("output_dir %s is not empty (%s): go on with --resume, replace the earlier run with --overwrite, or name another folder",
			dir, strings.Join(found[:min(len(found), 3)], ", "))
	}
	if _, err := os.Stat(filepath.Join(dir, runFile)); err != nil {
		return fmt.Errorf("--overwrite: output_dir %s was not written by a run (it has no %s), so nothing in it is removed; name another folder", dir, runFile)
	}
	return nil
}

// removeEarlier removes what an earlier run wrote.
func removeEarlier(dir string) error {
	for _, name := range ours {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("--overwrite: %w", err)
		}
	}
	return nil
}

// reason is the system's word without the path, which the caller gives.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
