package host

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/adrg/xdg"
)

// Options say where plugins are and how long they may take. The zero value is
// what the program uses; tests give folders of their own.
type Options struct {
	// Self is the command that serves the built-in plugins; the default is
	// this binary with the arguments of BuiltinArgs.
	Self []string
	// Paths are folders and executables where foreign plugins are looked for
	// as well: [plugins] paths of lora.toml.
	Paths []string
	// Pins are the SHA-256 sums, in hexadecimal, that a foreign plugin of a
	// name must have. They forbid, and never allow.
	Pins map[string]string
	// Timeout bounds the start and every call; the default is 20 s.
	Timeout time.Duration

	// Beside is the folder of the binary, Folder the user's plugin folder, and
	// Config the folder where the user's trust is stored.
	Beside, Folder, Config string
}

// BuiltinArgs are the arguments with which the binary is started again to
// serve its own plugins; main then calls builtin.Serve.
func BuiltinArgs() []string { return []string{"plugin-serve", "builtin"} }

// Host runs plugins. Its methods may be called from several goroutines.
type Host struct {
	options Options
	builtin *process

	mu      sync.Mutex
	foreign map[string]*process // by path
	closed  bool
}

// New makes a host; it starts nothing.
func New(o Options) (*Host, error) {
	if o.Timeout <= 0 {
		o.Timeout = 20 * time.Second
	}
	if len(o.Self) == 0 || o.Beside == "" {
		binary, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("finding this program's own file, which serves the built-in plugins: %w", err)
		}
		if len(o.Self) == 0 {
			o.Self = append([]string{binary}, BuiltinArgs()...)
		}
		if o.Beside == "" {
			if real, err := filepath.EvalSymlinks(binary); err == nil {
				binary = real
			}
			o.Beside = filepath.Dir(binary)
		}
	}
	if o.Folder == "" {
		o.Folder = filepath.Join(xdg.DataHome, "loraedge", "plugins")
	}
	if o.Config == "" {
		o.Config = filepath.Join(xdg.ConfigHome, "loraedge")
	}
	h := &Host{options: o, foreign: map[string]*process{}}
	h.builtin = &process{name: builtinName, path: o.Self[0], args: o.Self[1:], timeout: o.Timeout}
	return h, nil
}

// builtinName is the name of the plugin that the binary itself serves.
const builtinName = "builtin"

// Close ends all plugins and waits until they are gone. The host is of no use
// afterwards.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	all := []*process{h.builtin}
	for _, p := range h.foreign {
		all = append(all, p)
	}
	h.mu.Unlock()
	var wait sync.WaitGroup
	for _, p := range all {
		wait.Go(p.close)
	}
	wait.Wait()
}

// process is the one process of a foreign plugin that may run.
func (h *Host) process(c candidate) *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.foreign[c.Path]
	if p == nil {
		p = &process{name: c.Name, path: c.Path, timeout: h.options.Timeout, closed: h.closed}
		h.foreign[c.Path] = p
	}
	p.allow(c.SHA256)
	return p
}
