package vulkan

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/formats/dtype"
)

// device is an open device with the pipelines made so far.
type device struct {
	*vk.Device

	mu        sync.Mutex
	pipelines map[string]*vk.Pipeline

	// matrices are the types of factors whose products run on matrix units, verdicts
	// what led to that.
	matrices map[dtype.DType]bool
	verdicts []verdict
	// code is where kernels come from: shaders.SPIRV, in tests wrong ones.
	code func(shader string) ([]byte, error)
	// forceTile is the tile that all products take, in tests.
	forceTile tile
	// cache is where kernels are kept compiled, nil where they are not.
	cache *cache
}

// pipeline is a kernel with its constants, compiled when it is first wanted.
func (d *device) pipeline(shader string, constants []uint32, wholeSubgroups bool) (*vk.Pipeline, error) {
	key := pipelineKey(shader, constants)
	d.mu.Lock()
	p := d.pipelines[key]
	d.mu.Unlock()
	if p != nil {
		return p, nil
	}
	code, err := d.code(shader)
	if err != nil {
		return nil, err
	}
	p, err = d.Pipeline(code, constants, wholeSubgroups)
	if err != nil {
		return nil, fmt.Errorf("shader %s %v: %w", shader, constants, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pipelines[key] = p
	return p, nil
}

func pipelineKey(shader string, constants []uint32) string {
	key := []byte(shader + "\x00")
	for _, c := range constants {
		key = binary.LittleEndian.AppendUint32(key, c)
	}
	return string(key)
}

// prepare compiles the pipelines of all dispatches, several at a time.
func (d *device) prepare(all []work) error {
	wanted := map[string]*dispatch{}
	for i := range all {
		for j := range all[i].dispatches {
			x := &all[i].dispatches[j]
			wanted[pipelineKey(x.shader, x.constants)] = x
		}
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	turns := make(chan struct{}, runtime.NumCPU())
	for _, x := range wanted {
		wait.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if _, err := d.pipeline(x.shader, x.constants, x.wholeSubgroups); err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return failed
}

// close frees the pipelines and the device.
func (d *device) close() error {
	d.cache.save(d.Device)
	for _, p := range d.pipelines {
		d.FreePipeline(p)
	}
	d.pipelines = nil
	return d.Device.Close()
}
