package model

import (
	"fmt"
	"runtime/debug"
	"unsafe"

	"github.com/loraedge/loraedge/core/graph"
)

// loadMapped is loadParam from a file that is mapped into memory. Where another program cuts
// the file short, or its disk fails, reading it is a fault, which ends in an error here.
func (s *Session) loadMapped(p graph.Param, w *writer) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if fault, ok := r.(interface{ Addr() uintptr }); ok {
			for _, t := range s.base.Folder.Tensors() {
				if within(t.Data, fault.Addr()) {
					err = fmt.Errorf("%s: tensor %q cannot be read: the file was cut short or changed while it was read, or its disk fails; leave it alone during a run, and copy or download it again if it is damaged",
						t.Path, t.Name)
					return
				}
			}
		}
		panic(r)
	}()
	return s.loadParam(p, w)
}

// within says whether an address is one of data's.
func within(data []byte, address uintptr) bool {
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	return address >= begin && address < begin+uintptr(len(data))
}
