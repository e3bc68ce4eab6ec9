/**
 * uuid v7 (RFC 9562) from a time and 80 random or derived bits; ids sort by creation, which keeps index inserts local.
 * @param millis milliseconds since 1970.  @param bits ten bytes; six of their bits are overwritten by version and variant.
 */
export function uuidV7From(millis: number, bits: Uint8Array): string {
  const hex = Math.floor(millis).toString(16).padStart(12, '0');
  let tail = '';
  for (let i = 0; i < 10; i++) {
    let byte = bits[i] ?? 0;
    if (i === 0) byte = (byte & 0x0f) | 0x70;
    if (i === 2) byte = (byte & 0x3f) | 0x80;
    tail += (byte < 16 ? '0' : '') + byte.toString(16);
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${tail.slice(0, 4)}-${tail.slice(4, 8)}-${tail.slice(8, 20)}`;
}
