/** The recipients of an event: node numbers, ascending, each once. */
export type Audience = Uint32Array

export function audienceOf(numbers: Iterable<number>): Audience {
  return Uint32Array.from(new Set(numbers)).sort()
}

/** Whether a node is among the recipients. */
export function isAmong(audience: Audience, no: number): boolean {
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

/**
 * The stored form: pairs of little-endian u32, the first number of a run and its length. Most audiences are
 * a tenant without one node, so they are two runs, however large the fleet is.
 */
export function encodeAudience(audience: Audience): Uint8Array {
  const runs: [first: number, length: number][] = []
  for (const no of audience) {
    const run = runs.at(-1)
    if (run && run[0] + run[1] === no) run[1]++
    else runs.push([no, 1])
  }
  const view = new DataView(new ArrayBuffer(runs.length * runBytes))
  for (const [index, [first, length]] of runs.entries()) {
    view.setUint32(index * runBytes, first, true)
    view.setUint32(index * runBytes + 4, length, true)
  }
  return new Uint8Array(view.buffer)
}

export function* decodeAudience(encoded: Uint8Array): Generator<number> {
  const view = viewOf(encoded)
  for (let at = 0; at < view.byteLength; at += runBytes) {
    const first = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    for (let no = first; no < first + length; no++) yield no
  }
}

/** Whether a node is among the recipients, without decoding them. */
export function includes(encoded: Uint8Array, no: number): boolean {
  const view = viewOf(encoded)
  let low = 0
  let high = view.byteLength / runBytes - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const first = view.getUint32(middle * runBytes, true)
    if (no < first) high = middle - 1
    else if (no < first + view.getUint32(middle * runBytes + 4, true)) return true
    else low = middle + 1
  }
  return false
}

const runBytes = 8

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
