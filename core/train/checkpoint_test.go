package train

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func save(t *testing.T, c Checkpoints, step int) {
	t.Helper()
	cp := Checkpoint{
		State:    State{Step: step, Position: Position{Epoch: 1, Batch: step}, Tokens: int64(100 * step)},
		Identity: map[string]string{"data": "abc"}, MetricsBytes: int64(10 * step),
	}
	err := c.Save(cp, func(dir string) error {
		return os.WriteFile(filepath.Join(dir, "weights"), []byte(strings.Repeat("w", step)), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCheckpointsKeepTheNewest(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir(), Keep: 2}
	for _, step := range []int{2, 9, 10} { // "10" comes before "9" in the alphabet
		save(t, c, step)
	}
	if got, want := names(t, c.Dir), []string{"step-10", "step-9"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the folder has %q, wanted %q", got, want)
	}
	dir, cp, warnings := c.Latest()
	if filepath.Base(dir) != "step-10" || len(warnings) > 0 {
		t.Fatalf("latest is %q with warnings %q", dir, warnings)
	}
	want := State{Step: 10, Position: Position{Epoch: 1, Batch: 10}, Tokens: 1000}
	if cp.State != want || cp.MetricsBytes != 100 || cp.Identity["data"] != "abc" {
		t.Errorf("read %+v", cp)
	}
}

func TestDamagedCheckpointIsPassedOver(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   string
	}{
		{"a changed byte", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "weights"), []byte("wwwv"), 0o644)
		}, "weights is missing or damaged"},
		{"a missing file", func(dir string) error { return os.Remove(filepath.Join(dir, "weights")) }, "weights is missing or damaged"},
		{"state.json cut off", func(dir string) error { return os.Truncate(filepath.Join(dir, "state.json"), 40) }, "state.json is not readable"},
		{"state.json empty", func(dir string) error { return os.Truncate(filepath.Join(dir, "state.json"), 0) }, "state.json is not readable"},
		{"no state.json", func(dir string) error { return os.Remove(filepath.Join(dir, "state.json")) }, "is not whole"},
		{"of a later version", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "state.json"), []byte(`{"version": 3}`), 0o644)
		}, "has version 3, this program writes 2 and reads 1 to 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := Checkpoints{Dir: t.TempDir()}
			save(t, all, 2)
			save(t, all, 4)
			if err := c.damage(filepath.Join(all.Dir, "step-4")); err != nil {
				t.Fatal(err)
			}
			dir, cp, warnings := all.Latest()
			if filepath.Base(dir) != "step-2" || cp.Step != 2 {
				t.Errorf("latest is %q, wanted step-2", dir)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], c.want) || !strings.Contains(warnings[0], "step-4") {
				t.Errorf("warnings %q, wanted one of step-4 with %q", warnings, c.want)
			}
		})
	}
}

// Whatever byte of state.json changes, the checkpoint is not taken.
func TestEveryByteOfTheStateCounts(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir()}
	save(t, c, 3)
	dir := c.Of(3)
	path := filepath.Join(dir, "state.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		for _, mask := range []byte{1, 0x20, 0xff} {
			damaged := append([]byte(nil), text...)
			damaged[i] ^= mask
			if err := os.WriteFile(path, damaged, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadCheckpoint(dir); err == nil {
				t.Errorf("accepted with byte %d %q as %q, in %q", i, text[i], damaged[i], text[max(0, i-10):min(len(text), i+10)])
			}
		}
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCheckpoint(dir); err != nil {
		t.Errorf("the whole one: %v", err)
	}
}

// Version 1 had no checksum of state.json.
func TestCheckpointOfVersion1(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir()}
	save(t, c, 3)
	old := `{"version": 1, "step": 3, "position": {"epoch": 0, "batch": 3}, "tokens": 300, "identity": {"data": "abc"}, "metrics_bytes": 30,
	"sha256": {"weights": "` + hexSum([]byte("www")) + `"}}`
	if err := os.WriteFile(filepath.Join(c.Of(3), "state.json"), []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	cp, err := ReadCheckpoint(c.Of(3))
	if want := (State{Step: 3, Position: Position{Batch: 3}, Tokens: 300}); err != nil || cp.State != want {
		t.Errorf("read %+v, %v", cp, err)
	}
}

func TestBestCheckpointIsKept(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir(), Keep: 1, KeepBest: true}
	for _, step := range []int{1, 2, 3, 4} {
		cp := Checkpoint{State: State{Step: step, Watch: Watch{BestStep: min(step, 2), BestLoss: 1.5}}}
		err := c.Save(cp, func(dir string) error { return os.WriteFile(filepath.Join(dir, "weights"), nil, 0o644) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, want := names(t, c.Dir), []string{"step-2", "step-4"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the folder has %q, wanted %q", got, want)
	}
}

func TestNoCheckpoint(t *testing.T) {
	dir, _, warnings := Checkpoints{Dir: filepath.Join(t.TempDir(), "none")}.Latest()
	if dir != "" || len(warnings) > 0 {
		t.Errorf("found %q, %q", dir, warnings)
	}
}

// A checkpoint that cannot be written leaves the earlier one and no half.
func TestFailedSave(t *testing.T) {
	c := Checkpoints{Dir: t.TempDir(), Keep: 1}
	save(t, c, 2)
	err := c.Save(Checkpoint{State: State{Step: 4}}, func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "weights"), []byte("half"), 0o644); err != nil {
			return err
		}
		return os.ErrDeadlineExceeded
	})
	if err == nil || !strings.Contains(err.Error(), "saving the checkpoint of step 4") {
		t.Errorf("error %v", err)
	}
	if got := names(t, c.Dir); !reflect.DeepEqual(got, []string{"step-2"}) {
		t.Errorf("the folder has %q", got)
	}
}

func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte(`{"version":1,"step":4,"position":{"epoch":1,"batch":4},"tokens":400,"identity":{"data":"abc"},"metrics_bytes":40,"sha256":{"weights":"00"}}`))
	f.Add([]byte(`{"version":1,"step":-4,"sha256":{"weights":"00"}}`))
	f.Add([]byte(`{"version":1,"position":{"batch":1e99}}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"version":2,"sha256":{"weights":"00"},"state_sha256":"0000000000000000000000000000000000000000000000000000000000000000"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		cp, err := parseCheckpoint(text)
		if err != nil {
			return
		}
		if cp.Step < 0 || cp.Tokens < 0 || cp.MetricsBytes < 0 || cp.Position.Epoch < 0 || cp.Position.Batch < 0 || len(cp.SHA256) == 0 {
			t.Errorf("accepted %+v", cp)
		}
	})
}
