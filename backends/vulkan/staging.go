package vulkan

import "github.com/loraedge/loraedge/backends/vulkan/internal/vk"

// stagingBytes is how much is copied at a time.
const stagingBytes = 8 << 20

// staging is mapped memory through which blocks are written and read.
type staging struct {
	device *device
	block  *vk.Block
}

func newStaging(d *device) (*staging, error) {
	b, err := d.Alloc(stagingBytes, vk.ForHost)
	return &staging{d, b}, err
}

func (s *staging) close() {
	if s.block != nil {
		s.device.Free(s.block)
	}
}

// upload writes data to a block from byte at on.
func (s *staging) upload(to *vk.Block, at int64, data []byte) error {
	for len(data) > 0 {
		n := copy(s.block.Mapped, data)
		if err := s.run(vk.Copy(to, at, s.block, 0, int64(n))); err != nil {
			return err
		}
		data, at = data[n:], at+int64(n)
	}
	return nil
}

// download reads data from a block from byte at on.
func (s *staging) download(from *vk.Block, at int64, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), len(s.block.Mapped))
		if err := s.run(vk.Copy(s.block, 0, from, at, int64(n))); err != nil {
			return err
		}
		copy(data, s.block.Mapped[:n])
		data, at = data[n:], at+int64(n)
	}
	return nil
}

func (s *staging) run(c vk.Command) error {
	when, err := s.device.Submit([]vk.Command{c})
	if err != nil {
		return err
	}
	return s.device.Wait(vk.Compute, when)
}
