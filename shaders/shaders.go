// Package shaders holds the GLSL compute kernels and their SPIR-V, which
// `make shaders` makes and users never need to. README.md states how a kernel
// is written. It knows no Vulkan and no program.
package shaders

import (
	"embed"
	"fmt"
)

//go:embed spirv/*.spv
var spirv embed.FS

// SPIRV is the code of the kernel in NAME.comp.
func SPIRV(name string) ([]byte, error) {
	code, err := spirv.ReadFile("spirv/" + name + ".spv")
	if err != nil {
		return nil, fmt.Errorf("there is no shader %q", name)
	}
	return code, nil
}
