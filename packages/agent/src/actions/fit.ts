import { cutUtf8 } from '@plexd/runtime'

/** A list or text is cut to no less than this; what is too long even so is left out as a whole. */
const leastBytes = 32

/**
 * Shortens a value until its JSON has at most `maxBytes`: lists and texts that take more than a bound are cut there, with a
 * note of what is missing, and the bound is halved until the whole fits. Pure; the time is proportional to the value.
 */
export function fit(value: unknown, maxBytes: number): unknown {
  const bytes = bytesOf(value)
  if (bytes <= maxBytes) return value
  for (let bound = maxBytes; bound >= leastBytes; bound = Math.floor(bound / 2)) {
    const cut = cutParts(value, bound)
    if (bytesOf(cut) <= maxBytes) return cut
  }
  return { left_out: bytes }
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}

function cutParts(value: unknown, bound: number): unknown {
  if (typeof value === 'string') return cutText(value, bound)
  if (typeof value !== 'object' || value === null) return value
  const cut = (part: unknown): unknown => cutParts(part, bound)
  if (Array.isArray(value)) return cutList(value.map(cut), bound)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, cut(part)]))
}

function cutText(text: string, bound: number): string {
  return Buffer.byteLength(text) <= bound ? text : `${cutUtf8(text, bound)}… (cut)`
}

/** The items until the one with which they would take more than the bound. */
function cutList(items: readonly unknown[], bound: number): readonly unknown[] {
  let bytes = 0
  const end = items.findIndex((item) => {
    bytes += bytesOf(item)
    return bytes > bound
  })
  return end === -1 ? items : [...items.slice(0, end), { left_out: items.length - end }]
}
