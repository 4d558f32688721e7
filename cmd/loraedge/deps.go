package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"

	"github.com/loraedge/loraedge/core/config"
	"github.com/loraedge/loraedge/core/data"
	"github.com/loraedge/loraedge/core/graph"
	"github.com/loraedge/loraedge/core/job"
	"github.com/loraedge/loraedge/core/model"
	"github.com/loraedge/loraedge/core/report"
	"github.com/loraedge/loraedge/demo"
	"github.com/loraedge/loraedge/plugins/host"
	"github.com/loraedge/loraedge/plugins/protocol"
)

// newDeps wires the plugins, the device and the terminal into what a job
// needs. Plugins are called with ctx. The caller must call the function that it returns.
func newDeps(ctx context.Context, c *config.Config) (job.Deps, func(), error) {
	h, err := newHost(c.Plugins)
	if err != nil {
		return job.Deps{}, nil, err
	}
	device, closeDevice, err := newDevice(c.Device)
	if err != nil {
		h.Close()
		return job.Deps{}, nil, job.UsageError{Err: err}
	}
	plugins := pluginAdapter{ctx, h}
	return job.Deps{
		Architectures: plugins, Formats: plugins, Device: device, Version: version,
		Resolve:  func(name string) (string, error) { return demo.Resolve(name, cacheDir()) },
		Progress: report.NewProgress(os.Stderr),
		CacheDir: cacheDir(),
	}, func() { closeDevice(); h.Close() }, nil
}

func newHost(p config.Plugins) (*host.Host, error) {
	o := host.Options{Pins: p.SHA256}
	for _, path := range p.Paths {
		o.Paths = append(o.Paths, path.Name)
	}
	return host.New(o)
}

// cacheDir is where the embedded demo is unpacked: the user's cache, or the
// system's folder for temporary files where that cannot be written.
func cacheDir() string {
	dir := filepath.Join(xdg.CacheHome, "loraedge")
	if os.MkdirAll(dir, 0o755) != nil {
		return filepath.Join(os.TempDir(), "loraedge")
	}
	return dir
}

// pluginAdapter gives the core its plain interfaces over the plugin host. It
// lives as long as one command, whose context its calls have.
type pluginAdapter struct {
	ctx  context.Context
	host *host.Host
}

func (p pluginAdapter) Architecture(modelType string, config []byte, tensors []model.Tensor, sequenceLen int) (*graph.Graph, error) {
	a, err := p.host.Architecture(p.ctx, modelType)
	if err != nil {
		return nil, err
	}
	r := protocol.Request{Config: config, SequenceLen: sequenceLen}
	for _, t := range tensors {
		r.Tensors = append(r.Tensors, protocol.Tensor{Name: t.Name, Shape: t.Shape, DType: t.DType})
	}
	return a.Build(p.ctx, r)
}

func (p pluginAdapter) Types() ([]data.Type, error) {
	var all []data.Type
	for _, info := range p.host.List(p.ctx) {
		if info.Problem != "" {
			continue
		}
		for _, t := range info.Types {
			all = append(all, dataType(t, info.SHA256))
		}
	}
	return all, nil
}

func (p pluginAdapter) Type(name string) (data.Type, error) {
	d, err := p.host.Dataset(p.ctx, name)
	if err != nil {
		return data.Type{}, err
	}
	return dataType(d.Type, d.SHA256()), nil
}

func dataType(t protocol.DatasetType, identity string) data.Type {
	out := data.Type{Name: t.Name, Identity: identity}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, data.Column{Name: c.Name, Required: c.Required})
	}
	return out
}

func (p pluginAdapter) Convert(datasetType string, columns map[string]string, records []json.RawMessage) ([]data.Converted, error) {
	d, err := p.host.Dataset(p.ctx, datasetType)
	if err != nil {
		return nil, err
	}
	raw := make([][]byte, len(records))
	for i, r := range records {
		raw[i] = r
	}
	results, err := d.Convert(p.ctx, raw, columns)
	if err != nil {
		return nil, err
	}
	converted := make([]data.Converted, len(results))
	for i, r := range results {
		converted[i] = data.Converted{Conversation: r.Conversation, Problem: r.Error}
	}
	return converted, nil
}
