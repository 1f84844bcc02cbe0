/** The recipients of an event: numbers of nodes, ascending, in the database as little-endian u32. */
export type Audience = Uint32Array

export function audienceOf(numbers: Iterable<number>): Audience {
  return Uint32Array.from(new Set(numbers)).sort()
}

export function encodeAudience(audience: Audience): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(audience.length * 4))
  audience.forEach((no, index) => {
    bytes.setUint32(index * 4, no, true)
  })
  return new Uint8Array(bytes.buffer)
}

export function decodeAudience(bytes: Uint8Array): Audience {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Uint32Array.from({ length: bytes.byteLength / 4 }, (_, index) =>
    view.getUint32(index * 4, true),
  )
}

export function includes(audience: Audience, no: number): boolean {
  let low = 0
  let high = audience.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const value = audience[middle] ?? 0
    if (value === no) return true
    if (value < no) low = middle + 1
    else high = middle - 1
  }
  return false
}
