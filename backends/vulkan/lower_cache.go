package vulkan

func lowerCacheAppend(k *kernels, in *instr) error {
	x, cache := in.in[0], in.out[0]
	n := x.elements()
	k.add("cache_append", nil, push(x, cache, k.scalars, x.rows, x.cols, cache.rows), flat(over(n, 256)), 32*float64(n))
	return nil
}
