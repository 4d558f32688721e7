// Reductions over a workgroup of gl_WorkGroupSize.x ≤ 1024 invocations, a power of two.
// They go through shared memory in one fixed order, so that the result is
// the same for every subgroup size. All invocations must call them.

shared float reduce_memory[gl_WorkGroupSize.x];

float workgroup_sum(float x) {
  uint i = gl_LocalInvocationID.x;
  reduce_memory[i] = x;
  barrier();
  for (uint half_size = gl_WorkGroupSize.x / 2; half_size > 0; half_size /= 2) {
    if (i < half_size) reduce_memory[i] += reduce_memory[i + half_size];
    barrier();
  }
  x = reduce_memory[0];
  barrier();
  return x;
}

float workgroup_max(float x) {
  uint i = gl_LocalInvocationID.x;
  reduce_memory[i] = x;
  barrier();
  for (uint half_size = gl_WorkGroupSize.x / 2; half_size > 0; half_size /= 2) {
    if (i < half_size) reduce_memory[i] = max(reduce_memory[i], reduce_memory[i + half_size]);
    barrier();
  }
  x = reduce_memory[0];
  barrier();
  return x;
}
