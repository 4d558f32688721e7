package host_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/loraedge/loraedge/plugins/host"
	"github.com/loraedge/loraedge/plugins/protocol"
)

// find is the entry of a plugin in the host's list.
func find(t *testing.T, h *host.Host, name string) host.Info {
	t.Helper()
	for _, i := range h.List(t.Context()) {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("plugin %s is not listed", name)
	return host.Info{}
}

func TestListShowsBuiltinAndForeign(t *testing.T) {
	h := newHost(t, host.Options{}, "arch-panics")
	self := find(t, h, "builtin")
	if self.From != "built in" || !self.Trusted || self.Problem != "" || self.Protocol != protocol.Version || len(self.Families) != 3 || len(self.Types) != 7 {
		t.Errorf("built-in plugin is listed as %+v", self)
	}
	foreign := find(t, h, "panics")
	if foreign.Kind != protocol.Architecture || foreign.From != "your plugin folder" || !foreign.Trusted || foreign.Problem != "" || foreign.Protocol != protocol.Version {
		t.Errorf("foreign plugin is listed as %+v", foreign)
	}
}

// An untrusted plugin must not be started: this one would leave a file behind.
func TestUntrustedIsNotStarted(t *testing.T) {
	folder := t.TempDir()
	h := newHost(t, host.Options{Folder: folder})
	mark := filepath.Join(folder, "started")
	path := filepath.Join(folder, "loraedge-arch-sly")
	if err := os.WriteFile(path, []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := h.Architecture(t.Context(), "sly")
	wantError(t, err, "not asked: "+path, "not trusted", "loraedge plugins trust "+path)
	if i := find(t, h, "sly"); i.Trusted || i.Problem == "" || i.SHA256 == "" {
		t.Errorf("listed as %+v", i)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the plugin was started")
	}
}

func TestChangedAfterTrust(t *testing.T) {
	folder := t.TempDir()
	h := newHost(t, host.Options{Folder: folder}, "arch-panics")
	a, err := h.Architecture(t.Context(), "panics")
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Build(t.Context(), protocol.Request{}) // ends the process
	wantError(t, err, "panicked")

	path := filepath.Join(folder, "loraedge-arch-panics")
	change(t, path)
	_, err = h.Architecture(t.Context(), "panics")
	wantError(t, err, "its bytes are not those that you trusted")
	// A handle from before is no way around it.
	_, err = a.Build(t.Context(), protocol.Request{})
	wantError(t, err, "its bytes changed between finding and starting it")

	if _, err := h.Trust(path); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Architecture(t.Context(), "panics"); err != nil {
		t.Errorf("after trusting it again: %v", err)
	}
}

// change gives an executable other bytes, in a new file, as an installer would.
func change(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '!'), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestPinsOnlyNarrow(t *testing.T) {
	folder, config := t.TempDir(), t.TempDir()
	newHost(t, host.Options{Folder: folder, Config: config}, "arch-panics")
	sum := find(t, newHost(t, host.Options{Folder: folder, Config: config}), "panics").SHA256
	wrong := "00" + sum[2:]
	for _, c := range []struct {
		name, config, pin, want string
	}{
		{"trusted and pinned", config, sum, ""},
		{"trusted, pinned to other bytes", config, wrong, "lora.toml pins plugin panics to SHA-256 " + wrong},
		{"pinned, not trusted", t.TempDir(), sum, "not trusted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, host.Options{Folder: folder, Config: c.config, Pins: map[string]string{"panics": c.pin}})
			_, err := h.Architecture(t.Context(), "panics")
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, c.want)
		})
	}
}

func TestBuiltinNamesCannotBeTakenOver(t *testing.T) {
	h := newHost(t, host.Options{}, "arch-usurper", "data-alpaca")
	a, err := h.Architecture(t.Context(), "llama")
	if err != nil || a.Plugin != "builtin" {
		t.Errorf("llama is built by %v, %v", a, err)
	}
	d, err := h.Dataset(t.Context(), "alpaca")
	if err != nil || d.Plugin != "builtin" {
		t.Errorf("alpaca is converted by %v, %v", d, err)
	}
	for name, want := range map[string]string{
		"usurper": "never asked for model_type llama: built in, and cannot be taken over",
		"alpaca":  "never asked for dataset type alpaca: built in, and cannot be taken over",
	} {
		if i := find(t, h, name); i.Problem != want {
			t.Errorf("%s is listed with %q, want %q", name, i.Problem, want)
		}
	}
}

func TestWhatIsFoundWhere(t *testing.T) {
	folder, extra := t.TempDir(), t.TempDir()
	for path, mode := range map[string]os.FileMode{
		filepath.Join(folder, "loraedge-arch-twice"):    0o755,
		filepath.Join(extra, "loraedge-arch-twice"):     0o755,
		filepath.Join(folder, "loraedge-data-plain"):    0o644,
		filepath.Join(folder, "loraedge-data-BAD name"): 0o755,
		filepath.Join(folder, "something-else"):         0o755,
		filepath.Join(extra, "helper"):                  0o755,
	} {
		if err := os.WriteFile(path, []byte("#!/bin/false\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	h := newHost(t, host.Options{Folder: folder, Paths: []string{extra, filepath.Join(extra, "helper"), filepath.Join(extra, "missing")}})
	problems := map[string]string{}
	for _, i := range h.List(t.Context()) {
		problems[i.Path] = i.Problem
	}
	for path, want := range map[string]string{
		filepath.Join(extra, "loraedge-arch-twice"):     "not used: " + filepath.Join(folder, "loraedge-arch-twice") + " has the same name and comes first",
		filepath.Join(folder, "loraedge-data-plain"):    "not executable; run: chmod +x " + filepath.Join(folder, "loraedge-data-plain"),
		filepath.Join(folder, "loraedge-data-BAD name"): `"BAD name" cannot be a plugin's name: want a-z, 0-9, ., - and _, and not "builtin"`,
		filepath.Join(extra, "helper"):                  "not named like a plugin: want loraedge-arch-NAME or loraedge-data-NAME",
		filepath.Join(extra, "missing"):                 "cannot be read: no such file or directory",
	} {
		if problems[path] != want {
			t.Errorf("%s is listed with %q, want %q", path, problems[path], want)
		}
	}
	if _, listed := problems[filepath.Join(folder, "something-else")]; listed {
		t.Error("a file that is not named like a plugin is listed")
	}
}

func TestDamagedTrustTrustsNothing(t *testing.T) {
	folder, config := t.TempDir(), t.TempDir()
	newHost(t, host.Options{Folder: folder, Config: config}, "arch-panics")
	for _, damaged := range []string{"", "{", `{"plugins": null}`, `[]`, `{"plugins": {"a": 1}}`} {
		if err := os.WriteFile(filepath.Join(config, "trusted-plugins.json"), []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		h := newHost(t, host.Options{Folder: folder, Config: config})
		_, err := h.Architecture(t.Context(), "panics")
		wantError(t, err, "is damaged, so no plugin is trusted")
	}
}
