/**
 * Tells what a text cannot contain, so that a search need not read it: a Bloom filter with one hash of each four
 * characters in a row. Four, because three of a random id are in every larger text by chance; one hash, because a word
 * that is searched for has several of them, which all have to be there.
 */
const gramLength = 4
const maxBits = 2 ** 17
/** Past it, half a filter would let everything pass. */
const maxDensity = 0.4

/** Of texts in lower case: as small as it is of use, a power of two of bytes. */
export function filterOf(texts: readonly string[]): Uint8Array {
  const characters = texts.reduce((sum, { length }) => sum + length, 0)
  const bits = Math.min(maxBits, Math.max(8, 2 ** Math.ceil(Math.log2(2 * characters + 1))))
  let filter = new Uint8Array(bits / 8)
  for (const text of texts)
    eachGram(text, (hash) => {
      const bit = hash & (bits - 1)
      filter[bit >>> 3] = (filter[bit >>> 3] ?? 0) | (1 << (bit & 7))
      return true
    })
  for (let half = halved(filter); half && densityOf(half) <= maxDensity; half = halved(half))
    filter = half
  return filter
}

/** Whether one of its texts may contain the needle, which is in lower case too. */
export function mayContain(filter: Uint8Array, needle: string): boolean {
  const mask = filter.length * 8 - 1
  return eachGram(needle, (hash) => {
    const bit = hash & mask
    return ((filter[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0
  })
}

/** Until `visit` returns false, and returns that. A hash has 17 bits. */
function eachGram(text: string, visit: (hash: number) => boolean): boolean {
  let a = text.charCodeAt(0)
  let b = text.charCodeAt(1)
  let c = text.charCodeAt(2)
  for (let at = gramLength - 1; at < text.length; at++) {
    const d = text.charCodeAt(at)
    if (!visit(hashOf(a | (b << 16), c | (d << 16)))) return false
    a = b
    b = c
    c = d
  }
  return true
}

/** Constants of MurmurHash3, whose bits all depend on all of the input. */
function hashOf(first: number, second: number): number {
  const mixed = Math.imul(first, 0xcc9e2d51) ^ Math.imul(second, 0x1b873593)
  return Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b) >>> 15
}

/** A hash has its low bits in the half too. */
function halved(filter: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const half = filter.slice(0, filter.length / 2)
  for (let at = 0; at < half.length; at++)
    half[at] = (half[at] ?? 0) | (filter[at + half.length] ?? 0)
  return half.length > 0 ? half : undefined
}

function densityOf(filter: Uint8Array): number {
  let bits = 0
  for (let byte of filter) for (; byte > 0; byte &= byte - 1) bits++
  return bits / (filter.length * 8)
}
