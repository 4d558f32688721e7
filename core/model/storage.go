package model

import (
	"fmt"
	"slices"

	"github.com/loraedge/loraedge/backends"
	"github.com/loraedge/loraedge/core/lower"
	"github.com/loraedge/loraedge/formats/dtype"
)

// Precision says how a session holds the frozen weights and multiplies.
type Precision struct {
	// Compute is the type of products, F32, BF16 or F16; 0 is what the device
	// prefers.
	Compute dtype.DType
	// FourBit is NF4 or NF4Double for the weights of the blocks' linears; 0
	// leaves them.
	FourBit dtype.DType
}

// SetPrecision chooses types for a program on this device: products as asked,
// frozen weights as they are in the files where the device can hold that, else
// in the type of products. Trained weights stay F32.
func (b *Base) SetPrecision(o *lower.Options, p Precision, device backends.Device) error {
	if p.Compute == dtype.Invalid {
		p.Compute = device.Prefers
	}
	if p.Compute == dtype.F32 {
		p.Compute = dtype.Invalid
	}
	if p.Compute != dtype.Invalid && !slices.Contains(device.Computes, p.Compute) {
		return fmt.Errorf("the device %s cannot compute in %s: set [device] dtype to \"auto\" or \"float32\"", device.Name, p.Compute)
	}
	if p.FourBit != dtype.Invalid && !slices.Contains(device.Stores, p.FourBit) {
		return fmt.Errorf("the device %s cannot hold weights in 4 bits", device.Name)
	}
	if o.Full && b.quantized() {
		return fmt.Errorf("base model %s is quantised to 4 bits: its weights cannot be trained whole; set [adapter] kind to \"lora\", or use the model that it was made from", b.Folder.Dir)
	}
	o.Compute = p.Compute
	o.Narrow, o.NarrowLinears = slices.Contains(device.Activations, p.Compute), device.NarrowLinears
	params := map[string]dtype.DType{} // the types in the files
	widths := map[string]int{}
	for _, g := range b.Graph.Params {
		widths[g.Name] = g.Shape[len(g.Shape)-1]
		if t, ok := b.Folder.Tensor(g.Tensor); ok {
			params[g.Name] = t.DType
		}
	}
	o.Store = func(param string, block bool) dtype.DType {
		file := params[param]
		switch {
		case file.InBlocks():
			return file
		case block && p.FourBit != dtype.Invalid && widths[param]%dtype.Block == 0:
			return p.FourBit
		case file != dtype.F32 && slices.Contains(device.Stores, file):
			return file
		case p.Compute != dtype.Invalid && slices.Contains(device.Stores, p.Compute):
			return p.Compute
		}
		return dtype.F32
	}
	return nil
}

// quantized says that some weights are in 4 bits in the files already.
func (b *Base) quantized() bool {
	for _, t := range b.Folder.Tensors() {
		if t.DType.InBlocks() {
			return true
		}
	}
	return false
}
