package vulkan

import (
	"encoding/binary"
	"math"

	"github.com/loraedge/loraedge/core/program"
)

// probeValues are n numbers between -1 and 1 in no pattern.
func probeValues(n int, seed uint32) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(program.Keep(seed, uint32(i)))/(1<<31) - 1
	}
	return list
}

func floatBytes(x []float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
