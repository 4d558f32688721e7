// Elements of a frozen matrix in any type that programs hold; WEIGHT, a
// specialization constant of the kernel, says which. formats/dtype/block.go has
// the layout of NF4 and NF4Double.
#include "narrow.glsl"

const uint NF4 = 3, NF4_DOUBLE = 4; // after the types of narrow.glsl

// Where the parts of a matrix in blocks begin, in words; for BF16 and F16
// scales is 1 where the first element is the upper half of a word.
struct WeightParts {
  uint scales, nested, offset;
};

float block_scale(Uints w, WeightParts p, Tables t, uint block) {
  if (WEIGHT == NF4) return uintBitsToFloat(w.v[p.scales + block]);
  uint code = (w.v[p.scales + (block >> 2)] >> (8 * (block & 3))) & 255;
  return t.dynamic[code] * uintBitsToFloat(w.v[p.nested + (block >> 8)]) + uintBitsToFloat(w.v[p.offset]);
}

// weight is element i of the matrix at w.
float weight(Uints w, WeightParts p, Tables t, uint i) {
  if (WEIGHT == F32) return uintBitsToFloat(w.v[i]);
  if (WEIGHT == BF16 || WEIGHT == F16) {
    i += p.scales;
    uint bits = (w.v[i >> 1] >> (16 * (i & 1))) & 0xffff;
    return WEIGHT == BF16 ? uintBitsToFloat(bits << 16) : unpackHalf2x16(bits).x;
  }
  uint code = (w.v[i >> 3] >> (8 * ((i >> 1) & 3) + 4 * (1 - (i & 1)))) & 15;
  return t.normal[code] * block_scale(w, p, t, i >> 6);
}

// weight4 is elements i to i+3 of the matrix at w; i is a multiple of 4, and w and
// its columns are aligned for them. A block of NF4 has all four.
vec4 weight4(Uints w, WeightParts p, Tables t, uint i) {
  if (WEIGHT < NF4) return get4(Floats(w), WEIGHT, i);
  uint codes = w.v[i >> 3] >> (4 * (i & 4));
  return block_scale(w, p, t, i >> 6) *
      vec4(t.normal[(codes >> 4) & 15], t.normal[codes & 15], t.normal[(codes >> 12) & 15], t.normal[(codes >> 8) & 15]);
}
