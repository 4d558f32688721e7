package vulkan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/loraedge/loraedge/backends/vulkan/internal/vk"
)

// ErrNoGPU says that nothing is wrong: there is just no GPU, no Vulkan, or a
// build without it.
var ErrNoGPU = errors.New("no GPU")

// choose picks the device that is asked for, or the best GPU of those that have not failed.
func choose(all []vk.Info, wanted string, failed map[int]error) (*vk.Info, error) {
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: Vulkan is installed, but has no device", ErrNoGPU)
	}
	if wanted != "" {
		return find(all, wanted)
	}
	var best *vk.Info
	for i := range all {
		if passedOver(&all[i], failed) != "" {
			continue
		}
		if best == nil || better(&all[i], best) {
			best = &all[i]
		}
	}
	if best == nil {
		err := fmt.Errorf("no Vulkan device can be used: %s", strings.Join(reasons(all, failed), "; "))
		if !slices.ContainsFunc(all, func(i vk.Info) bool { return i.Kind != vk.CPU }) {
			err = fmt.Errorf("%w: %w", ErrNoGPU, err)
		}
		return nil, err
	}
	return best, nil
}

// find finds a device by its number or a part of its name.
func find(all []vk.Info, wanted string) (*vk.Info, error) {
	n, err := strconv.Atoi(wanted)
	byNumber := err == nil
	for i := range all {
		match := strings.Contains(strings.ToLower(all[i].Name), strings.ToLower(wanted))
		if byNumber {
			match = i == n
		}
		if !match {
			continue
		}
		if lacks := all[i].Lacks(); len(lacks) > 0 {
			return nil, fmt.Errorf("%s lacks %s", all[i].Name, strings.Join(lacks, ", "))
		}
		return &all[i], nil
	}
	return nil, fmt.Errorf("there is no Vulkan device %q; there are: %s", wanted, strings.Join(names(all), ", "))
}

// better prefers a discrete GPU, then more memory.
func better(a, b *vk.Info) bool {
	if (a.Kind == vk.Discrete) != (b.Kind == vk.Discrete) {
		return a.Kind == vk.Discrete
	}
	return a.Memory > b.Memory
}

// passedOver says why a device is not chosen by itself; "" if it may be.
func passedOver(i *vk.Info, failed map[int]error) string {
	if err := failed[i.Index]; err != nil {
		return err.Error()
	}
	if lacks := i.Lacks(); len(lacks) > 0 {
		return "it lacks " + strings.Join(lacks, ", ")
	}
	if i.Kind == vk.CPU {
		return "it is the processor: the cpu backend is faster (name it to use it)"
	}
	return ""
}

func reasons(all []vk.Info, failed map[int]error) []string {
	var list []string
	for i := range all {
		list = append(list, all[i].Name+": "+passedOver(&all[i], failed))
	}
	return list
}

func names(all []vk.Info) []string {
	var list []string
	for i := range all {
		list = append(list, fmt.Sprintf("%d %s", i, all[i].Name))
	}
	return list
}
