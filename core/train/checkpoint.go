package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Checkpoint is what state.json of a checkpoint holds.
type Checkpoint struct {
	Version int `json:"version"`
	State
	// Identity names what the run depends on (base model, data, shape); a run goes on
	// only where it is the same.
	Identity map[string]string `json:"identity"`
	// MetricsBytes is the length of metrics.jsonl at the checkpoint.
	MetricsBytes int64 `json:"metrics_bytes"`
	// SHA256 of every other file of the folder.
	SHA256 map[string]string `json:"sha256"`
	// StateSHA256 is that of state.json itself, with zeros in its own place.
	StateSHA256 string `json:"state_sha256"`
}

// checkpointVersion 2 seals state.json too; version 1 is read still.
const (
	checkpointVersion = 2
	checkpointPrefix  = "step-"
	checkpointState   = "state.json"
	temporaryPrefix   = ".tmp-"
)

// Checkpoints is the folder of a run's checkpoints.
type Checkpoints struct {
	Dir  string
	Keep int // newest to keep; 0 for all
	// KeepBest keeps that of the best evaluation besides.
	KeepBest bool
}

// Save writes a checkpoint: write fills a temporary folder, which is synced,
// sealed with checksums and renamed. Then old ones beyond Keep are removed.
func (c Checkpoints) Save(cp Checkpoint, write func(dir string) error) error {
	if err := c.save(cp, write); err != nil {
		return fmt.Errorf("saving the checkpoint of step %d: %w", cp.Step, err)
	}
	return nil
}

func (c Checkpoints) save(cp Checkpoint, write func(dir string) error) error {
	final := c.Of(cp.Step)
	temporary := filepath.Join(c.Dir, temporaryPrefix+strconv.Itoa(cp.Step))
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := write(temporary); err != nil {
		return err
	}
	cp.Version = checkpointVersion
	var err error
	if cp.SHA256, err = hashFolder(temporary); err != nil {
		return err
	}
	text, err := cp.sealed()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temporary, checkpointState), text, 0o644); err != nil {
		return err
	}
	if err := syncFolder(temporary); err != nil {
		return err
	}
	if err := os.RemoveAll(final); err != nil {
		return err
	}
	if err := os.Rename(temporary, final); err != nil {
		return err
	}
	if err := syncPath(c.Dir); err != nil {
		return err
	}
	return c.prune(cp.Watch.BestStep)
}

// Latest is the newest checkpoint that is whole, or "" where there is none.
// Damaged ones are passed over and named in warnings.
func (c Checkpoints) Latest() (dir string, cp Checkpoint, warnings []string) {
	steps := c.steps()
	slices.Reverse(steps)
	for _, step := range steps {
		dir := c.Of(step)
		cp, err := ReadCheckpoint(dir)
		if err == nil {
			return dir, cp, warnings
		}
		warnings = append(warnings, err.Error())
	}
	return "", Checkpoint{}, warnings
}

// Of is the folder of the checkpoint of a step.
func (c Checkpoints) Of(step int) string {
	return filepath.Join(c.Dir, checkpointPrefix+strconv.Itoa(step))
}

// ReadCheckpoint reads and verifies a checkpoint.
func ReadCheckpoint(dir string) (Checkpoint, error) {
	text, err := os.ReadFile(filepath.Join(dir, checkpointState))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint %s is not whole: %w", dir, err)
	}
	cp, err := parseCheckpoint(text)
	if err != nil {
		return cp, fmt.Errorf("checkpoint %s: %w", dir, err)
	}
	found, err := hashFolder(dir)
	if err != nil {
		return cp, fmt.Errorf("checkpoint %s: %w", dir, err)
	}
	for name, want := range cp.SHA256 {
		if found[name] != want {
			return cp, fmt.Errorf("checkpoint %s: %s is missing or damaged (its checksum differs)", dir, name)
		}
	}
	return cp, nil
}

// unsealed stands where the checksum of state.json will.
var unsealed = strings.Repeat("0", 2*sha256.Size)

// sealed is state.json with its checksum.
func (cp Checkpoint) sealed() ([]byte, error) {
	cp.StateSHA256 = unsealed
	text, err := json.MarshalIndent(cp, "", "  ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	cp.StateSHA256 = hexSum(text)
	sealed, err := json.MarshalIndent(cp, "", "  ")
	return append(sealed, '\n'), err
}

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func parseCheckpoint(text []byte) (Checkpoint, error) {
	var cp Checkpoint
	if err := json.Unmarshal(text, &cp); err != nil {
		return cp, fmt.Errorf("%s is not readable: %w", checkpointState, err)
	}
	if cp.Version < 1 || cp.Version > checkpointVersion {
		return cp, fmt.Errorf("%s has version %d, this program writes %d and reads 1 to %d", checkpointState, cp.Version, checkpointVersion, checkpointVersion)
	}
	if cp.Version > 1 || cp.StateSHA256 != "" {
		open := bytes.Replace(text, []byte(cp.StateSHA256), []byte(unsealed), 1)
		if len(cp.StateSHA256) != len(unsealed) || hexSum(open) != cp.StateSHA256 {
			return cp, fmt.Errorf("%s is damaged (its own checksum differs)", checkpointState)
		}
	}
	if cp.Step < 0 || cp.Position.Epoch < 0 || cp.Position.Batch < 0 || cp.Tokens < 0 || cp.MetricsBytes < 0 {
		return cp, fmt.Errorf("%s has a negative position", checkpointState)
	}
	if !cp.LossScale.valid() {
		return cp, fmt.Errorf("%s has an impossible loss scale, %g after %d steps", checkpointState, cp.LossScale.Scale, cp.LossScale.Good)
	}
	if len(cp.SHA256) == 0 {
		return cp, fmt.Errorf("%s names no files", checkpointState)
	}
	return cp, nil
}

// steps are the checkpoints' steps in rising order.
func (c Checkpoints) steps() []int {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return nil
	}
	var steps []int
	for _, e := range entries {
		if number, ok := strings.CutPrefix(e.Name(), checkpointPrefix); ok {
			if step, err := strconv.Atoi(number); err == nil {
				steps = append(steps, step)
			}
		}
	}
	slices.Sort(steps)
	return steps
}

// prune removes all but the newest, and that of the best step where it is to be kept.
func (c Checkpoints) prune(best int) error {
	steps := c.steps()
	if c.Keep <= 0 || len(steps) <= c.Keep {
		return nil
	}
	for _, step := range steps[:len(steps)-c.Keep] {
		if c.KeepBest && step == best {
			continue
		}
		if err := os.RemoveAll(c.Of(step)); err != nil {
			return err
		}
	}
	return nil
}

func hashFolder(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, e := range entries {
		if e.Name() == checkpointState {
			continue
		}
		if sums[e.Name()], err = HashFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// HashFile is the SHA-256 of a file, in hexadecimal.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func syncFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := syncPath(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return syncPath(dir)
}

// syncPath makes a file, or a folder's list of files, last through a power
// cut. Systems that cannot sync a folder are left alone.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrInvalid) {
		if st, e := f.Stat(); e == nil && st.IsDir() {
			return nil
		}
		return err
	}
	return nil
}
