package vk

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoVulkan says that there is no Vulkan here at all.
var ErrNoVulkan = errors.New("no Vulkan")

// Errors that a device can give at any time.
var (
	ErrOutOfMemory = errors.New("out of device memory")
	ErrLost        = errors.New("the device was lost: its driver stopped it or reset it, and nothing on it can be read any more")
)

// Kind is what a device is.
type Kind int

// The kinds of Vulkan's VkPhysicalDeviceType.
const (
	Other Kind = iota
	Integrated
	Discrete
	Virtual
	CPU
)

func (k Kind) String() string {
	return [...]string{"other", "integrated", "discrete", "virtual", "cpu"}[k]
}

// Component is a number's type in a matrix shape (VkComponentTypeKHR).
type Component uint32

// Component types that shaders use.
const (
	Float16  Component = 0
	Float32  Component = 1
	Bfloat16 Component = 1000141000
)

func (c Component) String() string {
	switch c {
	case Float16:
		return "f16"
	case Float32:
		return "f32"
	case Bfloat16:
		return "bf16"
	}
	return fmt.Sprintf("type %d", uint32(c))
}

// Matrix is a shape that a device multiplies at once: C[M,N] += A[M,K]·B[K,N].
type Matrix struct {
	M, N, K         int
	A, B, C, Result Component
	SubgroupScope   bool
}

// Features are abilities of a device that need not be there.
type Features struct {
	Address, Timeline, ScalarLayout, MemoryModel bool
	Float64, Int64, Int16, Float16, Int8         bool
	Storage16, Storage8, ExtendedTypes           bool
	SizeControl, FullSubgroups, Maintenance4     bool
	CooperativeMatrix, Bfloat16, Bfloat16Matrix  bool
	Statistics                                   bool // of pipelines
}

// Info describes a device.
type Info struct {
	Index                  int
	Name                   string
	Kind                   Kind
	DriverID               int
	DriverName, DriverInfo string
	VendorID, DeviceID     uint32
	Version                [2]int // of Vulkan, major and minor
	// Memory is the size of the device's own memory, Budget what is free of it;
	// 0 where the driver does not say.
	Memory, Budget int64
	MaxAllocation  int64
	MaxGroups      [3]uint32
	MaxInvocations int
	SharedMemory   int
	PushConstants  int
	// Subgroup is the size that kernels on matrix units have.
	Subgroup, MinSubgroup, MaxSubgroup int
	// FixedSubgroup says that a pipeline can ask for Subgroup, or gets nothing else.
	FixedSubgroup bool
	// SubgroupOperations is Vulkan's VkSubgroupFeatureFlags.
	SubgroupOperations uint32
	// MixedDotProducts says that dot products of four signed and four unsigned bytes are an instruction.
	MixedDotProducts bool
	Features         Features
	Matrices         []Matrix
	ComputeQueue     bool
	// Transfer is where copies beside kernels run.
	Transfer TransferQueue
	// CacheKey is another for every device and driver version whose pipeline caches differ.
	CacheKey [32]byte
	// TickNanoseconds is a step of the queue's clock, TickBits how many bits of it
	// count; 0 where it has none.
	TickNanoseconds float64
	TickBits        int
}

// Lacks lists what this backend needs and the device has not.
func (i *Info) Lacks() []string {
	var all []string
	need := func(ok bool, what string) {
		if !ok {
			all = append(all, what)
		}
	}
	need(i.Version[0] > 1 || i.Version[1] >= 2, fmt.Sprintf("Vulkan 1.2 (it has %d.%d)", i.Version[0], i.Version[1]))
	if len(all) > 0 {
		return all
	}
	const basicVoteArithmeticShuffle = 1 | 2 | 4 | 16
	need(i.ComputeQueue, "a queue for compute")
	need(i.Features.Address, "bufferDeviceAddress")
	need(i.Features.Timeline, "timelineSemaphore")
	need(i.Features.ScalarLayout, "scalarBlockLayout")
	need(i.Features.Storage16, "storageBuffer16BitAccess")
	need(i.SubgroupOperations&basicVoteArithmeticShuffle == basicVoteArithmeticShuffle, "subgroup arithmetic and shuffles")
	need(i.PushConstants >= MaxPush, "128 bytes of push constants")
	need(i.MaxInvocations >= 256, "workgroups of 256")
	need(i.SharedMemory >= 32<<10, "32 KiB of shared memory")
	return all
}

// MaxPush is the size of the push constants that Vulkan guarantees.
const MaxPush = 128

// Command is one thing to do on the device, in the layout of driver.h.
type Command struct {
	Kind CommandKind
	// Barrier makes it wait for everything before it, and see its writes.
	Barrier  uint32
	pipeline uint64
	// Base and Groups are the part of the grid that a dispatch does.
	Base, Groups [3]uint32
	pushSize     uint32
	value        uint32
	push         [MaxPush]byte
	from, to     uint64
	fromOffset   uint64
	toOffset     uint64
	size         uint64
}

// CommandKind says what a command does.
type CommandKind uint32

// The kinds of commands.
const (
	KindDispatch CommandKind = iota
	KindCopy
	KindFill
	kindResetTimes
	kindTime
)

// Dispatch runs a grid of workgroups. It panics on more than MaxPush bytes.
func Dispatch(p *Pipeline, push []byte, groups [3]uint32) Command {
	if len(push) > MaxPush {
		panic(fmt.Sprintf("vk: %d bytes of push constants, at most %d", len(push), MaxPush))
	}
	c := Command{Kind: KindDispatch, pipeline: p.handle, Groups: groups, pushSize: uint32(len(push))}
	copy(c.push[:], push)
	return c
}

// Copy copies size bytes from one block to another, or within one.
func Copy(to *Block, toOffset int64, from *Block, fromOffset, size int64) Command {
	return Command{Kind: KindCopy, from: from.buffer, to: to.buffer, fromOffset: uint64(fromOffset), toOffset: uint64(toOffset), size: uint64(size)}
}

// Fill sets size bytes, a multiple of 4, to zero.
func Fill(to *Block, offset, size int64) Command {
	return Command{Kind: KindFill, to: to.buffer, toOffset: uint64(offset), size: uint64(size)}
}

// ResetTimes forgets points in time 0 to n of MaxTimes; it goes before the Time commands
// of a submission.
func ResetTimes(n int) Command { return Command{Kind: kindResetTimes, value: uint32(n)} }

// Time notes when all commands before it have ended, as point n.
func Time(n int) Command { return Command{Kind: kindTime, Barrier: 1, value: uint32(n)} }

// MaxTimes is how many points in time a submission may note.
const MaxTimes = 1024

// Block is one allocation on a device.
type Block struct {
	Size int64
	// Address is where shaders find it.
	Address uint64
	// Mapped is its memory, where the host sees it.
	Mapped []byte

	buffer, memory uint64
}

// Pipeline is a shader that is ready to run.
type Pipeline struct{ handle uint64 }

// Statistic is a number that a driver's compiler gives, by the driver's name for it.
type Statistic struct {
	Name  string
	Value float64
}

// Where says which memory a block wants.
type Where int

const (
	// OnDevice is the device's own memory.
	OnDevice Where = iota
	// ForHost is mapped memory that the host reads and writes and the device copies.
	ForHost
)

// validationError is what the validation layer had to say.
func validationError(messages string) error {
	messages = strings.TrimSpace(messages)
	if messages == "" {
		return nil
	}
	return fmt.Errorf("vulkan validation: %s", messages)
}

// seconds are the differences of neighbours on the queue's clock, which may
// begin anew between them.
func (i *Info) seconds(ticks []uint64) []float64 {
	mask := ^uint64(0)
	if i.TickBits < 64 {
		mask = 1<<i.TickBits - 1
	}
	var all []float64
	for k := 1; k < len(ticks); k++ {
		all = append(all, float64((ticks[k]-ticks[k-1])&mask)*i.TickNanoseconds*1e-9)
	}
	return all
}
