package vk

import "testing"

// Copies get a queue that does nothing else, else a second one, else that of kernels.
func TestChooseQueues(t *testing.T) {
	all := queueFamily{compute: true, graphics: true, transfer: true, queues: 1, tickBits: 64}
	many := all
	many.queues = 16
	graphics := queueFamily{graphics: true, queues: 1}
	compute := queueFamily{compute: true, transfer: true, queues: 8}
	copies := queueFamily{transfer: true, queues: 2}
	video := queueFamily{transfer: true, compute: false, queues: 1}
	for _, c := range []struct {
		name              string
		families          []queueFamily
		kind              Kind
		compute, transfer queue
		where             TransferQueue
	}{
		{"NVIDIA: graphics, copies, compute", []queueFamily{many, copies, compute}, Discrete, queue{0, 0}, queue{1, 0}, DedicatedQueue},
		{"AMD: graphics, compute, copies", []queueFamily{all, compute, copies, video}, Discrete, queue{0, 0}, queue{2, 0}, DedicatedQueue},
		{"one family of several queues", []queueFamily{many}, Discrete, queue{0, 0}, queue{0, 1}, SecondQueue},
		{"one queue", []queueFamily{all}, CPU, queue{0, 0}, queue{0, 0}, SameQueue},
		{"memory of the host", []queueFamily{many, copies}, Integrated, queue{0, 0}, queue{0, 0}, SameQueue},
		{"compute is not the first", []queueFamily{graphics, compute}, Discrete, queue{1, 0}, queue{1, 1}, SecondQueue},
	} {
		got, ok := chooseQueues(c.families, c.kind)
		if !ok || got[Compute] != c.compute || got[Transfer] != c.transfer || got.kind() != c.where {
			t.Errorf("%s: %v (%s), want %v and %v (%s)", c.name, got, got.kind(), c.compute, c.transfer, c.where)
		}
	}
	if _, ok := chooseQueues([]queueFamily{graphics, copies}, Discrete); ok {
		t.Error("a device that cannot compute has queues")
	}
}
