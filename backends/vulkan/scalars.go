package vulkan

import (
	"encoding/binary"
	"math"

	"github.com/loraedge/loraedge/core/program"
	"github.com/loraedge/loraedge/formats/dtype"
)

// scalarBytes is the size of the block of scalars.
const scalarBytes = 256

// putScalars writes a run's scalars as Scalars of shaders/common.glsl.
func putScalars(to []byte, s *program.Scalars) {
	words := []uint32{
		uint32(s.Seed), uint32(s.Seed >> 32), s.DropoutStep, word(s.Training),
		math.Float32bits(s.Adapter), math.Float32bits(s.LossFactor()),
		math.Float32bits(s.LearningRate), math.Float32bits(s.Beta1), math.Float32bits(s.Beta2),
		math.Float32bits(s.Epsilon), math.Float32bits(s.WeightDecay), math.Float32bits(s.MaxNorm),
		uint32(s.Past), uint32(s.Tokens), math.Float32bits(s.Unscale()),
	}
	for i, w := range words {
		binary.LittleEndian.PutUint32(to[4*i:], w)
	}
}

// tableBytes is the size of Tables of shaders/common.glsl.
const tableBytes = 4 * (16 + 256)

func tables() []byte {
	var b []byte
	for _, v := range dtype.NormalFloat {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, v := range dtype.Dynamic {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
