package program

// Copied is the number of bytes that an entry's loads and saves copy between the
// host's memory and the device.
func (p *Program) Copied(e *Entry) int64 {
	var sum int64
	for i := range e.Calls {
		for _, list := range [][]Copy{e.Calls[i].Loads, e.Calls[i].Saves} {
			for _, c := range list {
				sum += p.Buffers[c.From].Bytes()
			}
		}
	}
	return sum
}

// OnDevice is the memory that the program asks of the device itself.
func (p *Program) OnDevice() int64 {
	var sum int64
	for _, b := range p.Blocks {
		if !b.Class.OfHost() {
			sum += b.Size
		}
	}
	return sum
}
