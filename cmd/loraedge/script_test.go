package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

const scriptConfig = `base_model = "model"
output_dir = "out"
[adapter]
lora_r = 2
[[datasets]]
path = "data.jsonl"
type = "completion"
[data]
sequence_len = 64
[train]
max_steps = 2
gradient_accumulation_steps = 1
`

// TestScripts runs the binary as a user does. Each script begins in a folder
// with a whole tiny model ("model"), data.jsonl of 8 records and a lora.toml that
// trains on them for 2 steps into "out". Beside testscript's own commands:
//
//	status N command…       the command ends with exit status N
//	untouched               there is no "out"
//	replace FILE OLD NEW    replaces text in a file, which must be there
//	cut FILE BYTES          keeps only the first bytes of a file
//	header FILE OLD NEW     replaces text of a .safetensors header
//	fill FILE TENSOR VALUE  gives all elements of a tensor of a .safetensors a value
//	bytes FILE HEX          writes a file of these bytes
//	lock FILE               holds a lock on a file until the script ends
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			if err := os.CopyFS(filepath.Join(e.WorkDir, "model"), os.DirFS(tinyModel)); err != nil {
				return err
			}
			files := map[string]string{}
			for name, text := range map[string]string{"lora.toml": scriptConfig, "data.jsonl": tinyData(8)} {
				if _, err := os.Stat(filepath.Join(e.WorkDir, name)); err != nil {
					files[name] = text
				}
			}
			return writeFiles(e.WorkDir, files)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitStatus, "untouched": untouched, "replace": replace, "cut": cut,
			"header": header, "fill": fill, "bytes": writeBytes, "lock": lock,
		},
	})
}

func arguments(ts *testscript.TestScript, neg bool, args []string, want int, usage string) {
	if neg || len(args) < want {
		ts.Fatalf("usage: %s", usage)
	}
}

func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "status N command…")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got, err = exit.ExitCode(), nil
	}
	ts.Check(err)
	if got != want {
		ts.Fatalf("exit status %d, wanted %d", got, want)
	}
}

func untouched(ts *testscript.TestScript, neg bool, args []string) {
	if _, err := os.Lstat(ts.MkAbs("out")); !os.IsNotExist(err) {
		ts.Fatalf("out was made (%v)", err)
	}
}

func replace(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "replace FILE OLD NEW")
	edit(ts, args[0], func(b []byte) ([]byte, error) { return replaced(b, args[1], args[2]) })
}

func cut(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "cut FILE BYTES")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	edit(ts, args[0], func(b []byte) ([]byte, error) { return b[:n], nil })
}

func header(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "header FILE OLD NEW")
	edit(ts, args[0], func(b []byte) ([]byte, error) {
		end := 8 + binary.LittleEndian.Uint64(b)
		text, err := replaced(b[8:end], args[1], args[2])
		if err != nil {
			return nil, err
		}
		out := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
		return append(append(out, text...), b[end:]...), nil
	})
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3, "fill FILE TENSOR VALUE")
	value, err := strconv.ParseFloat(args[2], 32)
	ts.Check(err)
	edit(ts, args[0], func(b []byte) ([]byte, error) {
		end := 8 + binary.LittleEndian.Uint64(b)
		var tensors map[string]struct {
			Offsets []uint64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(b[8:end], &tensors); err != nil {
			return nil, err
		}
		at := tensors[args[1]].Offsets
		if at == nil {
			return nil, fmt.Errorf("%q is not there", args[1])
		}
		for i := at[0]; i < at[1]; i += 4 {
			binary.LittleEndian.PutUint32(b[end+i:], math.Float32bits(float32(value)))
		}
		return b, nil
	})
}

func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, "bytes FILE HEX")
	var b []byte
	_, err := fmt.Sscanf(args[1], "%x", &b)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

func lock(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, "lock FILE")
	l := flock.New(ts.MkAbs(args[0]))
	ok, err := l.TryLock()
	ts.Check(err)
	if !ok {
		ts.Fatalf("%s is locked already", args[0])
	}
	ts.Defer(func() { l.Unlock() })
}

func edit(ts *testscript.TestScript, name string, change func([]byte) ([]byte, error)) {
	content, err := os.ReadFile(ts.MkAbs(name))
	ts.Check(err)
	content, err = change(content)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), content, 0o644))
}

func replaced(text []byte, old, with string) ([]byte, error) {
	if !bytes.Contains(text, []byte(old)) {
		return nil, fmt.Errorf("%q is not there", old)
	}
	return bytes.Replace(text, []byte(old), []byte(with), 1), nil
}
