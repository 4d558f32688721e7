package vk

// Lane is one of the two orders in which a device takes submissions. Each is a
// queue of its own where the device has two that are worth it; what is submitted
// to one of them waits for the other only where that is asked for.
type Lane int

const (
	// Compute takes all commands.
	Compute Lane = iota
	// Transfer takes copies.
	Transfer
	lanes
)

// Other is the other lane.
func (l Lane) Other() Lane { return 1 - l }

// TransferQueue says where a device's Transfer lane runs.
type TransferQueue int

const (
	// SameQueue is the queue of Compute: copies and kernels take turns.
	SameQueue TransferQueue = iota
	// SecondQueue is another queue of the same family.
	SecondQueue
	// DedicatedQueue is one that only copies: a copy engine beside the processor.
	DedicatedQueue
)

func (q TransferQueue) String() string {
	return [...]string{"the queue of kernels", "a second queue", "a queue of their own"}[q]
}

// queueFamily is a kind of queue that a device has.
type queueFamily struct {
	compute, graphics, transfer bool
	queues                      uint32
	tickBits                    int
}

// queue is one queue of a family.
type queue struct{ family, index uint32 }

// laneQueues has the queue of each lane.
type laneQueues [lanes]queue

func (q laneQueues) kind() TransferQueue {
	switch {
	case q[Compute].family != q[Transfer].family:
		return DedicatedQueue
	case q[Compute] != q[Transfer]:
		return SecondQueue
	}
	return SameQueue
}

// chooseQueues takes the first family that computes, and for copies one that does
// nothing else, else a second queue of the first, else the same queue. Where
// the device's memory is the host's there is no bus to keep busy, and
// the copies of one queue are as good.
func chooseQueues(families []queueFamily, kind Kind) (q laneQueues, ok bool) {
	for i, f := range families {
		if f.compute && !ok {
			first := queue{uint32(i), 0}
			q, ok = laneQueues{first, first}, true
		}
	}
	if !ok || kind == Integrated {
		return q, ok
	}
	for i, f := range families {
		if f.transfer && !f.compute && !f.graphics {
			q[Transfer] = queue{uint32(i), 0}
			return q, true
		}
	}
	if families[q[Compute].family].queues > 1 {
		q[Transfer].index = 1
	}
	return q, true
}
