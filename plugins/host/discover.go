package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/loraedge/loraedge/plugins/protocol"
)

// Info is a plugin that was found.
type Info struct {
	// Name is what follows loraedge-arch- or loraedge-data-.
	Name string
	// Kind is protocol.Architecture or protocol.Dataset; "" for the built-in
	// plugin, which is both.
	Kind string
	Path string
	// From says where it was found: "built in", "beside the program", "your
	// plugin folder", "lora.toml".
	From string
	// SHA256 of the executable, in hexadecimal; "" for the built-in plugin.
	SHA256 string
	// Trusted says that the user allowed these very bytes to run.
	Trusted bool
	// Problem says why it does not run, and what to do; "" where it does.
	Problem string

	// What a plugin that runs says of itself.
	Protocol int
	Families []protocol.Family
	Types    []protocol.DatasetType
}

type candidate = Info

const (
	archPrefix = "loraedge-arch-"
	dataPrefix = "loraedge-data-"
)

var pluginName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// discover finds foreign plugins and says of each whether it may run. It
// starts nothing.
func (h *Host) discover() []candidate {
	trusted, trustErr := h.readTrust()
	var all []candidate
	seenName, seenPath := map[string]string{}, map[string]bool{}
	for _, c := range h.files() {
		if seenPath[c.Path] {
			continue
		}
		seenPath[c.Path] = true
		key := c.Kind + " " + c.Name
		first := seenName[key]
		switch {
		case c.Problem != "":
		case first != "":
			c.Problem = fmt.Sprintf("not used: %s has the same name and comes first", first)
		case trustErr != nil:
			c.Problem = trustErr.Error()
		default:
			seenName[key] = c.Path
			h.allow(&c, trusted)
		}
		all = append(all, c)
	}
	return all
}

// allow decides whether a file that is a plugin may run.
func (h *Host) allow(c *candidate, trusted trust) {
	var err error
	if c.SHA256, err = hashFile(c.Path); err != nil {
		c.Problem = fmt.Sprintf("cannot be read: %v", plainPath(err))
		return
	}
	c.Trusted = trusted.has(c.SHA256)
	pin, pinned := h.options.Pins[c.Name]
	switch {
	case !c.Trusted && trusted.hasPath(c.Path):
		c.Problem = fmt.Sprintf("its bytes are not those that you trusted; if you expected that, run: loraedge plugins trust %s", c.Path)
	case !c.Trusted:
		c.Problem = fmt.Sprintf("not trusted; if you want it to run on this machine, run: loraedge plugins trust %s", c.Path)
	case pinned && !strings.EqualFold(pin, c.SHA256):
		c.Problem = fmt.Sprintf("lora.toml pins plugin %s to SHA-256 %s, but the file has %s; get the pinned version, or change the pin", c.Name, pin, c.SHA256)
	}
}

// files lists what is named like a plugin, in the order in which names win.
func (h *Host) files() []candidate {
	var all []candidate
	for _, f := range []struct{ folder, from string }{
		{h.options.Beside, "beside the program"},
		{h.options.Folder, "your plugin folder"},
	} {
		found, err := inFolder(f.folder, f.from)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			found = append(found, candidate{Path: f.folder, From: f.from, Problem: fmt.Sprintf("cannot be read: %v", plainPath(err))})
		}
		all = append(all, found...)
	}
	for _, path := range h.options.Paths {
		all = append(all, given(path)...)
	}
	return all
}

// given is what a path of lora.toml stands for: a folder, or an executable.
func given(path string) []candidate {
	const from = "lora.toml"
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		var found []candidate
		if found, err = inFolder(path, from); err == nil {
			return found
		}
	}
	if err != nil {
		return []candidate{{Path: path, From: from, Problem: fmt.Sprintf("cannot be read: %v", plainPath(err))}}
	}
	c, ok := fromFile(path, from)
	if !ok {
		c = candidate{Path: path, From: from, Problem: "not named like a plugin: want " + archPrefix + "NAME or " + dataPrefix + "NAME"}
	}
	return []candidate{c}
}

func inFolder(folder, from string) ([]candidate, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var found []candidate
	for _, e := range entries {
		if c, ok := fromFile(filepath.Join(folder, e.Name()), from); ok {
			found = append(found, c)
		}
	}
	return found, nil
}

// fromFile is the plugin that a file is by its name, if it is one.
func fromFile(path, from string) (candidate, bool) {
	c := candidate{Path: path, From: from}
	base := filepath.Base(path)
	if runtime.GOOS == "windows" {
		base = strings.TrimSuffix(base, ".exe")
	}
	switch {
	case strings.HasPrefix(base, archPrefix):
		c.Kind, c.Name = protocol.Architecture, base[len(archPrefix):]
	case strings.HasPrefix(base, dataPrefix):
		c.Kind, c.Name = protocol.Dataset, base[len(dataPrefix):]
	default:
		return c, false
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		c.Problem = fmt.Sprintf("cannot be read: %v", plainPath(err))
	case !pluginName.MatchString(c.Name) || c.Name == builtinName:
		c.Problem = fmt.Sprintf("%q cannot be a plugin's name: want a-z, 0-9, ., - and _, and not %q", c.Name, builtinName)
	case !info.Mode().IsRegular():
		c.Problem = "not a file"
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o111 == 0:
		c.Problem = "not executable; run: chmod +x " + path
	}
	return c, true
}

// plainPath drops the path from an error that is shown beside it.
func plainPath(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
