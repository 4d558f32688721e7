//go:build unix

package safetensors

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// release tells the system that whole pages of a file's mapping are not needed
// now. Reading them again brings them back from the file.
func release(mapped []byte) error {
	page := uintptr(os.Getpagesize())
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(mapped)))
	skip := (page - begin%page) % page
	if uintptr(len(mapped)) < skip+page {
		return nil
	}
	whole := mapped[skip:]
	return unix.Madvise(whole[:uintptr(len(whole))/page*page], unix.MADV_DONTNEED)
}
