package vulkan

import (
	"slices"
	"strings"
	"testing"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
	"github.com/loraedge/loraedge/core/program"
)

// Ranges side by side with the same factors are one dispatch; a gap, which an
// update must leave alone, another rate or another decay begins a new one.
func TestMergedRanges(t *testing.T) {
	got := merged([]program.Range{
		{Offset: 0, Len: 256, Rate: 1, Decay: 1},
		{Offset: 256, Len: 500, Rate: 1, Decay: 1},
		{Offset: 768, Len: 256, Rate: 1, Decay: 1},
		{Offset: 1024, Len: 256, Rate: 16, Decay: 1},
		{Offset: 1280, Len: 256, Rate: 16, Decay: 0},
		{Offset: 1536, Len: 3, Rate: 16, Decay: 0},
	})
	want := []program.Range{
		{Offset: 0, Len: 756, Rate: 1, Decay: 1},
		{Offset: 768, Len: 256, Rate: 1, Decay: 1},
		{Offset: 1024, Len: 256, Rate: 16, Decay: 1},
		{Offset: 1280, Len: 259, Rate: 16, Decay: 0},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// What no kernel can do is an error that says what was found.
func TestAttentionTooLarge(t *testing.T) {
	k := &kernels{info: &vk.Info{MaxGroups: [3]uint32{65535, 100, 65535}}}
	for want, a := range map[string]program.Attr{
		"heads of 257 columns": {Heads: 1, HeadDim: 257},
		"101 heads":            {Heads: 101, HeadDim: 64},
	} {
		if _, err := k.heads(&a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant an error with %q", err, want)
		}
	}
}

func TestGroupSize(t *testing.T) {
	for n, want := range map[int]int{1: 32, 32: 32, 33: 64, 64: 64, 128: 128, 129: 256, 576: 256, 8192: 256} {
		if got := groupSize(n); got != want {
			t.Errorf("%d elements: %d invocations, want %d", n, got, want)
		}
	}
}
