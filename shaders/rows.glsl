// Rows of tables that may be larger than 4 GiB: row·bytes in 64 bits.
#extension GL_EXT_buffer_reference_uvec2 : require

uvec2 row_address(uvec2 table, uint row, uint bytes) {
  uint high, low, carry;
  umulExtended(row, bytes, high, low);
  low = uaddCarry(table.x, low, carry);
  return uvec2(low, table.y + high + carry);
}
