package host

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/loraedge/loraedge/plugins/protocol"
)

// Architecture returns what builds models of a model_type of config.json, or
// of a class that its "architectures" names. Built-in families come first, so
// none can be taken over. An error lists what is known and which plugins were
// not asked.
func (h *Host) Architecture(ctx context.Context, modelType string) (*Architecture, error) {
	var known []string
	var found *Architecture
	notes, err := h.search(ctx, protocol.Architecture, modelType, func(p *process, r *running) bool {
		for _, f := range r.families {
			known = append(known, f.ModelTypes...)
			if slices.Contains(f.ModelTypes, modelType) || slices.Contains(f.Architectures, modelType) {
				found = &Architecture{Family: f, Plugin: p.name, process: p}
				return true
			}
		}
		return false
	})
	if err != nil || found != nil {
		return found, err
	}
	return nil, unknown(fmt.Sprintf("config.json: model_type is %q, which no plugin knows", plain(modelType)), known, notes)
}

// Dataset returns what converts records of a type. Built-in types come first.
// An error lists what is known and which plugins were not asked.
func (h *Host) Dataset(ctx context.Context, name string) (*Dataset, error) {
	var known []string
	var found *Dataset
	notes, err := h.search(ctx, protocol.Dataset, name, func(p *process, r *running) bool {
		for _, t := range r.types {
			known = append(known, t.Name)
			if t.Name == name {
				found = &Dataset{Type: t, Plugin: p.name, process: p}
				return true
			}
		}
		return false
	})
	if err != nil || found != nil {
		return found, err
	}
	return nil, unknown(fmt.Sprintf("dataset type %q is one that no plugin knows", plain(name)), known, notes)
}

func unknown(what string, known, notes []string) error {
	sort.Strings(known)
	text := fmt.Sprintf("%s; known are %s", what, strings.Join(slices.Compact(known), ", "))
	for _, n := range notes {
		text += "\n" + n
	}
	return fmt.Errorf("%s", text)
}

// search asks the built-in plugin, then the foreign ones of a kind, first those
// of the wanted name, until match says yes. Plugins that cannot run do not
// stop the search; they are in notes.
func (h *Host) search(ctx context.Context, kind, wanted string, match func(*process, *running) bool) (notes []string, err error) {
	done := false
	ask := func(_ context.Context, p *process, r *running) error {
		done = match(p, r)
		return nil
	}
	if err := h.builtin.offer(ctx, ask); err != nil || done {
		return nil, err
	}
	candidates := h.discover()
	sort.SliceStable(candidates, func(i, j int) bool {
		return candidates[i].Name == wanted && candidates[j].Name != wanted
	})
	for _, c := range candidates {
		if c.Kind != kind && c.Kind != "" {
			continue
		}
		if c.Problem != "" {
			notes = append(notes, fmt.Sprintf("not asked: %s: %s", c.Path, c.Problem))
			continue
		}
		if err := h.process(c).offer(ctx, ask); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			notes = append(notes, err.Error())
		}
		if done {
			return nil, nil
		}
	}
	return notes, nil
}

// offer starts the plugin and shows what it offers.
func (p *process) offer(ctx context.Context, f func(context.Context, *process, *running) error) error {
	return p.call(ctx, describing, func(ctx context.Context, r *running) error { return f(ctx, p, r) })
}

// List returns the built-in plugin and every foreign one that was found, with
// what those say of themselves that may run. It starts no plugin that is not
// trusted. A plugin that fails has the failure as its Problem.
func (h *Host) List(ctx context.Context) []Info {
	self := Info{Name: builtinName, Path: h.builtin.path, From: "built in", Trusted: true}
	h.ask(ctx, h.builtin, &self)
	all := []Info{self}
	for _, c := range h.discover() {
		if c.Problem == "" {
			h.ask(ctx, h.process(c), &c)
			c.Problem = takeover(c, self)
		}
		all = append(all, c)
	}
	return all
}

func (h *Host) ask(ctx context.Context, p *process, info *Info) {
	err := p.offer(ctx, func(_ context.Context, _ *process, r *running) error {
		info.Protocol, info.Families, info.Types = protocol.Version, r.families, r.types
		return nil
	})
	if err != nil {
		info.Problem = err.Error()
	}
}

// takeover says which of a plugin's names are built in and so never reach it.
func takeover(c, builtin Info) string {
	switch {
	case c.Problem != "":
		return c.Problem
	case c.Kind == protocol.Architecture && len(c.Families) == 0, c.Kind == protocol.Dataset && len(c.Types) == 0:
		return "named like a plugin of kind " + c.Kind + ", but offers none"
	}
	taken := map[string]bool{}
	for _, f := range builtin.Families {
		for _, t := range f.ModelTypes {
			taken["model_type "+t] = true
		}
	}
	for _, t := range builtin.Types {
		taken["dataset type "+t.Name] = true
	}
	var names []string
	for _, f := range c.Families {
		for _, t := range f.ModelTypes {
			names = append(names, "model_type "+t)
		}
	}
	for _, t := range c.Types {
		names = append(names, "dataset type "+t.Name)
	}
	var lost []string
	for _, n := range names {
		if taken[n] {
			lost = append(lost, n)
		}
	}
	if len(lost) == 0 {
		return ""
	}
	return "never asked for " + strings.Join(lost, ", ") + ": built in, and cannot be taken over"
}
