// What all kernels share; see README.md for the convention.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

// Operands are addresses of rows. Views begin at any row, so that an element's
// own size is all the alignment there is.
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Ints { int v[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Uints { uint v[]; };
// For operands whose address and columns are multiples of 4 elements.
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Vec4s { vec4 v[]; };
// For 16-bit operands whose address and columns are.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Pairs { uvec2 v[]; };

// The scalars of a run (core/program.Scalars), in the order of scalars.go.
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Scalars {
  uint seed_low, seed_high, dropout_step, training;
  float adapter, loss_factor;
  float learning_rate, beta1, beta2, epsilon, weight_decay, max_norm;
  uint past, tokens;
  float unscale;
};

// What does not change: the values of NF4's codes and of the codes of its nested scales.
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Tables {
  float normal[16];
  float dynamic[256];
};

// A grid of any number of workgroups is folded into rows of FOLD, since a
// device may allow no more than 65,535 in x; flat_group undoes it. The last
// row may have groups beyond the grid's end: kernels check their bound.
const uint FOLD = 32768;
uint flat_group() { return gl_WorkGroupID.y * FOLD + gl_WorkGroupID.x; }

// Dropout, as core/program/dropout.go defines it.
uint mix_bits(uint x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

// The part of the hash that the elements of a row share; index is the token's
// index in the accumulation window.
uint row_key(Scalars s, uint module, uint index) {
  uint h = mix_bits(s.seed_low ^ 0x85ebca6bu);
  h = mix_bits(h ^ s.seed_high);
  h = mix_bits(h ^ s.dropout_step);
  h = mix_bits(h ^ module);
  return mix_bits(h ^ index);
}

bool kept(uint key, uint column, uint threshold) { return mix_bits(key ^ mix_bits(column + 0x9e3779b9u)) >= threshold; }
