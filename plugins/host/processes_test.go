//go:build linux

package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loraedge/loraedge/plugins/host"
	"github.com/loraedge/loraedge/plugins/protocol"
)

// noZombies says that this process has no child that ended and was not waited
// for.
func noZombies(t *testing.T) {
	t.Helper()
	for pid, parent := range processes(t) {
		if parent == os.Getpid() && state(pid) == "Z" {
			t.Errorf("process %d is a zombie", pid)
		}
	}
}

// processes are the parents of all processes.
func processes(t *testing.T) map[int]int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parents := map[int]int{}
	for _, path := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if f := statFields(pid); len(f) > 1 {
			parents[pid], _ = strconv.Atoi(f[1])
		}
	}
	return parents
}

// statFields are those of /proc/pid/stat from the state on.
func statFields(pid int) []string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
}

// state of a process: "" where there is none.
func state(pid int) string {
	if f := statFields(pid); len(f) > 0 {
		return f[0]
	}
	return ""
}

func gone(pid int) bool {
	for range 100 {
		if s := state(pid); s == "" || s == "Z" {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

// What a plugin started itself goes with it, even though it holds the plugin's
// output open.
func TestCloseEndsGrandchildren(t *testing.T) {
	h := newHost(t, host.Options{}, "arch-spawns")
	a, err := h.Architecture(t.Context(), "spawns")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Build(t.Context(), protocol.Request{})
	wantError(t, err, "child ")
	var pid int
	if _, scanErr := fmt.Sscanf(err.Error(), "architecture spawns: child %d", &pid); scanErr != nil {
		t.Fatal(err)
	}
	start := time.Now()
	h.Close()
	if !gone(pid) {
		t.Errorf("process %d, which the plugin started, is still there", pid)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
}

// TestPluginsDieWithTheHost runs this test binary as a host that is killed.
func TestPluginsDieWithTheHost(t *testing.T) {
	if folder := os.Getenv("HOST_TO_BE_KILLED"); folder != "" {
		h := newHost(t, host.Options{}, "arch-parent")
		a, err := h.Architecture(t.Context(), "parent")
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Build(t.Context(), protocol.Request{})
		if err := os.WriteFile(filepath.Join(folder, "ready.part"), []byte(err.Error()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(folder, "ready.part"), filepath.Join(folder, "ready")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		return
	}
	folder := t.TempDir()
	cmd := exec.Command(self(t), "-test.run=^TestPluginsDieWithTheHost$")
	cmd.Env = append(os.Environ(), "HOST_TO_BE_KILLED="+folder, "TMPDIR="+folder)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []byte
	for range 200 {
		var err error
		if said, err = os.ReadFile(filepath.Join(folder, "ready")); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	var pid int
	if _, err := fmt.Sscanf(string(said), "architecture parent: pid %d", &pid); err != nil {
		t.Fatalf("the host said %q", said)
	}
	if !gone(pid) {
		t.Errorf("plugin %d outlives its host", pid)
	}
}
