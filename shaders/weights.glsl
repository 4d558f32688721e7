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

// What element i of a matrix in blocks is made of, as it lies in memory: the words of its code and of its block's scale or that
// scale's code, the nested scale and the offset; and i.
Raw fetch_block(Uints w, uint type, WeightParts p, uint i) {
  uint codes = w.v[i >> 3], block = i >> 6;
  if (type == NF4) return Raw(uvec4(codes, w.v[p.scales + block], 0, i), uvec4(0));
  return Raw(uvec4(codes, w.v[p.scales + (block >> 2)], w.v[p.nested + (block >> 8)], i), uvec4(w.v[p.offset], 0, 0, 0));
}

float block_scale(Raw raw, uint type, Tables t) {
  if (type == NF4) return uintBitsToFloat(raw.low.y);
  uint code = (raw.low.y >> (8 * (raw.low.w >> 6 & 3))) & 255;
  return t.dynamic[code] * uintBitsToFloat(raw.low.z) + uintBitsToFloat(raw.high.x);
}

// weight is element i of the matrix at w.
float weight(Uints w, WeightParts p, Tables t, uint i) {
  if (WEIGHT == F32) return uintBitsToFloat(w.v[i]);
  if (WEIGHT == BF16 || WEIGHT == F16) {
    i += p.scales;
    uint bits = (w.v[i >> 1] >> (16 * (i & 1))) & 0xffff;
    return WEIGHT == BF16 ? uintBitsToFloat(bits << 16) : unpackHalf2x16(bits).x;
  }
  Raw raw = fetch_block(w, WEIGHT, p, i);
  uint code = (raw.low.x >> (8 * ((i >> 1) & 3) + 4 * (1 - (i & 1)))) & 15;
  return t.normal[code] * block_scale(raw, WEIGHT, t);
}

// n elements from i on, 4 or 8, of a matrix whose columns and address are multiples of n, as they lie in memory; i is one too.
// What has to wait for them is left to raw_numbers. A word of NF4's codes has 8, and a block all of them.
Raw fetch_raw(Floats m, uint type, WeightParts p, uint i, uint n) {
  if (type == F32) return Raw(Eights(m).v[i / 4], n == 8 ? Eights(m).v[i / 4 + 1] : uvec4(0));
  if (type < NF4) return Raw(n == 8 ? Eights(m).v[i / 8] : uvec4(Pairs(m).v[i / 4], 0, 0), uvec4(0));
  return fetch_block(Uints(m), type, p, i);
}

// Numbers 4·part to 4·part+3 of those.
vec4 raw_numbers(Raw raw, uint type, Tables t, uint part) {
  if (type == F32) return uintBitsToFloat(part == 0 ? raw.low : raw.high);
  uvec2 bits = part == 0 ? raw.low.xy : raw.low.zw;
  if (type == BF16) return unpack_bfloat16(bits);
  if (type == F16) return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
  uint codes = raw.low.x >> (4 * ((raw.low.w + 4 * part) & 4));
  return block_scale(raw, type, t) *
      vec4(t.normal[(codes >> 4) & 15], t.normal[codes & 15], t.normal[(codes >> 12) & 15], t.normal[(codes >> 8) & 15]);
}
