// Factors of products in bfloat16.
#extension GL_EXT_bfloat16 : require
#define ELEMENT bfloat16_t
#define ELEMENT_TYPE BF16
#define pack4 pack_bfloat16
